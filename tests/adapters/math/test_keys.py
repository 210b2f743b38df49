"""Keys of mathematical answers, on pairs with both verdicts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import math_answers
import pytest
from math_answers import DIFFERENT, EQUAL

pytest.importorskip("math_verify")

from polyest.adapters.math.keys import key_of_answer, math_verify_key


def boxed(answer: str) -> str:
    return rf"So the answer is \boxed{{{answer}}}."


def test_the_list_has_150_pairs_and_more() -> None:
    assert len({*EQUAL, *DIFFERENT}) == len(EQUAL) + len(DIFFERENT) >= 250


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_answers_have_equal_keys(one: str, other: str) -> None:
    assert key_of_answer(one) == key_of_answer(other)
    assert math_verify_key(boxed(one)) == math_verify_key(boxed(other)) == key_of_answer(one)


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_answers_have_different_keys(one: str, other: str) -> None:
    assert key_of_answer(one) != key_of_answer(other)
    assert math_verify_key(boxed(one)) != math_verify_key(boxed(other))


@pytest.mark.slow
def test_no_two_answers_are_merged_but_by_the_list() -> None:
    """Of all pairs in the list only those have the same key that a chain of equal ones joins."""
    answers = sorted({answer for pair in EQUAL + DIFFERENT for answer in pair})
    root = {answer: answer for answer in answers}
    for one, other in EQUAL:
        old, new = root[one], root[other]
        root = {answer: new if found == old else found for answer, found in root.items()}
    by_key: dict[str, set[str]] = {}
    for answer in answers:
        by_key.setdefault(key_of_answer(answer), set()).add(root[answer])
    merged = {key: sorted(roots) for key, roots in by_key.items() if len(roots) > 1}
    assert merged == {}


KEYS = """
from math_answers import DIFFERENT, EQUAL
from polyest.adapters.math.keys import key_of_answer
print([key_of_answer(answer) for pair in EQUAL[::9] + DIFFERENT[::9] for answer in pair])
"""


@pytest.mark.slow
def test_keys_are_the_same_in_every_process() -> None:
    """Those of one with other hashes of strings are those of this one."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(math_answers.__file__).parent)}
    command = [sys.executable, "-W", "ignore", "-c", KEYS]
    there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    here = [key_of_answer(answer) for pair in EQUAL[::9] + DIFFERENT[::9] for answer in pair]
    assert there == f"{here}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("The answer is 12:30.", "12:30"),
        ("The answer is 12:45.", "12:45"),
        ("The answer is 7:30 pm", "19:30"),
        ("The answer is 50%.", "1/2"),
        ("The answer is **42**.", "42"),
        ("The answer is 2 and 3.", "{2, 3}"),
        ("The answer is $-1$, $0$, and $1$.", "{-1, 0, 1}"),
        ("The answer is $1$ and $2$.", "{1, 2}"),
        ("The answer is $5$, and $x$ is a root.", "5"),
        ("The answer is 2, 3, and 4.", "{2, 3, 4}"),
        ("The answer is x=1 or x=2.", "{1, 2}"),
        ("The answer is (1, 2).", "(1, 2)"),
        ("so (3, 4) is the point", "(3, 4)"),
        ("The answer is 5, 3 of which are red.", "5"),
        ("The answer is 3:2.", "3:2"),
        ("The answer is 1e5.", "100000"),
        ("The answer is 2 1/3.", "7/3"),
        ("The answer is 1,234.5", "2469/2"),
        ("The answer is 0.12345678901234567890.", "1234567890123456789/10000000000000000000"),
        ("The answer is $7$ dollars.", "7"),
        ("It is $50$%", "1/2"),
        (r"\boxed{1} and \boxed{2}", "{1, 2}"),
        (r"$x = 3$ or $x = 4$", "{3, 4}"),
        ("", None),
        (r"\boxed{}", None),
        (r"\boxed{\,}", None),
        ("I do not know", None),
    ],
)
def test_the_answer_is_found_where_math_verify_finds_it(text: str, key: str | None) -> None:
    assert math_verify_key(text) == key
