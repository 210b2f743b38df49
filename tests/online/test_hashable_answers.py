"""Input that is meant well but is no answer: an error that names it and says what to type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polyest
from polyest.errors import ArgumentError


def pandas() -> Any:
    return pytest.importorskip("pandas")


def arrow() -> Any:
    return pytest.importorskip("pyarrow")


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
        assert "comparison" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_what_the_messages_recommend_works() -> None:
    pd, estimator = pandas(), polyest.load("log", 4)
    expected = estimator.rewards([1, 1, None, 2]).tolist()
    for column in (pd.Series([1, 1, None, 2], dtype="Int64"), pd.Series([1, 1, pd.NA, 2], dtype=object)):
        cleaned = column.astype(object).where(column.notna(), None)
        assert estimator.rewards(cleaned.tolist()).tolist() == estimator.rewards(cleaned).tolist() == expected
    assert estimator.rewards(arrow().array([1, 1, None, 2]).to_pylist()).tolist() == expected
    groups = pd.Series([["a", "a", "b", "a"], ["x", "x", "y", "y"]]).tolist()
    assert estimator.rewards(groups).shape == (2, 4)
