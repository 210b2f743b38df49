"""Nothing of the current folder is imported by the command line or its workers, but the module that was named.

On Ray: test_cluster.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHADOWS = "random joblib numpy json cloudpickle tempfile struct pickle argparse flint mpmath cvxpy scipy tqdm selectors"
TRAP = "import os\nos.close(os.open(os.environ['TRAP'], os.O_CREAT | os.O_WRONLY))\nraise ImportError('a trap')\n"
MINE = "def capped(p, ctx):\n    return ctx.log(p + 1)\n"
MAIN = "import sys, polyest.command; sys.exit(polyest.command.main())"
COMMANDS = {"module": ["-m", "polyest"], "command": ["-c", MAIN]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "current"
    folder.mkdir()
    for name in SHADOWS.split():
        (folder / f"{name}.py").write_text(TRAP)
    (folder / "mine.py").write_text(MINE)
    (folder / "helper.py").write_text(TRAP)
    (folder / "leaning.py").write_text(f"import helper\n{MINE}")
    (folder / "parts").mkdir()
    (folder / "parts" / "__init__.py").write_text("")
    (folder / "parts" / "shift.py").write_text("ONE = 1\n")
    inside = "from parts.shift import ONE\ndef capped(p, ctx):\n    return ctx.log(p + ONE)\n"
    (folder / "parts" / "inner.py").write_text(inside)
    return folder


def run(folder: Path, *arguments: object, start: str = "module") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TRAP": str(folder / "sprung")}
    if start == "command":  # a script, in whose place `-c` stands, has another folder as its own
        environment |= {"PYTHONSAFEPATH": "1"}
    command = [sys.executable, *COMMANDS[start], *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


def sprung(folder: Path) -> bool:
    return (folder / "sprung").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "target", "named"),
    [
        ("module", ("--target", "mine:capped", "--growth", "2,0"), ("--custom", "mine:capped")),
        ("command", ("--target", "log"), ()),
    ],
    ids=COMMANDS,
)
def test_workers_import_nothing_from_the_current_folder_but_what_is_named(
    start: str, target: tuple[str, ...], named: tuple[str, ...], folder: Path
) -> None:
    out = folder.parent / "tables"
    for arguments in (("solve", *target, "-k", "2,3", "--jobs", 2, "--out", out), ("verify", "--jobs", 2, *named, out)):
        result = run(folder, *arguments, start=start)
        assert result.returncode == 0, result.stderr
        assert not sprung(folder)


@pytest.mark.slow
def test_a_module_of_a_package_is_imported_and_nothing_else(folder: Path) -> None:
    """By minimax, whose workers load half as much; all that aqp loads is loaded above."""
    out = folder.parent / "tables"
    options = ("--target", "parts.inner:capped", "--growth", "2,0", "-k", "2,3", "--jobs", 2, "--out", out)
    options += ("--method", "minimax")
    for arguments in (("solve", *options), ("verify", "--jobs", 2, "--custom", "parts.inner:capped", out)):
        result = run(folder, *arguments)
        assert result.returncode == 0, result.stderr
    assert result.stdout == "2 proved\n"
    assert not sprung(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("leaning", "ModuleNotFoundError: No module named 'helper'"),  # what lies beside it
        ("random", "module 'random' has no attribute 'capped'"),  # installed modules come first
        ("numpy", "module 'numpy' has no attribute 'capped'"),
        ("nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("parts.nowhere", "ModuleNotFoundError: No module named 'parts.nowhere'"),
        ("", "ValueError: Empty module name"),
    ],
)
def test_no_other_module_is(module: str, told: str, folder: Path) -> None:
    result = run(folder, "solve", "--target", f"{module}:capped", "--growth", "2,0", "-k", 2, "--out", folder.parent)
    assert (result.returncode, result.stdout) == (2, "")
    assert told in result.stderr
    assert "from which nothing else is imported" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not sprung(folder)
