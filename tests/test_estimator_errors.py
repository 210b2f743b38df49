"""Bad input: an error that says what to do, never a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import polyest
from polyest.errors import ArgumentError, TableNotFoundError


class NotNumpy:
    """An array of another library that numpy cannot read."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


class Cell:
    """An element of such an array, hashed by identity."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(1)


class Ambiguous:
    """An answer whose comparison has no truth value."""

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value is ambiguous")


DENSE = {
    "floats": (np.array([1.0, 2.0, 3.0]), r"`answers` must be integers.* got an array of float64"),
    "complex": (np.array([1j, 2, 3]), "complex128"),
    "dates": (np.array(["2026-01-01"] * 3, "M8[D]"), "datetime64"),
    "records": (np.zeros(3, "i4,i4"), "`answers` must be integers"),
    "list of float arrays": ([np.array([0.5, 1, 2])], "kinds f"),
    "list of scalars as arrays": ([np.array(1), np.array(1), np.array(2)], "`answers` must be lists of"),
    "masked": (np.ma.masked_array([1, 2, 3], [0, 0, 1]), "masked"),
    "wrong last dimension": (np.zeros((4, 5), int), r"shape \(\.\.\., 3\).*group_size=3; got shape \(4, 5\)"),
    "transposed": (np.zeros((3, 2), int), r"got shape \(3, 2\)"),
    "nothing": ([], r"got shape \(0,\)"),
    "unhashable": ([{"a": 1}, {"a": 1}, 3], "`answers` must be hashable, got unhashable type: 'dict'"),
    "unhashable objects": (np.array([[1], [2, 3], 4], object), "unhashable type: 'list'"),
    "deeper than it seems": ([1, [2], 3], "unhashable type: 'list'"),
    "rows of unequal length": ([[1, 2, 3], [1, 2]], "equal lengths, got lengths 2, 3.*polyest.rewards"),
    "a row that is none": ([[1, 2, 3], (1, 2, 3)], "none \\(no list\\)"),
    "ambiguous": ([Ambiguous(), Ambiguous(), 3], "`answers` must compare equal or not, got .*ambiguous.*use None"),
    "a tuple": ((1, 2, 3), "must be an array or a \\(nested\\) list, got tuple"),
    "a string": ("abc", "got str"),
    "a generator": ((i for i in range(3)), "got generator"),
    "a number": (3, "got int"),
    "a numpy number": (np.int64(3), "got int64"),
    "a device array": (NotNumpy(), "must be readable by numpy, got NotNumpy: can't convert cuda"),
    "elements hashed by identity": ([Cell(), Cell(), Cell()], "not compared by value"),
}
OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "padding of another kind": ({"padding_id": "pad"}, "`padding_id` must be an integer"),
    "float padding": ({"padding_id": -1.0}, "`padding_id` must be an integer"),
    "infinite pay": ({"no_answer_reward": float("inf")}, "`no_answer_reward` must be a finite number"),
    "a bool as pay": ({"no_answer_reward": True}, "`no_answer_reward` must be a finite number, got True"),
    "pay that is no number": ({"no_answer_reward": "0"}, "`no_answer_reward` must be a finite number, got '0'"),
    "reference of another shape": (
        {"reference": [0.5, 0.5]},
        r"`reference` must have the answers' shape \(3,\), got \(2,\)",
    ),
    "zero reference": ({"reference": [0.5, 0.0, 0.5]}, r"got 0\.0 \(and 0 more\)"),
    "negative reference": ({"reference": [0.5, -0.1, -0.1]}, r"got -0\.1 \(and 1 more\)"),
    "reference above one": ({"reference": [0.5, 1.5, 0.5]}, r"got 1\.5"),
    "reference that is missing": ({"reference": [0.5, np.nan, 0.5]}, "got nan"),
    "reference of digits": (
        {"reference": ["0.5", "0.5", "0.5"]},
        "`reference` must be probabilities.*pass real numbers",
    ),
    "complex reference": ({"reference": [0.5j, 0.5, 0.5]}, "`reference` must be probabilities.*complex128"),
    "huge reward of no answer": ({"no_answer_reward": 10**400}, "`no_answer_reward` must be a finite number"),
    "reference of words": ({"reference": ["a", "b", "c"]}, "`reference` must be probabilities"),
    "no thread": ({"threads": 0}, "`threads` must be at least 1"),
    "a thread or none": ({"threads": True}, "`threads` must be a whole number, got True"),
    "half a thread": ({"threads": 1.5}, "`threads` must be a whole number"),
}
OUTPUTS: dict[str, tuple[dict[str, Any], str]] = {
    "out of another shape": ({"out": np.empty(2)}, r"`out` must be a writeable array of the answers' shape \(3,\)"),
    "out that is a list": ({"out": [0.0] * 3}, "got list"),
    "out of integers": ({"out": np.empty(3, int)}, "must be float64 or float32, got int64"),
    "read-only out": ({"out": np.broadcast_to(0.0, 3)}, "`out` must be a writeable .*, got a read-only one"),
    "masked out": ({"out": np.ma.zeros(3)}, "`out` must not be a masked array; leave it out"),
    "half precision": ({"dtype": "f2"}, "must be float64 or float32"),
    "a dtype with a shape": ({"dtype": ("f8", -1)}, "`dtype` must be float64 or float32"),
    "no dtype": ({"dtype": "nonsense"}, "must be float64 or float32, got nonsense"),
    "out against dtype": ({"out": np.empty(3), "dtype": np.float32}, "`dtype` must be that of `out`, float64"),
}


@pytest.mark.parametrize(("answers", "message"), DENSE.values(), ids=DENSE)
@pytest.mark.parametrize("score", ["rewards", "advantages", "value"])
def test_bad_answers(score: str, answers: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        getattr(polyest.load("log", 3, "harmonic"), score)(answers)


@pytest.mark.parametrize(("options", "message"), (OPTIONS | OUTPUTS).values(), ids=OPTIONS | OUTPUTS)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    est = polyest.load("log", 3, "harmonic")
    for score in (
        (est.rewards, est.advantages, est.value) if options.keys().isdisjoint({"out", "dtype"}) else (est.rewards,)
    ):
        with pytest.raises(ArgumentError, match=message):
            score(np.array([1, 1, 2]), **options)
    for ragged in (polyest.rewards, polyest.advantages):
        with pytest.raises(ArgumentError, match=message):
            ragged(np.array([1, 1, 2]), [0, 0, 0], "log", "harmonic", **options)


def test_padding_id_that_is_not_hashable() -> None:
    with pytest.raises(ArgumentError, match=r"`padding_id` must be hashable, as the answers are, got \['x'\]"):
        polyest.load("log", 3, "harmonic").rewards(["a", "b", "x"], padding_id=["x"])


def test_groups_of_two_are_named_where_a_baseline_needs_three() -> None:
    with pytest.raises(ArgumentError, match=r"`baseline` needs groups of at least 3 .*, got 2.*drop groups of two"):
        polyest.rewards([1, 1, 2, 1, 1], [0, 0, 0, 1, 1], "log", "harmonic", baseline="group_mean")


def test_ragged_asks_for_the_tables_of_its_groups_only() -> None:
    """At K = 2 power(2) has no exact table, so that aqp makes sense there; at others it does not."""
    with pytest.raises(TableNotFoundError, match=r"--target 'power\(2\)'.*-k 2 "):
        polyest.rewards([1, 1], [0, 0], "power(2)", noise_budget=1.25)


def test_out_that_overlaps_the_answers_is_refused() -> None:
    answers = np.array([1, 1, 2])
    with pytest.raises(ArgumentError, match="`out` must not share memory"):
        polyest.load("log", 3, "harmonic").rewards(answers, out=answers.view(np.float64))


@pytest.mark.parametrize("group_size", [-1, 0, 1])
def test_no_groups_below_two(group_size: int) -> None:
    with pytest.raises(ArgumentError, match="`group_size` must be at least 2"):
        polyest.load("log", group_size)


ZEROS = np.zeros(2**16 + 1, int)
RAGGED: dict[str, tuple[Any, Any, str]] = {
    "lengths that differ": ([1, 2, 3], [0, 0], r"equal length, got shapes \(3,\) and \(2,\)"),
    "answers that are not flat": (np.zeros((2, 3), int), np.zeros((2, 3), int), r"must be flat.*\(2, 3\)"),
    "groups that are not flat": ([1, 2], [[0], [0]], "must be flat"),
    "float group ids": ([1, 2], np.array([0.0, 1.0]), "`groups` must be integers.* float64"),
    "missing group ids": ([1, 2], ["a", None], "`groups` must name the group of every completion, got None or NaN"),
    "masked group ids": ([1, 2], np.ma.array([1, 1], mask=[1, 0]), "`groups` must not be a masked array; drop"),
    "a group of more than any table": (
        ZEROS,
        ZEROS,
        "`groups` must have at most 65536 completions .* 65537",
    ),
    "unhashable group ids": ([1, 2], [["a"], {}], "`groups`"),
    "float answers": (np.array([1.0, 2.0]), [0, 0], "`answers` must be integers"),
}


@pytest.mark.parametrize(("answers", "groups", "message"), RAGGED.values(), ids=RAGGED)
def test_bad_ragged_input(answers: Any, groups: Any, message: str) -> None:
    for score in (polyest.rewards, polyest.advantages, polyest.value):
        with pytest.raises(ArgumentError, match=message):
            score(answers, groups, "log", "harmonic")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("logg",), "`target` must be one of.*did you mean 'log'"),
        (("log", "minmax"), "`method` must be one of.*did you mean 'minimax'"),
        (("power(2)", "harmonic"), "harmonic exists for the target log only"),
        (([],), r"`target` must be one of.*got \[\]"),
        (("log", []), r"`method` must be one of.*got \[\]"),
        (("log", np.array(["aqp", "exact"])), r"`method` must be one of.*got array"),
    ],
)
def test_bad_names_are_refused_even_if_there_is_no_group(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        polyest.rewards([], [], *arguments)


@pytest.mark.parametrize(
    ("method", "given", "message"),
    [
        (None, {"averaged_groups": "x"}, "^`averaged_groups` must be a whole number, got 'x'$"),
        (None, {"averaged_groups": 0}, "^`averaged_groups` must be at least 1, got 0$"),
        (None, {"averaged_groups": 2, "noise_budget": 2}, "^`noise_budget`, `averaged_groups` exclude each other"),
        ("plug_in", {"averaged_groups": 2}, "^`averaged_groups` belongs to method='aqp'"),
    ],
)
def test_a_budget_is_named_as_it_was_given(method: str | None, given: dict[str, Any], message: str) -> None:
    for score in (polyest.rewards, polyest.advantages, polyest.value, polyest.value_with_error):
        with pytest.raises(ArgumentError, match=message):
            score([1, 1], [0, 0], "log", method, **given)


def test_padding_needs_the_tables_of_smaller_groups() -> None:
    est = polyest.load("power(2)", 3)
    np.testing.assert_array_equal(est.rewards([1, 1, 1]), [1, 1, 1])
    with pytest.raises(ArgumentError, match="exact"):
        est.rewards([1, 1, -1], padding_id=-1)


def test_an_unsolved_table_names_its_command() -> None:
    with pytest.raises(TableNotFoundError, match=r"polyest solve --target log --method aqp -k 16 --bias-budget 1\.23"):
        polyest.load("log", 16, bias_budget=1.23)
