"""What is said about a log that may not be what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from score_support import HARMONIC, exit_code, write_lines


@pytest.mark.parametrize(
    ("versions", "options", "note"),
    [
        (["1", "1", "2", "2"], (), "1 groups have completions of several versions of the policy"),
        ([1, 1, 2, 2], ("--policy-column", "policy"), "1 groups have completions of several versions of the policy"),
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
