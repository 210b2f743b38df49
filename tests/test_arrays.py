"""Arrays of callers: what is refused is refused alike by all that score, and in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polyest
from polyest import arrays
from polyest.errors import ArgumentError

ANSWERS = np.array([[1, 1, 2, 3]])
SCORED: dict[str, Callable[[Any], Any]] = {
    "answers": lambda usable: polyest.load("log", 4).rewards(ANSWERS, usable=usable),
    "rewards": lambda usable: polyest.graded.best_of(2, group_size=4).values(ANSWERS / 3, usable=usable),
}


class Unreadable:
    """An array of another library that numpy may not have."""

    def __array__(self, *_arguments: Any, **_options: Any) -> Any:
        raise RuntimeError("it is on a GPU")


@pytest.mark.parametrize("of", SCORED)
@pytest.mark.parametrize(
    ("usable", "came"),
    [
        (np.ones((1, 4)), "float64 of shape"),
        (np.ones(4, np.bool_), "bool of shape"),
        (np.ma.masked_array(np.ones((1, 4), np.bool_), False), "a masked array"),
        (Unreadable(), "it is on a GPU"),
        ([[True], [True, False]], "inhomogeneous"),
    ],
)
def test_a_mask_is_booleans_of_the_shape_of_what_is_scored(of: str, usable: Any, came: str) -> None:
    with pytest.raises(ArgumentError, match=rf"(?s)`usable` must be booleans of the {of}' shape.*{came}"):
        SCORED[of](usable)


@pytest.mark.parametrize("values", [np.ma.masked_array([1.0], [True]), ["1"], np.array(["1"]), [1j], Unreadable()])
def test_what_are_no_real_numbers_are_refused(values: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`weights` must be numbers; got .*; pass real numbers, of any size$"):
        arrays.read_numbers(values, "weights", "numbers", "of any size")


def test_numbers_that_are_float64_already_are_not_copied() -> None:
    given = np.array([1.0, 2.0])
    assert arrays.read_numbers(given, "weights", "numbers", "") is given
    assert arrays.read_numbers(given[::-1], "weights", "numbers", "").tolist() == [2.0, 1.0]
