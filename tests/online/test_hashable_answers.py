"""Input that is meant well but is no answer: an error that names it and says what to type."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import polyest
from polyest.errors import ArgumentError


def pandas() -> Any:
    return pytest.importorskip("pandas")


def arrow() -> Any:
    return pytest.importorskip("pyarrow")


def null() -> Any:
    return arrow().scalar(None, arrow().string())


class Frame:
    """A table of integers with a null, such as that of polars, of which numpy makes floats."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array([[1, 1, math.nan, 2]])


class Wide:
    """A column that numpy has no type for; the library's own error has several lines."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise type("InvalidOperationError", (Exception,), {})("cannot convert\ni128 to NumPy")


def not_a_number() -> Any:
    """As sympy's, which equals itself; sympy takes a second to load."""
    return type("NaN", (), {"__module__": "sympy.core.numbers"})()


def in_itself(*others: Any) -> list[Any]:
    """A list that begins with itself."""
    found: list[Any] = []
    found.extend([found, *others])
    return found


def object_in_itself() -> Any:
    array = np.empty(1, object)
    array[0] = array
    return [array]


class Half:
    """An object whose hash fails as that of one that is not made yet."""

    def __hash__(self) -> int:
        return hash(self.name)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"Half({self.name})"  # type: ignore[attr-defined]


class NoTruth:
    """An answer whose comparison fails."""

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("on a GPU")


class Cells:
    """A column of a library that is not installed here, such as polars: numpy reads lists as objects, null as NaN."""

    def __init__(self, values: Any, dtype: str) -> None:
        self.dtype, self._values = dtype, np.empty(len(values), object)
        self._values[:] = values
        if dtype == "Int64":
            self._values = np.array([math.nan if v is None else v for v in values])

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._values


