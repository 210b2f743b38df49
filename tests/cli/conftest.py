"""Tables that several verbs are tried on."""

from __future__ import annotations

from pathlib import Path

import pytest

from polyest.cli import main
from polyest.storage import store


@pytest.fixture(scope="session")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables of `log`, K = 3 and 4, aqp and minimax."""
    folder = tmp_path_factory.mktemp("solved")
    here = ["--out", str(folder), "--jobs", "1"]
    assert main(["solve", "--target", "log", "-k", "3,4", *here]) == 0
    assert main(["solve", "--target", "log", "--method", "minimax", "-k", "3:4", *here]) == 0
    return folder


@pytest.fixture
def copies(solved: Path, tmp_path: Path) -> Path:
    for path in store.paths(solved):
        store.write(store.read(path), tmp_path)
    return tmp_path
