"""The three ways to name a point on the aqp frontier: written down once, and the same everywhere."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import polyest
from polyest.errors import ArgumentError
from polyest.problems.budget import BUDGET_KINDS, AqpArguments, BudgetArguments, RaggedArguments, from_ragged, to_ragged
from polyest.problems.problem import make_problem

PACKAGE = Path(polyest.__file__).parent
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def test_the_kinds_are_the_names_of_the_arguments() -> None:
    assert set(BUDGET_KINDS) == BudgetArguments.__optional_keys__
    assert {*BUDGET_KINDS[:2], "averaged_groups"} == RaggedArguments.__optional_keys__


@pytest.mark.slow
def test_no_signature_spells_them_out() -> None:
    spelled = [
        f"{file.relative_to(PACKAGE)}: {node.name}"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, FUNCTIONS) and {"noise_budget", "bias_budget"} <= {a.arg for a in node.args.kwonlyargs}
    ]
    assert spelled == []


def load(**budget: Any) -> Any:
    return polyest.load("log", 4, "aqp", **budget)


def rewards(**budget: Any) -> Any:
    return polyest.rewards([1, 1], [0, 0], "log", "aqp", **budget)


def rate(**budget: Any) -> Any:
    return polyest.success.integral("log", 4, "aqp", **budget)


@pytest.mark.parametrize("function", [load, rewards, rate], ids=lambda function: function.__name__)
@pytest.mark.parametrize("name", ["noise_budgets", "bias_buget", "group", "kappa"])
def test_other_names_are_refused_with_the_known_ones(function: Callable[..., Any], name: str) -> None:
    known = r"noise_budget or bias_budget or (averaged_)?groups( or worst_case_bias)?"
    with pytest.raises(ArgumentError, match=rf"`{name}` is no argument; give {known}, or none"):
        function(**{name: 1.5})


@pytest.mark.parametrize(
    ("function", "name", "meant"),
    [(load, "methd", "method"), (rewards, "weigths", "weights"), (rate, "sgn", "sign"), (load, "grups", "groups")],
)
def test_a_slip_in_any_argument_of_the_function_is_told(function: Callable[..., Any], name: str, meant: str) -> None:
    known = "; give .*groups.*, or none" if meant == "groups" else ""  # which stands where one of these is meant
    with pytest.raises(ArgumentError, match=rf"^`{name}` is no argument{known}; did you mean '{meant}'\?$"):
        function(**{name: 1.5})


@pytest.mark.parametrize(
    "function", [polyest.load, polyest.rewards, polyest.advantages, polyest.value, polyest.success.power]
)
def test_help_leads_to_the_budgets(function: Callable[..., Any]) -> None:
    assert "**budget" in str(inspect.signature(function))
    for name in ("noise_budget", "bias_budget"):
        assert name in (polyest.load.__doc__ or "")
        assert name in (polyest.rewards.__doc__ or "")


@pytest.mark.parametrize("kind", AqpArguments.__annotations__)
def test_arguments_survive_the_way_to_the_ragged_form_and_back(kind: str) -> None:
    given = make_problem("log", 4, **{kind: 2}).budget
    assert given is not None
    back = from_ragged(to_ragged(given.argument))
    assert make_problem("log", 4, **back).budget == given
    assert {name for name, value in back.items() if value is not None} == {kind}
