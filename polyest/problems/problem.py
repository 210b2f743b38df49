"""The question a table answers: which target, which group size, which method, which point of the frontier."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Unpack

from polyest.errors import ArgumentError, nearest, shortened
from polyest.problems.budget import (
    BUDGET_KINDS,
    Budget,
    BudgetArguments,
    budget_of,
    method_of,
    refuse_others,
    whole_number,
)
from polyest.problems.targets import Target, get_target

__all__ = [
    "BASELINES",
    "LARGEST_GROUP",
    "METHODS",
    "Problem",
    "check_sizes",
    "make_problem",
    "problem_of_answers",
    "whole_number",
]

METHODS: dict[str, str] = {
    "plug_in": "r((m+1)/K), the frequency plugged in",
    "harmonic": "−Σ_{j=m+1}^{K−1} 1/j, unbiased for the Taylor polynomial of log",
    "exact": "U-statistic of a polynomial of degree ≤ K−1, unbiased",
    "minimax": "least worst-case bias of any table",
    "aqp": "least noise within a bias budget",
    "graded": "least noise within a bias of the objective of graded rewards, for K < n draws",
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
        budget: the point on the frontier, for ``method="aqp"`` and ``"graded"`` only.
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

    def of_size(self, group_size: int) -> Problem:
        """The same question for another group size."""
        budget = BudgetArguments() if self.budget is None else self.budget.argument
        return make_problem(self.target, group_size, self.method, baseline=self.baseline, **budget)


def make_problem(
    target: str | Target,
    group_size: int,
    method: str | None = None,
    *,
    baseline: str | None = None,
    **budget: Unpack[BudgetArguments],
) -> Problem:
    """Check the arguments of `polyest.load` and fill in the defaults.

    The method is ``exact`` where an exactly unbiased table exists, else ``graded`` for ``best_of(n)`` and ``aqp`` for
    other targets; the budget of ``aqp`` is ``noise_budget=1.5``, that of ``graded`` ``worst_case_bias=0.05``.

    >>> str(make_problem("log", 16)), str(make_problem("best_of(12)", 8))
    ('log K=16 aqp noise_budget=1.5', 'best_of(12) K=8 graded worst_case_bias=0.05')
    >>> make_problem("power(2)", 16).method
    'exact'

    Raises:
        ArgumentError: an argument is unknown, outside its domain, or at odds with the method.
    """
    row = get_target(target)
    K = whole_number("group_size", group_size, least=2, most=LARGEST_GROUP)
    refuse_others(budget, BUDGET_KINDS)
    named = {kind: value for kind, value in budget.items() if value is not None}
    asked = f"`method` {method}"
    if method is None and named:
        method = method_of(next(iter(named)))
        asked = f"`{next(iter(named))}`, a budget of the method {method},"
    elif method is None:
        method = _default_method(row, K)
        asked = f"`method` {method}, the default for {row.name},"
    _check_method(row, K, method, asked)
    _check_baseline(K, baseline)
    return Problem(row.name, K, method, budget_of(row, method, named), baseline)


def problem_of_answers(
    target: str | Target,
    group_size: int,
    method: str | None = None,
    *,
    baseline: str | None = None,
    **budget: Unpack[BudgetArguments],
) -> Problem:
    """As `make_problem`, for tables that answers are scored with: the method graded is never taken unasked.

    Raises:
        ArgumentError: as `make_problem` does; or no table that is made for answers is meant.
    """
    problem = make_problem(target, group_size, method, baseline=baseline, **budget)
    if problem.method == "graded" and method is None and budget.get("worst_case_bias") is None:
        K = problem.group_size
        raise ArgumentError(
            f"`target` {problem.target} has no exact table for groups of {K}; rewards that are numbers are scored by "
            f"polyest.graded.{problem.target.replace(')', f', group_size={K})')}; for answers name the method: 'aqp', "
            "whose tables have to be solved, or 'graded', which errs as a value"
        )
    return problem


def check_sizes(group_sizes: Iterable[int]) -> None:
    """Refuse groups of more completions than any table is for."""
    largest = max(group_sizes, default=0)
    if largest > LARGEST_GROUP:
        raise ArgumentError(
            f"`groups` must have at most {LARGEST_GROUP} completions each, got one of {largest}; cut it into several"
        )


def _default_method(target: Target, K: int) -> str:
    if target.is_exact(K):
        return "exact"
    return "graded" if target.name.startswith("best_of(") else "aqp"


def _check_method(target: Target, K: int, method: str, asked: str) -> None:
    """Refuse a method that is none, or does not go with the target; `asked` says by what it was chosen."""
    if not isinstance(method, str) or method not in METHODS:
        hint = nearest(str(method).lower(), METHODS)
        raise ArgumentError(f"`method` must be one of {', '.join(METHODS)}; got {shortened(method)}{hint}")
    if method == "harmonic" and target.name != "log":
        raise ArgumentError(f"`method` harmonic exists for the target log only, got {target.name}; use aqp or plug_in")
    if method == "exact" and not target.is_exact(K):
        least = "" if target.degree is None else f" (K ≥ {target.degree + 1} would do)"
        raise ArgumentError(
            f"`method` exact needs a polynomial target of degree ≤ K−1, got {target.name} at K = {K}{least}; use aqp"
        )
    if method in ("minimax", "aqp", "graded") and target.is_exact(K):
        raise ArgumentError(
            f"{asked} makes no sense for {target.name} at K = {K}, where an exact table has no bias at all; "
            "use method='exact', without a budget"
        )
    if method == "graded" and target.degree is None:
        raise ArgumentError(
            f"{asked} needs a polynomial target of degree < 2K, such as best_of(n), for rewards that are "
            f"numbers; got {target.name}, which is none; use aqp, with noise_budget, bias_budget or groups"
        )
    if method == "graded" and target.degree is not None and target.degree >= 2 * K:
        raise ArgumentError(
            f"{asked} needs a polynomial target of degree < 2K, such as best_of(n) with n ≤ 2K; got "
            f"{target.name} at K = {K} (K ≥ {target.degree // 2 + 1} would do): beyond, the noise is hopeless whatever "
            "the bias; sample larger groups"
        )


def _check_baseline(K: int, baseline: str | None) -> None:
    if baseline is not None and not (isinstance(baseline, str) and baseline in BASELINES):
        raise ArgumentError(
            f"`baseline` must be None or one of {', '.join(BASELINES)}; got {shortened(baseline)}"
            f"{nearest(str(baseline).lower(), BASELINES)}"
        )
    if baseline is not None and K < 3:
        raise ArgumentError(
            f"`baseline` needs groups of at least 3 completions, got {K}: at K = 2 the mean cancels every reward that "
            "counts; drop groups of two, or leave `baseline` out"
        )
