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
        raise OSError("it is\non a GPU")


IN_ITSELF: list[Any] = []
IN_ITSELF.extend([IN_ITSELF, IN_ITSELF])


@pytest.mark.parametrize("of", SCORED)
@pytest.mark.parametrize(
    ("usable", "came"),
    [
        (np.ones((1, 4)), "float64 of shape"),
        (np.ones(4, np.bool_), "bool of shape"),
        (np.ma.masked_array(np.ones((1, 4), np.bool_), False), "a masked array"),
        ([np.ma.masked_array([True] * 4, [1, 0, 0, 0])], "a masked array"),
        (Unreadable(), "it is on a GPU"),
        (IN_ITSELF, "lists nested more than 32 deep"),
        ([[True], [True, False]], "inhomogeneous"),
    ],
)
def test_a_mask_is_booleans_of_the_shape_of_what_is_scored(of: str, usable: Any, came: str) -> None:
    with pytest.raises(ArgumentError, match=rf"(?s)`usable` must be booleans of the {of}' shape.*{came}"):
        SCORED[of](usable)


REFUSED: dict[str, Any] = {
    "masked": np.ma.masked_array([1.0], [True]),
    "a masked row": [np.ma.masked_array([1.0], [True])],
    "a masked row among others": ([1.0], np.ma.masked_array([1.0], [True])),
    "a masked number": [[1.0, np.ma.masked]],
    "a string": ["1"],
    "strings": np.array(["1"]),
    "complex": [1j],
    "elsewhere": Unreadable(),
    "in itself": IN_ITSELF,
}


@pytest.mark.parametrize("values", REFUSED.values(), ids=REFUSED)
def test_what_are_no_real_numbers_are_refused(values: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`weights` must be numbers; got .*; pass real numbers, of any size$"):
        arrays.read_numbers(values, "weights", "numbers", "of any size")


def test_numbers_that_are_float64_already_are_not_copied() -> None:
    given = np.array([1.0, 2.0])
    assert arrays.read_numbers(given, "weights", "numbers", "") is given
    assert arrays.read_numbers(given[::-1], "weights", "numbers", "").tolist() == [2.0, 1.0]


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_matrix_is_read_as_the_array_that_it_is() -> None:
    """Whatever is taken from a matrix has two dimensions."""
    answers, est, out = np.array([[1, 1, 2, 3]]), polyest.load("log", 4), np.zeros((1, 4))
    expected = est.rewards(answers)
    for form in (np.matrix(answers), [[1, 1, 2, 3]]):
        given: dict[str, Any] = {"weights": np.matrix(np.ones((1, 4))), "usable": np.matrix([[True] * 4])}
        np.testing.assert_array_equal(est.rewards(form, **given, out=out.view(np.matrix)), expected)
        np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(est.rewards([np.matrix(answers)]), [expected])
    with pytest.raises(ArgumentError, match=r"must be flat.*\(1, 4\)"):
        polyest.rewards(answers[0], np.matrix(answers), "log")