NONE = "`answers` .*None in their place.*astype.object..where.*to_list.*to_pylist"
NESTED = "`answers` must be hashable.*use tuple.answer.*whole group.*tolist.* .to_list.. .polars.*to_pylist"
ANSWERS: dict[str, tuple[Callable[[], Any], str]] = {
    "dicts": (lambda: [{"a": 1}, {"a": 1}, {"a": 2}, {"a": 1}], r"'dict', as in \{'a': 1\}; use json\.dumps"),
    "nested dicts": (lambda: [[{"a": 1}] * 4], r"'dict', as in \{'a': 1\}; use json\.dumps"),
    "dicts among others": (lambda: ["x", None, {"a": 1}, "x"], r"'dict', as in \{'a': 1\}; use json\.dumps"),
    "sets": (lambda: [{1}, {1}, {2}, {1}], r"'set', as in \{1\}; use frozenset\(answer\)"),
    "bytearrays": (lambda: [bytearray(b"x")] * 4, r"use bytes\(answer\)"),
    "lists in tuples": (lambda: [([1],), ([1],), ([2],), ([1],)], r"'list', as in \(\[1\],\); use tuples or strings"),
    "objects": (lambda: np.array([{1}] * 4, object), r"use frozenset\(answer\)"),
    "a column of lists": (lambda: Cells([[1], [1], [2], [1]], "List(Int64)"), NESTED),
    "a column of arrays": (lambda: Cells([np.array([1])] * 4, "List(Int64)"), NESTED),
    "pandas, lists": (lambda: pandas().Series([[1], [1], [2], [1]]), NESTED),
    "arrow, lists": (lambda: arrow().array([[1], [1], [2], [1]]), NESTED),
    "arrow, ragged lists": (lambda: arrow().array([[1], [1, 2], [2], [1]]), NESTED),
    "arrow, chunked lists": (lambda: arrow().chunked_array([[[1], [1]], [[2], [1]]]), NESTED),
    "arrow, structs": (lambda: arrow().array([{"a": 1}] * 4), r"'dict'.*use json\.dumps"),
    "a column with null": (lambda: Cells([1, 1, None, 2], "Int64"), NONE),
    "pandas, Int64 with NA": (lambda: pandas().Series([1, 1, None, 2], dtype="Int64"), NONE),
    "pandas array, Int64": (lambda: pandas().array([1, 1, None, 2], dtype="Int64"), NONE),
    "arrow, int64 with null": (lambda: arrow().array([1, 1, None, 2]), NONE),
    "pandas, NA in a list": (lambda: [1, 1, pandas().NA, 2], "None where there is no answer, got pandas' NA; pass col"),
    "pandas, NA in a row": (lambda: [["a", "a", pandas().NA, "b"]], "None where there is no answer, got pandas' NA"),
    "pandas, NA in objects": (lambda: np.array([1, 1, pandas().NA, 2], object), "got pandas' NA; pass column"),
    "pandas, strings": (lambda: pandas().Series(["a", None, "b", "b"], dtype="string"), "got pandas' NA"),
    "pandas, categories with NA": (lambda: pandas().Series([1, 1, None, 2], dtype="Int64").astype("category"), NONE),
    "a frame with null": (Frame, NONE),
    "128 bits": (Wide, "readable by numpy, got Wide: cannot convert i128 to NumPy; .*or pass lists"),
    "arrow, nulls in a list": (lambda: ["a", null(), null(), "b"], "got a null of pyarrow; pass column.to_pylist"),
    "arrow, nulls in a row": (lambda: [["a", null(), null(), "b"]], "got a null of pyarrow; pass column.to_pylist"),
    "arrow, nulls as objects": (lambda: np.array(["a", null(), null(), "b"], object), "got a null of pyarrow"),
    "arrow, NaN": (lambda: [arrow().scalar(math.nan)] * 4, "got a null of pyarrow; pass column.to_pylist"),
    "sympy's nan": (lambda: [not_a_number()] * 4, "None where there is no answer, got sympy's nan"),
    "a signaling NaN": (lambda: [Decimal("sNaN")] * 4, "must be hashable.*use None for no answer"),
    "masked among others": (lambda: [1, np.ma.masked, 2, 3], "must be hashable.*answer.item.., and None for no answer"),
    "masked first": (lambda: [np.ma.masked, 1, 2, 3], "must not be a masked array; pass np.where.*usable=~"),
    "a masked row": (lambda: [np.ma.array([7, 7, 2, 3], mask=[1, 1, 0, 0])], "must not be a masked array"),
    "numbers as arrays": (lambda: [1, np.array(1), 2, 3], "must be hashable.*use answer.item"),
    "nothing but numbers as arrays": (lambda: [np.array(1)] * 4, "got none .no list.*without dimensions.*by .item"),
    "a list in itself": (in_itself, "must be nested at most 32 deep, got .*; flatten them"),
    "a list twice in itself": (lambda: in_itself([], 1)[:1] * 2, "nested at most 32 deep"),
    "an array in itself": (object_in_itself, "nested at most 32 deep"),
    "a hash that raises": (
        lambda: [1, Half(), 2, 3],
        "must be hashable, got AttributeError.*a Half that cannot be printed",
    ),
    "a comparison that raises": (lambda: [NoTruth(), NoTruth(), 2, 3], "must compare equal or not, got .*RuntimeError"),
    "pandas, booleans": (lambda: pandas().Series([True, None, False, True], dtype="boolean"), "got pandas' NA"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_no_answer_is_named_with_what_to_pass(name: str) -> None:
    make, message = ANSWERS[name]
    answers = make()
    calls = [lambda: polyest.load("log", 4).rewards(answers)]
    if not isinstance(answers, list) or not isinstance(answers[0], list):
        calls.append(lambda: polyest.rewards(answers, [0, 0, 0, 0], "log"))
    for call in calls:
        with pytest.raises(ArgumentError, match=message) as caught:
            call()
        assert ("comparison" in str(caught.value)) == (name == "a comparison that raises")
        assert "\n" not in str(caught.value)


def test_what_the_messages_recommend_works() -> None:
    pd, estimator = pandas(), polyest.load("log", 4)
    expected = estimator.rewards([1, 1, None, 2]).tolist()
    for column in (pd.Series([1, 1, None, 2], dtype="Int64"), pd.Series([1, 1, pd.NA, 2], dtype=object)):
        cleaned = column.astype(object).where(column.notna(), None)
        assert estimator.rewards(cleaned.tolist()).tolist() == estimator.rewards(cleaned).tolist() == expected
    assert estimator.rewards(arrow().array([1, 1, None, 2]).to_pylist()).tolist() == expected
    categories = pd.Series([1, 1, None, 2], dtype="Int64").astype("category")
    assert estimator.rewards(categories.astype(object).where(categories.notna(), None).tolist()).tolist() == expected
    masked = np.ma.array([1, 1, 3, 3], mask=[0, 0, 1, 1])
    nothing = estimator.rewards([1, 1, None, None]).tolist()
    assert estimator.rewards(np.where(masked.mask, None, masked.data)).tolist() == nothing
    assert np.isnan(estimator.rewards(masked.data, usable=~masked.mask)).tolist() == masked.mask.tolist()
    assert estimator.rewards([["a", "a", "b", "a"], np.array(["x", "x", "y", "y"])]).shape == (2, 4)
    groups = pd.Series([["a", "a", "b", "a"], ["x", "x", "y", "y"]]).tolist()
    assert estimator.rewards(groups).shape == (2, 4)
