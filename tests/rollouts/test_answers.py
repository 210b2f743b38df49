"""`polyest score`: no answer, typed answers, groups, verdicts, and notes about a log that may not be what was meant."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from score_support import HARMONIC, exit_code, read_lines, write_lines

import polyest
from polyest.errors import ArgumentError
from polyest.online.hashable_answers import encode
from polyest.rollouts.grouping import group_rows
from polyest.rollouts.typed import Written, dump, load

PRED = [3, 4, "", "", "", "", 5, 3]


def summary(capsys: pytest.CaptureFixture[str], log: Path, *options: object) -> tuple[dict[str, Any], str]:
    """What --json prints, and the notes."""
    assert exit_code("score", log, *HARMONIC, *options, "--json") == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def rows(answers: list[Any], prompts: list[Any] | None = None, **columns: list[Any]) -> list[dict[str, Any]]:
    columns = {"prompt_id": prompts or ["u"] * len(answers), "answer": answers} | columns
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "options"),
    [
        (PRED, ("--no-answer", "")),
        ([3, 4, None, None, None, None, 5, 3], ()),
        ([3, 4, "", "N/A", "", "N/A", 5, 3], ("--no-answer", "", "--no-answer", "N/A")),
        ([3, 4, -1, -1, -1, "-1", 5, 3], ("--no-answer", "-1")),
        ([3, 4, False, False, "", False, 5, 3], ("--no-answer", "false", "--no-answer", "")),
        ([3, 4, *[{"tuple": []}] * 4, 5, 3], ("--no-answer", '{"tuple": []}')),
        ([3, 4, "null", "null", None, "null", 5, 3], ("--no-answer", "null")),
    ],
)
def test_no_answer_matches_no_other(
    answers: list[Any], options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, _ = summary(capsys, write_lines(tmp_path / "log.jsonl", rows(answers)), *options)
    # K = 8: c = −(1/1 + … + 1/7), but for the two threes; by hand: (−363/140·6 − 2·223/140)/8
    assert found["methods"][0]["mean_value"] == pytest.approx(-2.342857, abs=5e-7)


@pytest.mark.slow
@pytest.mark.parametrize("sentinel", ["", "  ", "None", "nan", "[INVALID]"])
def test_a_likely_sentinel_is_noted(sentinel: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_lines(tmp_path / "log.jsonl", rows([3, 4, sentinel, sentinel, 5, 3]))
    assert f"{sentinel!r} (2 times), counted as an answer" in summary(capsys, log)[1]
    assert summary(capsys, log, "--no-answer", sentinel)[1] == ""


TYPED = [
    "7", 7, "(1, 2)", (1, 2), (1, (None, "x")), frozenset({1, "1"}), frozenset(), Fraction(3, 4), "3/4",
    Decimal("1.25"), 0.5, float("inf"), b"\x00\xff", "00ff", True, -(10**5000), Fraction(1, 10**5000),
    Decimal("1e10000000"), Written("?"),
]  # fmt: skip


def test_dumped_answers_keep_their_type() -> None:
    loaded = [load(json.loads(json.dumps(dump(answer)))) for answer in TYPED]
    assert loaded == TYPED
    assert [type(answer) for answer in loaded] == [type(answer) for answer in TYPED]
    assert len({json.dumps(dump(answer)) for answer in TYPED}) == len(TYPED)
    assert [dump(answer) for answer in (None, float("nan"), Decimal("NaN"), np.float32("nan"))] == [None] * 4
    assert dump((np.int64(3), np.float64(0.5), np.bool_(True))) == {"tuple": [3, 0.5, True]}
    assert dump(3 + 4j) == {"repr": "(3+4j)"}


@given(
    st.recursive(
        st.integers() | st.text() | st.booleans() | st.binary() | st.fractions() | st.floats(allow_nan=False),
        lambda parts: st.lists(parts, max_size=3).map(tuple) | st.frozensets(parts, max_size=3),
        max_leaves=6,
    )
)
def test_any_answer_comes_back(answer: Any) -> None:
    assert load(json.loads(json.dumps(dump(answer)))) == answer


@pytest.mark.slow
@pytest.mark.parametrize(
    "value",
    [[1], {}, {"x": 1}, {"tuple": 1}, {"tuple": [[1]]}, {"fraction": "1/0"}, {"fraction": 1}, {"fraction": "3"},
     {"decimal": "x"}, {"bytes": "0"}, {"tuple": [1], "frozenset": [1]}, {"int": "x"}],
)  # fmt: skip
def test_what_is_no_typed_answer_is_refused(value: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ArgumentError):
        load(value)
    log = write_lines(tmp_path / "log.jsonl", rows(["a", value]))
    assert exit_code("score", log, *HARMONIC) == 2
    error = capsys.readouterr().err
    assert "line 2: 'answer' must" in error
    assert error.count("\n") == 1


def test_typed_answers_are_compared_as_they_were(tmp_path: Path) -> None:
    answers = ["7", 7, (1, 2), "(1, 2)", (1, 2), Fraction(1, 2), 0.5, True, 1, None, float("nan"), 10**5000, 10**5000]
    log, out = tmp_path / "log.jsonl", tmp_path / "out.jsonl"
    write_lines(log, rows([dump(answer) for answer in answers]))
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == 0
    texts = [None if dump(answer) is None else json.dumps(dump(answer)) for answer in answers]  # 1 and true differ
    expected = polyest.rewards(texts, [0] * len(texts), "log", "harmonic")
    assert [row["reward"] for row in read_lines(out)] == expected.tolist()


@pytest.mark.slow
def test_long_integers_are_answers_and_ids(tmp_path: Path) -> None:
    log, out, values = (tmp_path / name for name in ("log.jsonl", "out.jsonl", "values.jsonl"))
    one, other = "9" * 5000, "-" + "8" * 5000
    lines = [f'{{"prompt_id": {one}, "answer": {answer}}}' for answer in (one, one, other)]
    log.write_text("\n".join(lines))
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out, "--values", values) == 0
    assert out.read_text().count('"reward": -0.5,') == 2
    assert values.read_text().startswith(f'{{"prompt_id": {one}, ')
    log.write_text(lines[0] + lines[0].replace(one, "9" * 100_000))
    assert exit_code("score", log, *HARMONIC) == 2


P = 2**61 - 1  # Python hashes integers modulo this


COLLIDING = {
    "integers": lambda n: P * (n + 1),
    "negative integers": lambda n: -P * (n + 1),
    "fractions": lambda n: Fraction(P * (n + 1), 2),
    "denominators": lambda n: Fraction(1, P * (n + 1)),
    "decimals": lambda n: Decimal(P * (n + 1)),
    "tuples": lambda n: (P * n, "x"),
    "frozensets": lambda n: frozenset({P * n}),
    "4300 digits": lambda n: P * (10**4250 + n),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", COLLIDING)
def test_ids_and_answers_whose_hashes_collide_take_no_quadratic_time(kind: str) -> None:
    size = 20_000
    items = [COLLIDING[kind](n % (size // 2)) for n in range(size)]
    mixed, one = [n % (size // 2) for n in range(size)], [0] * size
    rewards = [polyest.rewards(mixed, groups, "power(1)").tolist() for groups in (mixed, one)]
    start = time.process_time()
    assert encode(items, "answers")[0].tolist() == mixed
    assert encode(items, "answers")[1] == items[: size // 2]
    assert group_rows(items, 1).of_row.tolist() == list(range(size))
    assert [polyest.rewards(items, groups, "power(1)").tolist() for groups in (items, one)] == rewards
    assert time.process_time() - start < 10  # below one; each of the five took 10 to 55


def test_equal_answers_of_several_types_stay_equal_where_hashes_collide() -> None:
    numbers: list[Any] = [P * n for n in range(1, 1000)] + [10**400]
    items = [*numbers, *map(Decimal, numbers), *map(Fraction, numbers), 1, 1.0, True, np.float32(1), Fraction(1), None]
    codes, distinct = encode(items, "answers")
    assert codes[:3000].tolist() == list(range(1000)) * 3
    assert codes[3000:].tolist() == [1000] * 5 + [1001]
    assert distinct[1000:] == [1, None]
    padded = polyest.rewards([*items, P], [0] * len(items) + [1], "power(1)", padding_id=P)
    assert np.flatnonzero(np.isnan(padded)).tolist() == [0, 1000, 2000, len(items)]


@pytest.mark.slow
def test_a_repeated_prompt_column_means_the_combination(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, values = tmp_path / "log.jsonl", tmp_path / "values.jsonl"
    columns = {"p": ["q1", "q1", "q2", "q2"], "run": [0] * 4}
    write_lines(log, rows(["x", "x", "y", "y"], **columns))
    for order in (("p", "run"), ("run", "p"), ("p", "run", "p")):
        options = [word for name in order for word in ("--prompt-column", name)]
        found, _ = summary(capsys, log, *options, "--values", values)
        assert found["methods"][0]["mean_value"] == 0
        assert [(row["p"], row["run"], row["completions"]) for row in read_lines(values)] == [
            ("q1", 0, 2),
            ("q2", 0, 2),
        ]
    write_lines(log, rows(["x"] * 4, p=[1, 1, 2, 2], value=[0] * 4))
    assert (
        exit_code("score", log, *HARMONIC, "--prompt-column", "p", "--prompt-column", "value", "--values", values) == 2
    )


@pytest.mark.parametrize(
    "options",
    [("--answer-column", "answer"), ("--group-size", 2), ("--out", "a.jsonl"), ("--values", "a.jsonl"),
     ("--target", "log"), ("--correct-column", "c"), ("--reference-column", "c"), ("--reward-column", "r"),
     ("--advantage-column", "a"),
     ("--no-answer-reward", 0), ("--noise-budget", 1.5), ("--bias-budget", 4), ("--groups", 8), ("--growth", "1,2")],
)  # fmt: skip
def test_an_option_that_takes_one_value_refuses_a_second(
    options: tuple[Any, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_lines(tmp_path / "log.jsonl", rows(["x", "x"]))
    target = () if options[0] == "--target" else ("--target", "log")
    assert exit_code("score", log, *target, *options, *options) == 2
    captured = capsys.readouterr()
    assert f"argument {options[0]}: takes one value, and is given twice" in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "verb", [("show", "log"), ("plot", "log"), ("solve", "--target", "log"), ("verify", "--jobs", 1)]
)
def test_other_verbs_refuse_a_second_value_too(verb: tuple[Any, ...], capsys: pytest.CaptureFixture[str]) -> None:
    twice = ("--jobs", 2) if "--jobs" in verb else ("-k", 4, "-k", 8)
    assert exit_code(*verb, *twice) == 2
    assert "takes one value, and is given twice" in capsys.readouterr().err


NOTES: dict[str, tuple[list[Any], list[Any], tuple[Any, ...], str]] = {
    "gold": (["x", "x", "y", "y"], [1, 1, 2, 2], (), "every group has one distinct answer in 'answer'"),
    "whole texts": ([f"text {n}" for n in range(20)], [1, 2] * 10, (), "nearly all answers in 'answer' differ"),
    "whole texts, one twice": ([f"text {max(n, 1)}" for n in range(40)], [1] * 40, (), "nearly all answers"),
    "too large": ([1, 1, 2] * 2, [1] * 6, ("--group-size", 8), "8 exceeds the completions of 1 of 1 prompt"),
    "remainder": ([1, 1, 2] * 2, [1] * 6, ("--group-size", 4), "4 does not divide the completions of 1 of 1"),
    "no answers": ([None] * 4, [1] * 4, (), "no completion has an answer in 'answer'"),
    "none": ([1, 1, 2, 3, 2, 1], [1] * 6, ("--group-size", 3), ""),
    "one group of many differs": (["x"] * 4 + ["y", "z"], [1, 1, 2, 2, 3, 3], (), ""),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", NOTES)
def test_a_log_that_may_be_another_than_was_meant_is_noted(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers, prompts, options, note = NOTES[case]
    _, notes = summary(capsys, write_lines(tmp_path / "log.jsonl", rows(answers, prompts)), *options)
    assert note in notes
    assert notes.count("\n") == bool(note)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verdicts", "share"),
    [
        ([0.5, 1.0, 0, None], 0.5),
        (["C", "I", "C", "C"], 0.75),
        (["C", "P", "I", "N"], 0.375),
        (["yes", "no", "Yes", "YES"], 0.75),
        (["true", "False", None, ""], 0.5),
        (["correct", "incorrect", "1", "0.0"], 0.5),
        ([True, False, 1, 0], 0.5),
        ([None] * 4, None),
    ],
)
def test_verdicts_count_where_they_have_a_meaning(
    verdicts: list[Any], share: float | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_lines(tmp_path / "log.jsonl", rows([1, 1, 2, 3], correct=verdicts))
    found, notes = summary(capsys, log)
    assert (found["correct"], notes) == (share, "")


SLOW_VERDICTS = [1.5, 3, [True], {"score": 1}, float("inf"), 10**400]


@pytest.mark.parametrize("verdict", [-1, "maybe", *(pytest.param(v, marks=pytest.mark.slow) for v in SLOW_VERDICTS)])
def test_verdicts_without_a_meaning_are_in_nobodys_way(
    verdict: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_lines(tmp_path / "log.jsonl", rows([1, 1, 2, 3], correct=[True, verdict, None, "C"]))
    for options in ((), ("--correct-column", "correct")):
        found, notes = summary(capsys, log, *options)
        assert found["correct"] is None
        assert "line 2: 'correct' must be true or false" in notes
        assert "correct: unknown" in notes
    assert exit_code("score", log, *HARMONIC) == 0
    assert "correct: unknown\n" in capsys.readouterr().out
    found, notes = summary(capsys, log, "--correct-column", "none")
    assert (found["correct"], notes) == (None, "")


@pytest.mark.slow
def test_a_pipe_or_a_device_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    import os

    pipe = tmp_path / "log.jsonl"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        command = [sys.executable, "-m", "polyest", "score", str(path), *HARMONIC]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "is a pipe or a device; write it to a file" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JSON", "JSON in a tuple", "float64", "float32"])
def test_zeros_are_one_answer_whatever_their_sign(kind: str, tmp_path: Path) -> None:
    log, out, zeros = tmp_path / "log", tmp_path / "out.jsonl", (0.0, -0.0, 0.5)
    if kind.startswith("JSON"):
        answers = [{"tuple": ["a", x]} if "tuple" in kind else x for x in zeros]
        write_lines(log, [{"prompt_id": "p", "answer": answer} for answer in answers])
    else:
        parquet.write_table(pa.table({"prompt_id": ["p"] * 3, "answer": np.array(zeros, kind)}), log)
    assert exit_code("score", log, *HARMONIC, "--out", out) == 0
    rewards = [row["reward"] for row in read_lines(out)]
    assert rewards[0] == rewards[1] > rewards[2]


@pytest.mark.parametrize("value", [1.5, -0.25, 0.0, "x", None])
def test_what_is_wrong_with_a_reference_names_the_option(
    value: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"prompt_id": "p", "answer": "a", "q": q} for q in (0.5, value)]
    log = write_lines(tmp_path / "log.jsonl", rows)
    assert exit_code("score", log, *HARMONIC, "--reference-column", "q") == 2
    error = capsys.readouterr().err
    assert "`--reference-column`" in error
    assert error.count("\n") == 1
