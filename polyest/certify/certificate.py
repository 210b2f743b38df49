"""Making and re-proving the claims that a table file carries (theory.md §4)."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

import numpy as np

from polyest import bernstein
from polyest.certify import functions, optimality
from polyest.certify.supremum import supremum
from polyest.errors import ArgumentError, SolveError
from polyest.methods import CLOSED_FORM
from polyest.table import Certificate, Enclosure, Table
from polyest.targets import Target, get_target

__all__ = ["certificate", "verify", "worst_case_bias", "worst_noise"]

DIGITS = 17
INFINITE = Enclosure("Infinity", "Infinity")
Interval = tuple[Fraction, Fraction]


def certificate(table: Table) -> Certificate:
    """Prove what can be claimed about a table's coefficients, exactly as they are stored.

    >>> from polyest.methods import closed_form
    >>> from polyest.problem import make_problem
    >>> certificate(closed_form(make_problem("log", 8, "plug_in"))).worst_case_bias.upper.__round__(12)
    0.065542764093

    Raises:
        SolveError: an enclosure could not be closed.
        ArgumentError: the proof data make no sense.
    """
    target = get_target(table.problem.target)
    bias = worst_case_bias(target, table.coefficients)
    noise = worst_noise(target, table.coefficients)
    claimed = _outward(bias)
    best = _optimality(target, table, Fraction(claimed.upper_text))
    return Certificate(claimed, _outward(noise) if noise else INFINITE, _outward(best) if best else None)


def verify(table: Table) -> list[str]:
    """The claims of a table (and of its leave-one-out table) that could not be re-proved; empty if all were.

    Everything is computed anew from the coefficients, points and multipliers in the file: no claim is believed.
    """
    failures, inner = _verify_one(table, ""), table.leave_one_out
    if inner is not None:
        failures += _verify_one(inner, "leave_one_out.")
        if inner.kappa != table.kappa:
            failures.append("leave_one_out.kappa differs from that of the table")
    return failures


def worst_case_bias(target: Target, coefficients: tuple[float, ...]) -> Interval:
    """An enclosure of β(c) = sup p·|Q_c(p) − r(p)| over (0, 1]."""
    e = functions.bias(target, coefficients)
    grid = _grid(len(coefficients))
    hint = _largest(grid, np.abs(bernstein.bias(target, coefficients, grid)))
    return (Fraction(0), Fraction(0)) if e.is_zero() else supremum([e, -e], hint)


def worst_noise(target: Target, coefficients: tuple[float, ...]) -> Interval | None:
    """An enclosure of V(c) over (0, 1]; None where it is infinite (|r| grows faster than p^(−1/2))."""
    if target.growth[1] > Fraction(1, 2):
        return None
    v = functions.noise(target, coefficients)
    grid = _grid(len(coefficients))
    hint = _largest(grid, bernstein.noise(target, coefficients, grid))
    return (Fraction(0), Fraction(0)) if v.is_zero() else supremum([v], hint)


def _verify_one(table: Table, path: str) -> list[str]:
    claims = table.certificate
    if claims is None:
        return [f"{path}certificate is missing"]
    if claims.worst_case_bias == INFINITE:
        return [f"{path}certificate.worst_case_bias claims infinity, but every table's bias is finite"]
    try:
        _check_key(table)
        target = get_target(table.problem.target)
        bias, noise = worst_case_bias(target, table.coefficients), worst_noise(target, table.coefficients)
        best = _optimality(target, table, Fraction(claims.worst_case_bias.upper_text))
    except (SolveError, ArgumentError) as error:
        return [f"{path}certificate could not be re-proved: {error}"]
    checks = {
        "worst_case_bias": _contains(claims.worst_case_bias, bias),
        "noise": claims.noise == INFINITE if noise is None else _contains(claims.noise, noise),
        "optimality": claims.optimality is None if best is None else _contains(claims.optimality, best),
    }
    proved = {"worst_case_bias": bias, "noise": noise, "optimality": best}
    return [
        f"{path}certificate.{k} claims {getattr(claims, k)}, but {_text(proved[k])} is what can be proved"
        for k, ok in checks.items()
        if not ok
    ]


def _check_key(table: Table) -> None:
    """Refuse a table that is not the one its key names, as far as that needs no proof."""
    problem, budget = table.problem, table.problem.budget
    closed_form = CLOSED_FORM.get(problem.method)
    if closed_form and table.coefficients != closed_form(get_target(problem.target), table.group_size):
        raise ArgumentError(f"`coefficients` must be those of {problem.method}, correctly rounded; solve it again")
    if budget is not None and budget.kind == "bias_budget" and table.kappa != 100 * budget.value:
        raise ArgumentError(f"`kappa` must be the bias_budget, {budget.value}; solve it again")


def _optimality(target: Target, table: Table, beta: Fraction) -> Interval | None:
    """An enclosure of the best value of the table's program, at the certified bias `beta` for aqp."""
    method, K = table.problem.method, table.group_size
    if method in CLOSED_FORM:
        return (Fraction(0), Fraction(0)) if method == "exact" else None
    if method == "minimax" or table.kappa == 100:
        alternation = table.proof.get("alternation", ())
        if len(alternation) != K + 1:
            raise ArgumentError(f"`alternation` must have K + 1 = {K + 1} points; solve it again")
        return optimality.least_bias_bound(target, alternation), beta
    points, multipliers = table.proof.get("points", ()), table.proof.get("multipliers", ())
    lower = optimality.dual_value(target, K, points, multipliers, beta)
    return lower, optimality.objective(target, table.coefficients)[1]


def _contains(claim: Enclosure | None, proved: Interval) -> bool:
    if claim is None or claim == INFINITE:
        return False
    return Fraction(claim.lower_text) <= proved[0] and proved[1] <= Fraction(claim.upper_text)


def _outward(interval: Interval) -> Enclosure:
    """The interval with its ends rounded outward to `DIGITS` significant decimals."""
    return Enclosure(_decimal(interval[0], ROUND_FLOOR), _decimal(interval[1], ROUND_CEILING))


def _decimal(value: Fraction, rounding: str) -> str:
    context = Context(prec=DIGITS, rounding=rounding, Emin=-99_999, Emax=99_999)
    return str(context.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize(context))


def _text(interval: Interval | None) -> str:
    return "nothing" if interval is None else str(_outward(interval))


def _grid(group_size: int) -> np.ndarray:
    angles = np.linspace(0, np.pi, 24 * group_size + 200)[1:]
    return np.asarray(np.sin(angles / 2) ** 2)


def _largest(grid: np.ndarray, values: np.ndarray) -> list[float]:
    best = np.argsort(values)[-3:]
    return [float(p) for p in grid[best]]
