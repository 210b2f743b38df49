"""The folder as a map: a name for each thing, one way for numbers from the solver to the table, honest types."""

from __future__ import annotations

import ast
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import polyest.offline
from polyest.offline import remez
from polyest.offline.methods import aqp, minimax
from polyest.problems.custom import custom
from polyest.problems.problem import make_problem

FOLDER = Path(polyest.offline.__file__).parent
TREES = {path.relative_to(FOLDER).as_posix(): ast.parse(path.read_text("utf-8")) for path in FOLDER.rglob("*.py")}
SHARED = {"solution", "rounded", "minimax", "aqp"}  # by the methods; by the methods and the programs they solve
MOST_ANY = 0.08


def test_no_two_functions_have_one_name() -> None:
    names = [n.name for tree in TREES.values() for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    assert {name for name, times in Counter(names).items() if times > 1 and name[0] != "_"} <= SHARED


def test_mpmath_is_for_quadrature_only() -> None:
    using = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(alias.name == "mpmath" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and any(alias.name == "Multiprecision" for alias in node.names))
    }
    assert using == {"bayes.py"}


def exponential(p: Any, ctx: Any) -> Any:
    return ctx.exp(p)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "K", "kappa"),
    [("log", 4, 1), ("log", 4, 2), ("log", 4, 10**4), ("power(1.5)", 3, 2), (custom(exponential, (3, 0)), 2, 10**6)],
)
def test_a_solution_is_exact_rationals(target: Any, K: int, kappa: int) -> None:
    """At the minimax end, between, and at the Bayes end, there also from quadrature."""
    found = aqp.solution(make_problem(target, K, bias_budget=kappa)).coefficients
    assert all(type(c) is Fraction for c in found)


def test_minimax_and_the_least_bias_are_exact_rationals() -> None:
    assert all(type(c) is Fraction for c in minimax.solution(make_problem("log", 3, "minimax")).coefficients)
    assert all(type(remez.least_bias("log", K)) is Fraction for K in (3, 256 + 1))


def annotations(node: ast.AST) -> list[ast.expr | None]:
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return []
    a = node.args
    return [node.returns, *(x.annotation for x in [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg] if x)]


def test_few_annotations_say_any() -> None:
    found = [a for tree in TREES.values() for node in ast.walk(tree) for a in annotations(node) if a is not None]
    loose = [a for a in found if "Any" in {getattr(n, "id", getattr(n, "value", "")) for n in ast.walk(a)}]
    assert len(loose) <= MOST_ANY * len(found)
