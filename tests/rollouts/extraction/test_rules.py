"""Answers in texts: strict, fast, and the same for equal texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest.errors import ArgumentError
from polyest.rollouts import extraction
from polyest.rollouts.extraction.rules import boxed, hash4, json_path, last_number, pattern


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{4}", "4"),
        (r"first \boxed{3}, then \boxed{ 4 } done", "4"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed {5}", "5"),
        (r"\boxed{1} and a broken \boxed{2", "1"),
        (r"\boxed{}", None),
        ("the answer is 4", None),
    ],
)
def test_boxed(text: str, answer: str | None) -> None:
    assert boxed(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so\n#### 1,234.50\n", "1234.5"),
        ("#### x = 3", "x = 3"),
        ("####", None),
        ("## 4", None),
        ("#### 1\n#### 2", "2"),
    ],
)
def test_hash4(text: str, answer: str | None) -> None:
    assert hash4(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3 apples, then 12.", "12"),
        ("-7", "-7"),
        ("1,234,567.0 dollars", "1234567"),
        ("0.50", "0.5"),
        ("1e5", "1e5"),
        ("none at all", None),
        ("12 " + "x" * 10_000, "12"),
    ],
)
def test_last_number(text: str, answer: str | None) -> None:
    assert last_number(text) == answer


def test_patterns_take_the_last_match_and_its_first_group() -> None:
    assert pattern(r"(?:answer|result)[: ]+(\w+)")("answer: a, result b") == "b"
    assert pattern(r"\d+")("1 22 333") == "333"
    assert pattern(r"x")("y") is None
    with pytest.raises(ArgumentError, match="regular expression"):
        pattern("(")


def test_json_paths_look_into_the_last_object() -> None:
    assert json_path("a.b.1")('{"a": 1} and {"a": {"b": [1, 2]}}') == "2"
    assert json_path("a")('{"a": {"x": 1, "b": 2}}') == '{"b": 2, "x": 1}'
    assert json_path("a")('{"a": null}') is None
    assert json_path("a.b")('{"a": "text"}') is None


@given(st.text(), st.sampled_from(["boxed", "hash4", "last-number", "json:a.0"]))
def test_the_whole_text_is_never_the_answer_unless_it_is_marked(text: str, how: str) -> None:
    (answer,) = extraction.extract([text], how)
    assert answer is None or answer != text or how == "last-number"


def test_distinct_texts_are_looked_at_once() -> None:
    seen: list[str] = []

    def progress(items: object, label: str, total: int) -> object:
        seen.append(f"{label} {total}")
        return items

    texts = ["#### 1", None, "#### 1", "#### 2", ""]
    assert extraction.extract(texts, "hash4", progress=progress) == ["1", None, "1", "2", None]  # type: ignore[arg-type]
    assert seen == ["extracting 3"]


@pytest.mark.slow
def test_functions_run_in_processes_in_order() -> None:
    texts = [str(i) for i in range(50)]
    assert extraction.extract(texts, lambda text: int(text) + 1, jobs=2) == [*range(1, 51)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`extract` took longer")
def test_a_pattern_that_explodes_is_ended() -> None:
    begin = time.monotonic()
    assert extraction.extract(["a" * 60 + "b"], r"regex:^(a+)+$", time_limit=0.5) == [None]
    assert time.monotonic() - begin < 30


def test_unknown_rules_are_refused_with_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'boxed'"):
        extraction.extract(["a"], "boxd")


@pytest.mark.slow
def test_math_verify_finds_equal_values() -> None:
    pytest.importorskip("math_verify")
    first, second, third = extraction.extract([r"so \boxed{\frac{1}{2}}", "it is 0.5.", r"\boxed{2}"], "math-verify")
    assert first == second != third
