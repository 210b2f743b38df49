"""However small the parts are that a log is dealt into, the numbers are the same to the bit, and in order."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from score_support import HARMONIC, exit_code, write_lines

from polyest.rollouts.engine import parts


@pytest.mark.parametrize("group_size", [(), ("--group-size", 5)])
def test_many_parts_are_one(group_size: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = random.Random(0)
    rows = [{"prompt_id": f"p{generator.randrange(40)}", "answer": generator.choice("abc")} for _ in range(1000)]
    log = write_lines(tmp_path / "log.jsonl", rows)
    found = []
    for share, at_once in ((parts.SHARE, parts.AT_ONCE), (5e-6, 64)):
        monkeypatch.setattr(parts, "SHARE", share)
        monkeypatch.setattr(parts, "AT_ONCE", at_once)
        outputs = [tmp_path / "out.jsonl", tmp_path / "values.jsonl"]
        assert exit_code("score", log, *HARMONIC, *group_size, "--out", outputs[0], "--values", outputs[1]) == 0
        found.append([path.read_text() for path in outputs])
    assert found[0] == found[1]
