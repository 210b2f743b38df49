"""docs/start.md: its first blocks run, and give what their comments say."""

from __future__ import annotations

import re

import numpy as np
from pages import DOCS

BLOCKS = re.findall(r"(?ms)^```python\n(.*?)^```", (DOCS / "start.md").read_text(encoding="utf-8"))


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
