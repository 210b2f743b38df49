"""`polyest show`: its figures are proved, or said to be approximations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from verify_support import Run

from polyest.errors import MissingDependencyError


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
