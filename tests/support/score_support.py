"""What the tests of `polyest score` share: logs written and read, and the command run in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from polyest.cli import main

HARMONIC = ("--target", "log", "--method", "harmonic")


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def exit_code(*arguments: object) -> int:
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
