"""docs/start.md: its first blocks run, and give what their comments say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import DOCS

TEXT = (DOCS / "start.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?ms)^```python\n(.*?)^```", TEXT)


def test_the_first_scores_are_what_the_comments_say() -> None:
    names: dict[str, object] = {}
    checked = 0
    for block in BLOCKS[:2]:
        exec(block, names)
        for line in block.splitlines():
            expression, _, comment = line.partition("#")
            told = dict.fromkeys(map(float, re.findall(r"-?\d+\.\d\d", comment)))
            if told:
                found = dict.fromkeys(np.ravel(eval(expression, names)).round(2).tolist())
                assert [*told] == [*found][: len(told)], line
                checked += 1
    assert checked == 4


@pytest.mark.slow
def test_the_log_that_is_written_is_scored_and_has_a_page(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jinja2")
    monkeypatch.chdir(tmp_path)
    exec(BLOCKS[3], {})
    score, report = re.findall(r"(?m)^    polyest ([^#\n]*)", TEXT)
    code, out, err = run(*shlex.split(score))
    assert (code, err, out.count("read as plain: prompt, step, completion\n")) == (0, "", 1)
    assert run(*shlex.split(report))[::2] == (0, "")
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_no_line_of_a_block_is_wrapped() -> None:
    """Of 88 characters at most; a page 1280 wide has room for them."""
    indented = re.findall(r"(?m)^    .*$", re.sub(r"(?ms)^```.*?^```", "", TEXT))
    blocks = [line for block in re.findall(r"(?ms)^```\w+\n(.*?)^```", TEXT) for line in block.splitlines()]
    assert [line for line in [*blocks, *(line[4:] for line in indented)] if len(line) > 88] == []
