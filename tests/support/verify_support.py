"""Tables for the tests of `polyest verify`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from polyest.problems.problem import make_problem
from polyest.storage import store
from polyest.storage.table import Table

Run = Callable[..., tuple[int, str, str]]


def shipped(K: int, method: str = "aqp", **budget: Any) -> Table:
    """The shipped table of `log`."""
    return store.read(store.shipped_folder() / store.relative_path(make_problem("log", K, method, **budget)))


def copied(folder: Path) -> Path:
    """A folder with the shipped tables of `log`, K = 4 and 8, at the default budget."""
    for K in (4, 8):
        store.write(shipped(K), folder)
    return folder
