"""`verify` and the key: every word of it is proved or said not to be; every file that could be used is looked at."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import brute
import key_attacks
import pytest

from polyest import certify, store
from polyest.certify.least_bias import least_bias
from polyest.cli import main, progress
from polyest.cli.verify import judge
from polyest.offline import build
from polyest.problem import Budget, Problem, make_problem
from polyest.table import Enclosure, Table, to_json
from polyest.targets import get_target

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(progress, "EVERY", 1e9)

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the shipped tables of `log`, K = 4 and 8."""
    for K in (4, 8):
        store.write(shipped(K), tmp_path / "tables")
    return tmp_path / "tables"


def shipped(K: int, method: str = "aqp", **budget: Any) -> Table:
    return store.read(store.shipped_folder() / store.relative_path(make_problem("log", K, method, **budget)))


# --- the key -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", key_attacks.FORGERIES)
def test_no_file_passes_whose_key_or_claim_is_false(kind: str, tmp_path: Path) -> None:
    rng = random.Random(kind)
    for case in range(3):
        file = key_attacks.forged(kind, rng)
        path = tmp_path / str(case) / (file.place or "x.json")
        path.parent.mkdir(parents=True)
        path.write_text(to_json(file.table))
        proved = judge(path, tmp_path / str(case) if file.place else None, ()).kind == "proved"
        assert not (proved and key_attacks.falsehood(file))
        assert proved or kind not in key_attacks.HARMLESS


def test_the_minimax_table_is_not_the_default_one() -> None:
    """The attack of the issue: K = 16, nested too, with empty claims and no proof."""
    minimax, host = shipped(16, "minimax"), shipped(16)
    wide = Enclosure("0", "1e300")

    def disguised(table: Table, K: int) -> Table:
        assert table.certificate is not None
        problem = Problem("log", K, "aqp", Budget("noise_budget", Fraction(3, 2)))
        return replace(
            table, problem=problem, kappa=247, proof={}, certificate=replace(table.certificate, optimality=wide)
        )

    assert minimax.leave_one_out is not None
    inner = disguised(minimax.leave_one_out, 15)
    outer = replace(disguised(minimax, 16), leave_one_out=inner)
    assert any(failure.startswith("worst_case_bias must be kappa times") for failure in certify.verify(outer))
    nested = certify.verify(replace(host, leave_one_out=inner))
    assert any(failure.startswith("leave_one_out.worst_case_bias must be kappa times") for failure in nested)


WORDS = {
    "a budget below 0": ({"budget": Budget("noise_budget", Fraction(-5))}, "must be a positive decimal"),
    "aqp without a budget": ({"budget": None}, "key must be written as that of log K=4 aqp noise_budget=1.5"),
    "a budget for minimax": ({"method": "minimax"}, "`noise_budget` belongs to method='aqp'"),
    "harmonic for another target": (
        {"method": "harmonic", "target": "js(0.1)", "budget": None},
        "for the target log only",
    ),
    "a target written otherwise": ({"target": "log()"}, "key must be written as that of log K=4"),
    "a target that is none": ({"target": "power(-1)"}, "needs a > −1"),
    "another target": ({"target": "power(0.5)"}, "worst_case_bias must be kappa times the least there is"),
    "a noise budget that is exceeded": (
        {"budget": Budget("noise_budget", Fraction(7, 5))},
        "must keep the noise_budget",
    ),
    "another bias budget": ({"budget": Budget("bias_budget", Fraction(2))}, "kappa must be the bias_budget, 2"),
}


@pytest.mark.parametrize("case", WORDS)
def test_every_word_of_the_key_is_proved(case: str) -> None:
    key, message = WORDS[case]
    failures = certify.verify(key_attacks.renamed(shipped(4), **key))
    assert any(message in failure for failure in failures)


def test_kappa_is_proved_from_both_sides() -> None:
    for kappa in (227, 229):  # 2.28 is that of the file
        failures = certify.verify(key_attacks.with_kappa(shipped(4), kappa))
        assert any(failure.startswith("worst_case_bias must be kappa times the least there is") for failure in failures)


def test_parts_that_solve_writes_must_be_there() -> None:
    table = shipped(4)
    assert table.certificate is not None
    assert certify.verify(replace(table, leave_one_out=None)) == ["leave_one_out is missing"]
    assert "certificate.optimality is missing" in certify.verify(
        replace(table, certificate=replace(table.certificate, optimality=None))
    )
    unproved = replace(table, proof={}, certificate=replace(table.certificate, optimality=Enclosure("0", "1")))
    assert any(failure.startswith("optimality is proved to nothing only") for failure in certify.verify(unproved))


def test_what_no_proof_covers_is_said(run: Run, folder: Path) -> None:
    code, out, _ = run("verify", folder)
    assert code == 0
    assert out.splitlines() == [
        "not proved, of 2 of the tables: that kappa is the smallest that keeps the noise budget",
        "2 proved",
    ]
    rows = json.loads(run("verify", folder, "--json")[1])
    assert [row["not_proved"] for row in rows] == [["that kappa is the smallest that keeps the noise budget"]] * 2
    assert certify.unproved(shipped(8, groups=8)) == ["that kappa is the best for that many groups"]
    assert certify.unproved(shipped(8, "minimax")) == []


