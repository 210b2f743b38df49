"""`polyest show`: its figures are proved, or said to be approximations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from verify_support import Run

from polyest.errors import MissingDependencyError
from polyest.storage import store
from polyest.storage.table import digest


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_figures_of_plug_in_are_proved_too(run: Run) -> None:
    plain = json.loads(run("show", "power(-0.5)", "-k", 16, "--json")[1])["plug_in"]
    assert plain["noise"] == pytest.approx(1 / 16, rel=1e-14)
    assert set(plain["proved"]) == {"worst_case_bias", "noise"}


def test_show_names_approximations(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def enclosures(*arguments: Any) -> Any:
        raise MissingDependencyError.for_extra("python-flint", "verify", "proving a certificate")

    monkeypatch.setattr("polyest.certify.enclosures", enclosures)
    assert json.loads(run("show", "log", "-k", 5, "--method", "harmonic", "--json")[1])["proved"] is None
    lines = run("show", "log", "-k", 5, "--method", "harmonic")[1].splitlines()
    assert [line.count("(approximate)") for line in lines[2:4]] == [2, 2]


def test_show_has_a_largest_group_size(run: Run) -> None:
    code, out, err = run("show", "log", "-k", 1000000000)
    assert (code, out) == (2, "")
    assert err == "polyest: `--group-size` must be at most 2048 here, got 1000000000\n"


@pytest.mark.slow
def test_show(run: Run, solved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYEST_COEFFS", str(solved))
    code, out, err = run("show", "log", "-k", "3", "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    table = store.read(Path(shown["path"]))
    assert (shown["target"], shown["group_size"], shown["method"]) == ("log", 3, "aqp")
    assert shown["budget"] == {"noise_budget": "1.5"}
    assert shown["kappa"] == 1.93  # theory.md §3
    assert shown["digest"] == digest(table)
    assert shown["coefficients"] == list(table.coefficients)
    assert table.certificate is not None
    bias, noise = table.certificate.worst_case_bias, table.certificate.noise
    assert shown["certificate"]["worst_case_bias"] == [bias.lower_text, bias.upper_text]
    assert shown["worst_case_bias"] == pytest.approx(bias.upper, rel=1e-6)
    assert shown["noise"] == pytest.approx(noise.upper, rel=1e-6)
    assert shown["noise_ratio"] == pytest.approx(1.5, abs=0.01)
    assert shown["bias_ratio"] == pytest.approx(bias.upper / shown["plug_in"]["worst_case_bias"], rel=1e-6)
    text = run("show", "log", "-k", "3")[1]
    assert all(repr(c) in text for c in table.coefficients)
    assert bias.upper_text in text


def test_show_says_that_no_table_is_better(run: Run) -> None:
    """Its interval is no gap: of minimax it is that of E*_K (theory.md §3), which is the table's own bias."""
    lines = [
        line for line in run("show", "log", "-k", 3, "--method", "minimax")[1].splitlines() if "optimality" in line
    ]
    said = "optimality (the program's objective, which this table has and no table betters)"
    assert lines == [f"  in the file: {said} in [0.035236560446716616, 0.035236560446716621]"]


@pytest.mark.slow
def test_show_without_a_file(run: Run) -> None:
    shown = json.loads(run("show", "log", "-k", "8", "--method", "harmonic", "--json")[1])
    # theory.md §3
    assert shown["worst_case_bias"] == pytest.approx(0.03645385118613845, rel=1e-9)
    assert shown["plug_in"]["worst_case_bias"] == pytest.approx(0.06554276409294340, rel=1e-9)
    assert shown["plug_in"]["noise"] == pytest.approx(0.02952976647786384, rel=1e-9)
    assert shown["path"] is shown["digest"] is shown["certificate"] is None
    exact = json.loads(run("show", "power(2)", "-k", "8", "--json")[1])
    assert exact["method"] == "exact"
    assert exact["worst_case_bias"] < 1e-15
    infinite = json.loads(run("show", "power(-0.7)", "-k", "8", "--method", "plug_in", "--json")[1])
    assert infinite["noise"] is None
    assert "infinite" in run("show", "power(-0.7)", "-k", "8", "--method", "plug_in")[1]


def test_show_a_baseline(run: Run) -> None:
    shown = json.loads(run("show", "log", "-k", "3", "--method", "harmonic", "--baseline", "group_mean", "--json")[1])
    assert shown["coefficients"] == [-1.5, 0.0, 0.0]  # 3/2 of the harmonic table of K = 2: theory.md §5
