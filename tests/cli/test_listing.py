"""`polyest list`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from verify_support import Run

from polyest.storage import store


@pytest.mark.slow
def test_list_shows_what_was_solved(run: Run, solved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYEST_COEFFS", str(solved))
    monkeypatch.setattr(store, "shipped_folder", lambda: solved / "none")
    code, out, _ = run("list", "--json")
    assert code == 0
    assert json.loads(out) == [
        {"target": "log", "method": method, "budget": budget, "group_sizes": [3, 4], "folder": str(solved)}
        for method, budget in [("aqp", {"noise_budget": "1.5"}), ("minimax", None)]
    ]
    lines = run("list")[1].splitlines()
    assert lines[1].split() == ["log", "aqp", "noise_budget=1.5", "3:4", str(solved)]


def test_list_without_tables(run: Run, user_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "shipped_folder", lambda: user_folder)
    assert run("list", "--json") == (0, "[]\n", "")
    assert run("list")[0] == 0