@pytest.mark.parametrize(
    ("target", "K", "budget"),
    [("power(3)", 3, "1.2"), ("power(7.5)", 6, "2"), ("js(0.001)", 5, "3"), ("polynomial(0,1,0,-2,1)", 4, "1.5")],
)
def test_tables_of_other_targets_are_proved_too(target: str, K: int, budget: str) -> None:
    assert certify.verify(build.solve(make_problem(target, K, bias_budget=budget))) == []


def test_an_exact_table_whose_leave_one_out_table_is_plug_in_is_proved() -> None:
    assert certify.verify(build.solve(make_problem("power(3)", 4))) == []


@pytest.mark.parametrize(
    ("target", "K", "value"),
    [  # theory.md §3
        ("log", 1, 0.2784645427610738),
        ("log", 2, 0.07720199246676033),
        ("log", 7, 0.006602283574551713),
        ("log", 32, 0.0003173949164165504),
        ("power(0.5)", 8, 0.0001917668235268684),
        ("power(-0.5)", 8, 0.02812474569457400),
        ("js(0.1)", 8, 0.004934946685455988),
    ],
)
def test_the_least_bias_is_enclosed(target: str, K: int, value: float) -> None:
    low, high = least_bias(get_target(target), K)
    assert low <= high <= low * (1 + Fraction(1, 10**10))
    assert float(low) == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize("target", ["log", "power(0.5)", "power(3)", "js(0.1)"])
def test_the_least_bias_lies_below_that_of_any_table(target: str) -> None:
    low, high = least_bias(get_target(target), 3)
    table = build.solve(make_problem(target, 3, "minimax"))
    assert low <= Fraction(str(brute.worst_case_bias(target, table.coefficients))) <= high * (1 + Fraction(1, 10**3))


# --- the folder ----------------------------------------------------------------------------------------------------


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


def test_linked_folders_are_looked_into(run: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "log").rename(tmp_path / "elsewhere")
    (folder / "log").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(folder)
    assert run("verify", folder)[:2] == (
        0,
        "not proved, of 2 of the tables: that kappa is the smallest that keeps the noise budget\n2 proved\n",
    )


@pytest.fixture
def unreadable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A subfolder that cannot be listed, also where the tests run as root."""
    path = folder / "js(0.1)"
    path.mkdir()
    scan = os.scandir

    def scandir(place: Any) -> Any:
        if Path(place) == path:
            raise PermissionError(13, "Permission denied", str(place))
        return scan(place)

    monkeypatch.setattr(os, "scandir", scandir)
    return path


def test_unreadable_folders_are_named(run: Run, folder: Path, unreadable: Path) -> None:
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


def test_folders_whose_names_hold_odd_budgets_are_not_listed(run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    for budget in ("noise_budget-1e999999999", "noise_budget-1e-9999", "bias_budget-1e9999", "groups-1e9"):
        (tmp_path / "log" / "aqp" / budget).mkdir(parents=True)
        (tmp_path / "log" / "aqp" / budget / "k4.json").write_text("{}")
    monkeypatch.setenv("POLYEST_COEFFS", str(tmp_path))
    code, out, _ = run("list", "--json")
    assert code == 0
    assert not [row for row in json.loads(out) if row["folder"] == str(tmp_path)]


# --- show ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [  # proved, the last by 26 % more than a grid of float64 finds; 1/K is the limit at p → 0
        (("log", "-k", 46, "--method", "minimax"), "worst_case_bias", 0.00015370868591000738),
        (("power(-0.5)", "-k", 16, "--method", "plug_in"), "noise", 1 / 16),
        (("js(1e-9)", "-k", 16, "--method", "plug_in"), "noise", 4.0475639045171891e-11),
        (("js(1e-9)", "-k", 16, "--method", "plug_in"), "worst_case_bias", 9.998211289780107e-10),
    ],
)
def test_show_prints_proved_figures(arguments: tuple[Any, ...], name: str, value: float, run: Run) -> None:
    shown = json.loads(run("show", *arguments, "--json")[1])
    assert shown[name] == pytest.approx(value, rel=1e-14)
    low, high = map(float, shown["proved"][name])
    assert low <= shown[name] <= high * (1 + 1e-15)
    assert f"{name:<16} {value:.5g}" in run("show", *arguments)[1]


def test_the_figures_of_plug_in_are_proved_too(run: Run) -> None:
    plain = json.loads(run("show", "power(-0.5)", "-k", 16, "--json")[1])["plug_in"]
    assert plain["noise"] == pytest.approx(1 / 16, rel=1e-14)
    assert set(plain["proved"]) == {"worst_case_bias", "noise"}


def test_show_names_approximations(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyest.cli.show.LARGEST_PROVED", 4)
    assert json.loads(run("show", "log", "-k", 5, "--method", "harmonic", "--json")[1])["proved"] is None
    lines = run("show", "log", "-k", 5, "--method", "harmonic")[1].splitlines()
    assert [line.count("(approximate)") for line in lines[2:4]] == [2, 2]


def test_show_has_a_largest_group_size(run: Run) -> None:
    code, out, err = run("show", "log", "-k", 1000000000)
    assert (code, out) == (2, "")
    assert err == "polyest: `--group-size` must be at most 4096 here, got 1000000000\n"
