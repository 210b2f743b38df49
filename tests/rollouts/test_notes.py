"""What is said about a log that may not be what was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from score_support import HARMONIC, exit_code, write_lines

from polyest.rollouts.engine import parts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("versions", "options", "note"),
    [
        (["1", "1", "2", "2"], (), "1 group has completions of several versions of the policy"),
        ([1, 1, 2, 2], ("--policy-column", "policy"), "1 group has completions of several versions of the policy"),
        (["1", "1", "1", "2"], (), ""),
        ([None] * 4, (), ""),
    ],
)
def test_groups_of_several_policies_are_reported_with_the_bound(
    versions: list[object], options: tuple[str, ...], note: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = ["p", "q", "p", "q"] if note else ["p", "p", "p", "q"]
    rows = [
        {"prompt_id": p, "answer": i % 3, "policy": v} for i, (p, v) in enumerate(zip(prompts, versions, strict=True))
    ]
    rows += [{"prompt_id": "q", "answer": 1, "policy": versions[-1]}]
    assert exit_code("score", write_lines(tmp_path / "log.jsonl", rows), *HARMONIC, *options) == 0
    error = capsys.readouterr().err
    assert ("several versions" in error) == bool(note)


LONG = "Let us think step by step. " * 5 + "{} \\boxed{{{}}}"  # 135 characters and more
SHORT = -1


def completion(number: int) -> str:
    return f"\\boxed{{{number}}}" if number == SHORT else LONG.format(number, number % 3)


COPIES = {
    "a seed twice": ("ppppqqqq", [0, 0, 3, 3, 4, 4, 7, 7], "4 of 8 completions of 100 characters", "repeat another"),
    "a seed again": ("ppppqqqq", [0, 1, 2, 3, 0, 1, 2, 3], "8 of 8 completions of 100 characters", "several groups"),
    "all differ": ("ppppqqqq", [*range(8)], "", "word for word"),
    "one pair by chance": ("ppppqqqq", [0, 0, 2, 3, 4, 5, 6, 7], "", "word for word"),
    "short texts": ("ppppqqqq", [SHORT] * 8, "", "word for word"),
}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("case", COPIES)
def test_long_texts_that_are_there_twice_are_reported(
    case: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts, texts, count, what = COPIES[case]
    path = tmp_path / f"log.{suffix}"
    rows = [{"prompt_id": p, "completion": completion(text)} for p, text in zip(prompts, texts, strict=True)]
    if suffix == "jsonl":
        write_lines(path, rows)
    else:
        parquet.write_table(pa.Table.from_pylist(rows), path)
    assert exit_code("score", path, *HARMONIC, "--extract", "boxed") == 0
    error = capsys.readouterr().err
    assert (what in error) == bool(count)
    assert count in error


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_one_of_a_kind_is_told_in_the_singular(number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Prompts, groups, files, strings that may mean no answer."""
    rows = [{"prompt_id": f"p{n}", "answer": answer} for n in range(number) for answer in ("n/a", "x", "y", "x")]
    write_lines(tmp_path / "log.jsonl", rows)
    for n in range(number):
        (tmp_path / f"other-{n}.json").write_text('{"lr": 1}')
    assert exit_code("score", tmp_path, *HARMONIC) == 0
    assert exit_code("score", tmp_path / "log.jsonl", *HARMONIC, "--group-size", 3) == 0
    assert exit_code("score", tmp_path / "log.jsonl", *HARMONIC, "--group-size", 8) == 0
    said = "".join(capsys.readouterr())
    for noun in ("group", "prompt", "file", "time"):
        assert re.search(rf"\b{number} {noun}{'s' * (number > 1)}\b", said)
    assert not re.search(r"\b1 [a-z]*[^s\W]s\b", said)


@pytest.mark.slow
def test_the_first_group_of_one_is_named_by_its_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where groups are in parts; a long prompt is cut."""
    rows = [
        {"prompt": p, "step": 3, "completion": f"so \\boxed{{{i}}}"} for i, p in enumerate(["p", "q" * 99, "p", "r"])
    ]
    log = write_lines(tmp_path / "log.jsonl", rows)
    for share in (parts.SHARE, 1e-6):
        monkeypatch.setattr(parts, "SHARE", share)
        assert exit_code("score", log, *HARMONIC, "--extract", "boxed") == 0
        name = f'step 3, prompt "{"q" * 59}…'
        assert f"2 groups have one completion and cannot be scored: null (the first: {name})" in capsys.readouterr().err


@pytest.mark.parametrize(("columns", "told"), [(("example_id", "reward"), ", but like verifiers"), ((), "")])
def test_a_layout_that_a_file_does_not_look_like_is_told(
    columns: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"completion": f"so \\boxed{{{i}}}", **dict.fromkeys(columns, 1)} for i in range(3)]
    log = write_lines(tmp_path / "log.jsonl", rows)
    assert exit_code("score", log, *HARMONIC, "--extract", "boxed", "--format", "human-eval") == 0
    error = capsys.readouterr().err
    assert f"log.jsonl is read as human-eval, as --format says, and does not look like it{told}\n" in error
