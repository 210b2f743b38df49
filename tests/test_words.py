"""Input that is meant well but is no answer, no target, no verdict: an error that names it and says what to type."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest import success
from polyest.errors import ArgumentError
from polyest.problems.targets import get_target
from polyest.storage.store import relative_path
from polyest.storage.table import Enclosure

# --- answers -------------------------------------------------------------------------------------------------------


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


# --- targets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["entropy", "Entropy", "shannon", "kl", "KL", " kl "])
def test_names_that_mean_log_without_doubt_are_log(name: str) -> None:
    assert get_target(name).name == "log"
    loaded, canonical = polyest.load(name, 16), polyest.load("log", 16)
    assert loaded.problem == canonical.problem
    assert loaded.table is canonical.table
    assert relative_path(loaded.problem) == relative_path(canonical.problem)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("gini", r"power\(1\) for r = p, or polynomial\(0,2\) for r = 2p"),
        ("Gini", r"power\(1\)"),
        ("brier", r"power\(1\)"),
        ("collision", r"power\(1\)"),
        ("chi2", r"power\(1\).*reference"),
        ("tsallis", r"power\(q-1\) for order q"),
        ("tsallis(2)", r"power\(q-1\) for order q"),
        ("renyi", r"power\(a-1\) for order a"),
        ("renyi(0.5)", r"power\(a-1\) for order a"),
        ("hellinger", r"power\(-0\.5\)"),
        ("js", r"js\(q\) with 0 < q ≤ 1, such as js\(0\.1\)"),
        ("JS", r"js\(0\.1\)"),
        ("power", r"power\(a\)"),
        ("polynomial", r"polynomial\(a_0,…\)"),
        ("entropy(2)", "must be written log"),
        ("entorpy", "did you mean 'entropy'"),
        ("helinger", "did you mean 'hellinger'"),
    ],
)
def test_names_that_leave_something_open_say_what_to_type(name: str, typed: str) -> None:
    with pytest.raises(ArgumentError, match=f"`target` .*{typed}") as caught:
        polyest.load(name, 16)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["power(1)", "polynomial(0,2)", "power(-0.5)", "js(0.1)", "power(0.5)"])
def test_what_the_messages_tell_to_type_is_a_target(name: str) -> None:
    assert get_target(name).name == name


# --- verdicts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["values", "rewards", "advantages"])
@pytest.mark.parametrize(
    "correct",
    [
        [[True, False, True, True], [True, False]],
        [[1, 0, 1, 1], []],
        np.array([[1, 0, 1, 1], [1, 0]], dtype=object),
        [[True, None, False, True]],
        ["yes", None, "no", "yes"],
    ],
    ids=["ragged", "an empty group", "objects", "None", "words"],
)
def test_verdicts_on_groups_of_different_sizes_are_refused_with_the_remedy(method: str, correct: Any) -> None:
    message = r"`correct` must be booleans, .* shape \(\.\.\., 4\), .*different lengths.*objective for each group size"
    with pytest.raises(ArgumentError, match=message):
        getattr(success.pass_at(2, 4), method)(correct)


# --- enclosures ----------------------------------------------------------------------------------------------------


def test_an_enclosure_is_readable() -> None:
    certificate = polyest.load("log", 16).certificate
    assert repr(certificate.worst_case_bias) == "Enclosure(0.00313364, 0.00313365)"
    assert repr(certificate).startswith("Certificate(worst_case_bias=Enclosure(0.00313364, 0.00313365), noise=Encl")
    assert len(repr(certificate)) < 200
    assert float(certificate.noise) == certificate.noise.upper
    assert repr(Enclosure("0", "Infinity")) == "Enclosure(0, Infinity)"
    assert float(Enclosure("0", "Infinity")) == math.inf


@given(st.decimals(-(10**9), 10**9, places=20), st.decimals(0, 10**3, places=20))
def test_the_repr_is_rounded_outward_and_the_float_up(lower: Any, width: Any) -> None:
    upper = Fraction(lower) + Fraction(width)
    enclosure = Enclosure(f"{lower:f}", f"{lower + width:f}")
    shown = [Fraction(end) for end in repr(enclosure)[len("Enclosure(") : -1].split(", ")]
    assert shown[0] <= Fraction(enclosure.lower_text)
    assert Fraction(enclosure.upper_text) <= shown[1]
    assert Fraction(float(enclosure)) >= Fraction(enclosure.upper_text)
    assert abs(shown[1] - upper) <= abs(upper) / 10**4
