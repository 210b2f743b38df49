"""The question a table answers: which target, which group size, which method, which point of the frontier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from polyest.errors import ArgumentError, nearest
from polyest.problems.budget import BUDGET_KINDS, Budget, BudgetArguments, budget_of, refuse_others, whole_number
from polyest.problems.targets import Target, get_target

__all__ = ["BASELINES", "LARGEST_GROUP", "METHODS", "Budget", "Problem", "make_problem", "whole_number"]

METHODS: dict[str, str] = {
    "plug_in": "r((m+1)/K), the frequency plugged in",
    "harmonic": "−Σ_{j=m+1}^{K−1} 1/j, unbiased for the Taylor polynomial of log",
    "exact": "U-statistic of a polynomial of degree ≤ K−1, unbiased",
    "minimax": "least worst-case bias of any table",
    "aqp": "least noise within a bias budget",
}
BASELINES = ("group_mean", "leave_one_out_mean")
LARGEST_GROUP = 2**16  # completions; closed forms take seconds there


@dataclass(frozen=True)
class Problem:
    """What a table estimates, and how.

    Attributes:
        target: canonical name of r.
        group_size: K ≥ 1 (1 only as the leave-one-out table of K = 2).
        method: one of `METHODS`.
        budget: the point on the frontier, for ``method="aqp"`` only.
        baseline: None, or the mean that the trainer is going to subtract (theory.md §5).
    """

    target: str
    group_size: int
    method: str
    budget: Budget | None = None
    baseline: str | None = None

    def __str__(self) -> str:
        parts = [self.target, f"K={self.group_size}", self.method]
        parts += [str(self.budget)] if self.budget else []
        parts += [f"baseline={self.baseline}"] if self.baseline else []
        return " ".join(parts)


def make_problem(
    target: str | Target,
    group_size: int,
    method: str | None = None,
    *,
    baseline: str | None = None,
    **budget: Unpack[BudgetArguments],
) -> Problem:
    """Check the arguments of `polyest.load` and fill in the defaults.

    The method is ``exact`` where an exactly unbiased table exists and ``aqp`` elsewhere; the budget of ``aqp`` is
    ``noise_budget=1.5``.

    >>> str(make_problem("log", 16))
    'log K=16 aqp noise_budget=1.5'
    >>> make_problem("power(2)", 16).method
    'exact'

    Raises:
        ArgumentError: an argument is unknown, outside its domain, or at odds with the method.
    """
    row = get_target(target)
    K = whole_number("group_size", group_size, least=2, most=LARGEST_GROUP)
    refuse_others(budget, BUDGET_KINDS)
    if method is None:
        is_aqp = any(value is not None for value in budget.values()) or not row.is_exact(K)
        method = "aqp" if is_aqp else "exact"
    _check_method(row, K, method)
    if baseline is not None and baseline not in BASELINES:
        raise ArgumentError(
            f"`baseline` must be None or one of {', '.join(BASELINES)}; got {baseline!r}"
            f"{nearest(str(baseline), BASELINES)}"
        )
    if baseline is not None and K < 3:
        raise ArgumentError(
            f"`baseline` needs groups of at least 3 completions, got {K}: at K = 2 the mean cancels every reward that "
            "counts; drop groups of two, or leave `baseline` out"
        )
    return Problem(row.name, K, method, budget_of(row, method, budget), baseline)


def _check_method(target: Target, K: int, method: str) -> None:
    if method not in METHODS:
        raise ArgumentError(
            f"`method` must be one of {', '.join(METHODS)}; got {method!r}{nearest(str(method), METHODS)}"
        )
    if method == "harmonic" and target.name != "log":
        raise ArgumentError(f"`method` harmonic exists for the target log only, got {target.name}; use aqp or plug_in")
    if method == "exact" and not target.is_exact(K):
        least = "" if target.degree is None else f" (K ≥ {target.degree + 1} would do)"
        raise ArgumentError(
            f"`method` exact needs a polynomial target of degree ≤ K−1, got {target.name} at K = {K}{least}; use aqp"
        )
    if method in ("minimax", "aqp") and target.is_exact(K):
        raise ArgumentError(
            f"`method` {method} makes no sense for {target.name} at K = {K}, where an exact table has no bias at all; "
            "use method='exact'"
        )
