"""`polyest verify FOLDER`: every file that could be used is looked at, and a bad one is named."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from verify_support import Run, copied, shipped

from polyest import certify
from polyest.errors import TableFileError
from polyest.problems.problem import make_problem
from polyest.storage import store
from polyest.storage.table import Table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path / "tables")


@pytest.mark.slow
def test_a_file_in_the_place_of_another_fails(run: Run, folder: Path, tmp_path: Path) -> None:
    (place,) = (path for path in store.paths(folder) if path.name == "k8.json")
    for name in ("k4.json", "k08.json", "K8.json"):
        other = shutil.copytree(folder, tmp_path / "other" / name)
        wrong = shutil.copy(place, other / place.relative_to(folder).with_name(name))
        for given in (other, wrong):
            code, out, _ = run("verify", given)
            assert code == 1
            assert f"failed: {wrong}: must hold the table that its place says; it holds that of log K=8" in out
    assert run("verify", shutil.copy(place, tmp_path / "x.json"))[0] == 0  # which has no place


def test_a_shipped_folder_is_told_where_there_is_no_checkout(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    remedy = f"; the shipped one is {store.shipped_folder() / 'log' / 'minimax'}\n"
    assert run("verify", "coeffs/log/minimax")[2].endswith(f"there is no coeffs/log/minimax{remedy}")
    for other in ("coeffs/lgo", "polyest"):
        assert "shipped" not in run("verify", other)[2], other


@pytest.mark.slow
def test_linked_folders_are_looked_into(run: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "log").rename(tmp_path / "elsewhere")
    (folder / "log").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(folder)
    assert run("verify", folder)[:2] == (
        0,
        "not proved, of 2 of the tables: that kappa is the smallest that keeps the noise budget\n2 proved\n",
    )


@pytest.mark.usefixtures("permissions")
def test_unreadable_folders_are_named(run: Run, folder: Path) -> None:
    (unreadable := folder / "js(0.1)").mkdir(0)
    code, out, _ = run("verify", folder)
    assert code == 2
    assert f"refused: {unreadable}: cannot be read: Permission denied" in out
    assert out.splitlines()[-1] == "2 proved, 1 refused"


def put(old: str, new: str) -> Callable[[Path, str], object]:
    return lambda path, text: path.write_text(text.replace(old, new))


SPOILED: dict[str, Callable[[Path, str], object]] = {
    "a decimal of 5000 digits": put('"2.28"', f'"{"1" * 5000}"'),
    "a kappa of 1e9999": put('"2.28"', '"1e9999"'),
    "a budget of 1e-9999": put('"1.5"', '"1e-9999"'),
    "a budget of 1e999999999": put('"1.5"', '"1e999999999"'),
    "a huge whole number": put('"group_size": 4', f'"group_size": {10**4000}'),
    "a number of 5000 digits": put('"group_size": 4', f'"group_size": {"1" * 5000}'),
    "a lone surrogate as a field": put('"kappa"', '"\\udc80"'),
    "deep nesting": lambda path, text: path.write_text("[" * 100_000),
    "text that is no UTF-8": lambda path, text: path.write_bytes(b"\xff" + text.encode()),
    "a folder": lambda path, text: (path.unlink(), path.mkdir()),
    "a broken link": lambda path, text: (path.unlink(), path.symlink_to(path.with_name("nowhere"))),
    "a pipe": lambda path, text: (path.unlink(), os.mkfifo(path)),
    "a device": lambda path, text: (path.unlink(), path.symlink_to("/dev/zero")),
    "a huge file": lambda path, text: os.truncate(path, 2**40),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", SPOILED)
def test_a_bad_file_is_named_and_the_others_are_proved(case: str, run: Run, folder: Path) -> None:
    path = next(path for path in store.paths(folder) if path.name == "k4.json")
    SPOILED[case](path, path.read_text())
    code, out, err = run("verify", folder)
    assert (code, err) == (2, "")
    assert out.splitlines()[0].startswith(f"refused: {path}: ")
    assert len(out.splitlines()[0]) < 500
    assert out.splitlines()[-1] == "1 proved, 1 refused"


def test_a_pipe_or_device_as_path_is_refused(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        assert run("verify", path)[:2] == (
            2,
            f"refused: {path}: must be a table file; it is a folder, a device or a pipe\n0 proved, 1 refused\n",
        )


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_proof_that_breaks_off_is_the_failure_of_its_file(jobs: int, run: Run, folder: Path) -> None:
    c = (1e308, -1e308, 1e308, -1e308)
    path = store.write(replace(shipped(4), coefficients=c), folder)
    code, out, _ = run("verify", folder, "--jobs", jobs)
    assert code == 1
    assert f"failed: {path}: " in out
    assert out.splitlines()[-1] == "1 proved, 1 failed"


def test_an_exception_inside_a_proof_is_reported(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = certify.verify

    def verify(table: Table, custom: Any) -> list[str]:
        return proof(table, custom) if table.group_size == 8 else [str(1 // 0)]

    monkeypatch.setattr(certify, "verify", verify)
    code, out, _ = run("verify", folder)
    assert code == 1
    assert "k4.json: the proof broke off: ZeroDivisionError" in out
    assert out.splitlines()[-1] == "1 proved, 1 failed"


@pytest.mark.slow
def test_folders_whose_names_hold_odd_budgets_are_not_listed(run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    for budget in ("noise_budget-1e999999999", "noise_budget-1e-9999", "bias_budget-1e9999", "groups-1e9"):
        (tmp_path / "log" / "aqp" / budget).mkdir(parents=True)
        (tmp_path / "log" / "aqp" / budget / "k4.json").write_text("{}")
    monkeypatch.setenv("POLYEST_COEFFS", str(tmp_path))
    code, out, _ = run("list", "--json")
    assert code == 0
    assert not [row for row in json.loads(out) if row["folder"] == str(tmp_path)]


def test_a_folder_that_cannot_be_searched_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_file(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", is_file)
    with pytest.raises(TableFileError, match="must be a place that can be read; got Permission denied"):
        store.load(make_problem("log", 4))


def spoil(path: Path, **changes: Any) -> Table:
    """Change a stored table's claims and give the file a digest that fits."""
    table = replace(store.read(path), **changes)
    store.write(table, path.parents[len(store.relative_path(table.problem).parts) - 1])
    return table


