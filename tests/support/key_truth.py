"""What is false about a table file, reckoned from the formulas in `brute` and the solver's own minimax tables.

Nothing of the verifier is used, but the record of a table.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from urllib.parse import quote

import brute

from polyest.closed_forms import closed_form
from polyest.numbers.rationals import decimal_text
from polyest.offline import build
from polyest.problems.problem import Problem, make_problem
from polyest.storage.table import Certificate, Table

__all__ = ["falsehood", "place_of", "solved"]

FAR = 1e-8  # share by which a word has to miss before it counts as false; the verifier's tolerance is 1e-9


@lru_cache(maxsize=256)
def solved(target: str, K: int, **options: object) -> Table:
    return build.solve(make_problem(target, K, **options))


def place_of(problem: Problem) -> str:
    budget = f"/{problem.budget.kind}-{decimal_text(problem.budget.value)}" if problem.budget else ""
    return f"{quote(problem.target, safe='')}/{problem.method}{budget}/k{problem.group_size}.json"


def falsehood(table: Table, place: str | None) -> str:
    """A word of a file that is false; empty if none is known to be. A `place` of None is none that a table has."""
    if place is not None and place != place_of(table.problem):
        return "place"
    if not _makes_sense(table.problem):
        return "key"
    inner = table.leave_one_out
    if inner is None or table.certificate is None or inner.certificate is None:
        return "missing part"
    if inner.kappa != table.kappa:
        return "kappa of the inner table"
    plain = table.problem.method == "exact" and table.group_size - 1 <= 2
    inner = replace(inner, problem=replace(inner.problem, method="plug_in")) if plain else inner
    return _false_words(table) or _exceeded_noise(table) or _false_words(inner)


def _makes_sense(problem: Problem) -> bool:
    """The rules of theory.md §3 and `polyest.problems.problem`, for the targets that `brute` knows."""
    degree = {"power(2)": 2, "power(3)": 3}.get(problem.target, 10**9)
    budget, is_exact = problem.budget, degree < problem.group_size
    if problem.target not in brute.TARGETS or (problem.method == "aqp") != (budget is not None):
        return False
    if (problem.method == "harmonic" and problem.target != "log") or (problem.method == "exact" and not is_exact):
        return False
    if problem.method in ("minimax", "aqp") and is_exact:
        return False
    if budget is None:
        return True
    if problem.target == "power(-0.75)" and budget.kind != "bias_budget":
        return False
    least, step = {"noise_budget": (0, 0), "bias_budget": (1, Fraction(1, 100)), "groups": (1, 1)}[budget.kind]
    return budget.value >= least and budget.value > 0 and (not step or (budget.value / step).denominator == 1)


def _false_words(table: Table) -> str:
    problem, claims, c = table.problem, table.certificate, table.coefficients
    assert claims is not None
    bias = brute.worst_case_bias(problem.target, c)
    if problem.method in ("plug_in", "harmonic", "exact"):
        if (
            c != closed_form(replace(problem, group_size=max(problem.group_size, 2))).coefficients[: len(c)]
            and len(c) > 1
        ):
            return "coefficients"
    elif problem.method == "minimax" or table.kappa == 100:
        if bias > _least(problem.target, len(c))[1] * (1 + 1.1e-3):
            return "minimax"
    elif word := _off_the_frontier(table, bias):
        return word
    if problem.method in ("minimax", "aqp") and claims.optimality is None:
        return "missing optimality"
    return _false_claim(table, bias)


def _least(target: str, K: int) -> tuple[object, object]:
    """E*_K between de la Vallée Poussin's bound and the bias of the minimax table."""
    best = solved(target, K, method="minimax") if K > 1 else solved(target, 2, method="minimax").leave_one_out
    assert best is not None
    return brute.least_bias_bound(target, best.proof["alternation"]), brute.worst_case_bias(target, best.coefficients)


def _off_the_frontier(table: Table, bias: object) -> str:
    """κ·E*_K is the bias, and no table has a smaller objective at that bias; or it is the Bayes table."""
    target, c, budget = table.problem.target, table.coefficients, table.problem.budget
    kappa = brute.number(Fraction(table.kappa or 0, 100))
    if budget is not None and budget.kind == "bias_budget" and brute.number(budget.value) != kappa:
        return "bias budget"
    means = brute.means(target, len(c))
    is_bayes = all(abs(brute.number(x) - m) < 1e-15 * abs(m) for x, m in zip(c, means, strict=True))
    low, high = (kappa * end for end in _least(target, len(c)))
    if bias > high * (1 + FAR) or (not is_bayes and bias < low * (1 - FAR)):
        return "kappa"
    points, multipliers = table.proof.get("points", ()), table.proof.get("multipliers", ())
    if not is_bayes:
        lower = brute.dual_value(target, len(c), points, multipliers, bias) if len(points) == len(multipliers) else 0
        if brute.objective(target, c) > lower * (1 + FAR):
            return "optimality is not shown"
    return ""


def _exceeded_noise(table: Table) -> str:
    problem, budget = table.problem, table.problem.budget
    if budget is None or budget.kind != "noise_budget":
        return ""
    plain = closed_form(Problem(problem.target, problem.group_size, "plug_in")).coefficients
    most = brute.number(budget.value) * brute.worst_noise(problem.target, plain)
    return "noise budget" if brute.worst_noise(problem.target, table.coefficients) > most * (1 + FAR) else ""


def _false_claim(table: Table, bias: object) -> str:
    """A claim that does not hold the truth, or is wider than 10^−11 of it."""
    claims = table.certificate
    assert isinstance(claims, Certificate)
    noise = (
        brute.worst_noise(table.problem.target, table.coefficients) if table.problem.target != "power(-0.75)" else None
    )
    for name, truth in (("worst_case_bias", bias), ("noise", noise)):
        claim = getattr(claims, name)
        if "Infinity" in (claim.lower_text, claim.upper_text):
            if truth is not None:
                return f"{name} claimed infinite"
        elif truth is None:
            return f"{name} claimed finite"
        else:
            low, high = brute.number(claim.lower_text), brute.number(claim.upper_text)
            if low > truth * (1 + brute.mp.mpf(10) ** -30) or high < truth * (1 - brute.mp.mpf(10) ** -30):
                return f"{name} claimed falsely"
            if max(truth - low, high - truth) > truth * 1e-11:
                return f"{name} claimed too widely"
    best = claims.optimality
    if best is None or table.problem.method not in ("aqp", "minimax"):
        return ""
    top = (
        brute.objective(table.problem.target, table.coefficients)
        if table.problem.method == "aqp" and table.kappa != 100
        else bias
    )
    if "Infinity" in (best.lower_text, best.upper_text) or abs(brute.number(best.upper_text) - top) > top * 1e-11:
        return "optimality claimed falsely or too widely"
    return ""
