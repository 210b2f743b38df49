"""Logs whose page can be worked out by hand, hostile answers among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HOSTILE = (
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 2</script>",
    '"><img src=x onerror="window.pwned = 3">',
    "{{ 7 * 7 }} &amp; $x^2$ \u2028",
)
EXTREMES = (
    *HOSTILE,
    "<!--<script>",
    "]]>&lt;script&gt;",
    "'\"`${alert(1)}`",
    "\u202elanguage from right to left\u202c",
    "\u05e9\u05dc\u05d5\u05dd 12",
    "a\0b\x07\x1b[31m",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f",
    "x" * 10_240,
    "e" + "\u0301" * 200,
    "\ud800",
    "",
    "\n\n\t",
    "__proto__",
    "constructor",
)
PROMPTS = {  # answers at step 1 and at step 2; the first one is correct
    "what is 1 + 1?": ("aaaabbcd", "aaaaaaaa"),
    "<b>bold</b> & co": ("aabbccdd", "abcdefgh"),
    "third": ("aaaaaaab", "aaaabbbb"),
}


def write_extremes(path: Path) -> Path:
    """A log in which every extreme text is an answer, a prompt and a step."""
    rows = [
        {"step": step, "prompt_id": f"{i} {text}", "answer": answer, "correct": i == 0}
        for i, text in enumerate(EXTREMES)
        for step in (EXTREMES[i], "last")
        for answer in (text, text, EXTREMES[0])
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_log(path: Path, answers: dict[str, str] | None = None) -> Path:
    """A plain log; letters stand for themselves, or for other answers."""
    rows: list[dict[str, Any]] = [
        {"step": step, "prompt_id": prompt, "answer": (answers or {}).get(a, a), "correct": a == "a"}
        for prompt, visits in PROMPTS.items()
        for step, visit in enumerate(visits, start=1)
        for a in visit
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