@pytest.mark.slow
def test_verify_proves_what_was_solved(run: Run, solved: Path) -> None:
    summary = "not proved, of 2 of the tables: that kappa is the smallest that keeps the noise budget\n4 proved\n"
    assert run("verify", solved) == (0, summary, "")
    assert run("verify", *store.paths(solved), "--jobs", 2) == (0, summary, "")


@pytest.mark.slow
def test_verify_names_the_file_whose_claim_is_false(run: Run, copies: Path) -> None:
    path = next(store.paths(copies))
    table = store.read(path)
    spoil(path, coefficients=(table.coefficients[0] - 1e-6, *table.coefficients[1:]))
    code, out, err = run("verify", copies)
    assert (code, err) == (1, "")
    assert all(line.startswith((f"failed: {path}: ", "not proved, of 1 ")) for line in out.splitlines()[:-1])
    assert out.splitlines()[-1] == "3 proved, 1 failed"
    content = json.loads(run("verify", copies, "--json")[1])
    assert [row["verdict"] for row in content] == ["failed", "proved", "proved", "proved"]
    assert content[0]["path"] == str(path)
    assert content[0]["reasons"]


BROKEN = {
    "truncated": lambda text: text[:200],
    "wrong digest": lambda text: text.replace('"digest": "sha256:', '"digest": "sha256:0'),
    "nan": lambda text: text.replace('"coefficients": [', '"coefficients": [\n  NaN,', 1),
    "unknown version": lambda text: text.replace('"format_version": 1', '"format_version": 99'),
    "empty": lambda text: "",
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_table_is_refused_with_exit_code_2(case: str, run: Run, copies: Path) -> None:
    path = list(store.paths(copies))[-1]
    path.write_text(BROKEN[case](path.read_text()))
    code, out, err = run("verify", copies)
    assert (code, err) == (2, "")
    assert out.splitlines()[0].startswith(f"refused: {path}: ")
    assert out.splitlines()[-1] == "3 proved, 1 refused"


@pytest.mark.slow
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_never_used(
    case: str, run: Run, copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copies / "log" / "aqp" / "noise_budget-1.5" / "k3.json"
    path.write_text(BROKEN[case](path.read_text()))
    monkeypatch.setenv("POLYEST_COEFFS", str(copies))
    log = tmp_path / "log.jsonl"
    log.write_text('{"prompt_id": 1, "answer": 2}\n' * 3)
    for arguments in (("show", "log", "-k", 3), ("score", log, "--target", "log", "--out", tmp_path / "out.jsonl")):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert str(path) in err
        assert err.count("\n") == 1
    assert not (tmp_path / "out.jsonl").exists()


def test_verify_a_folder_without_tables(run: Run, tmp_path: Path) -> None:
    assert run("verify", tmp_path)[::2] == (
        2,
        f"polyest: `PATH` must hold table files k<K>.json; {tmp_path} has none\n",
    )
