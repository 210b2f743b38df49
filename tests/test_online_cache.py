"""numba's machine code on disk is that of the present sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polyest

SHOW = "from polyest.online.distinct import mixed; import numpy as np; print(mixed(np.uint64(3)))"
OLD, NEW = "0x9E3779B97F4A7C15", "0x9E3779B97F4A7C15 ^ (1 << 20)"


def shown(folder: Path) -> str:
    """What the package in this folder prints; that of the current folder comes first."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-c", SHOW]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=environment).stdout


def test_a_change_in_another_file_is_compiled(tmp_path: Path) -> None:
    """`mixed` multiplies by a number of kernels.py; numba itself looks at distinct.py only."""
    shutil.copytree(Path(polyest.__file__).parent, tmp_path / "polyest", ignore=shutil.ignore_patterns("__pycache__"))
    before = shown(tmp_path)
    assert shown(tmp_path) == before
    source = tmp_path / "polyest" / "online" / "kernels.py"
    source.write_text(source.read_text(encoding="utf-8").replace(OLD, NEW), encoding="utf-8")
    assert shown(tmp_path) != before
