"""`polyest list`."""

from __future__ import annotations

import json
from collections.abc import Callable
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


@pytest.mark.usefixtures("permissions")
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda folder: None,
            "POLYEST_COEFFS must name a folder; there is no {}; name another; polyest solve makes it",
        ),
        (lambda folder: folder.touch(), "POLYEST_COEFFS must hold folders that can be read; {}: Not a directory; mend"),
        (lambda folder: folder.mkdir(0), "POLYEST_COEFFS must hold folders that can be read; {}: Permission denied"),
        (lambda folder: folder.mkdir(), ""),
    ],
)
def test_a_folder_of_tables_that_is_named_and_cannot_be_read_is_told(
    make: Callable[[Path], object], told: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYEST_COEFFS", str(tmp_path / "own"))
    monkeypatch.setattr(store, "shipped_folder", lambda: tmp_path / "none")
    make(tmp_path / "own")
    code, out, err = run("list", "--json")
    assert (code, out, err.count("\n")) == (0, "[]\n", 1 if told else 0)
    assert told.format(tmp_path / "own") in err


def test_a_table_that_is_missing_with_its_folder_says_so(
    run: Run, user_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"in {user_folder} nor among" in run("show", "log", "-k", 999)[2]
    monkeypatch.setenv("POLYEST_COEFFS", str(user_folder / "none"))
    assert f"in {user_folder / 'none'}, which is no folder, nor among" in run("show", "log", "-k", 999)[2]
