"""The question a table answers: which target, which group size, which method, which point of the frontier."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from polyest.errors import ArgumentError, nearest, shortened
from polyest.numbers.rationals import bounded_rational, decimal_text, is_decimal
from polyest.problems.targets import Target, get_target

__all__ = [
    "BASELINES",
    "BUDGETS",
    "DEFAULT_NOISE_BUDGET",
    "DEFAULT_WORST_CASE_BIAS",
    "LARGEST_GROUP",
    "METHODS",
    "Budget",
    "Problem",
    "budget_value",
    "make_problem",
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
BUDGETS = ("noise_budget", "bias_budget", "groups", "worst_case_bias")
DEFAULT_NOISE_BUDGET = Fraction(3, 2)
DEFAULT_WORST_CASE_BIAS = Fraction(1, 20)
DEFAULTS = {"aqp": ("noise_budget", DEFAULT_NOISE_BUDGET), "graded": ("worst_case_bias", DEFAULT_WORST_CASE_BIAS)}
LARGEST_GROUP = 2**16  # completions; closed forms take seconds there
LEAST_BUDGET, LARGEST_BUDGET = Fraction(1, 10**12), 10**12


@dataclass(frozen=True)
class Budget:
    """A way to name a point on the frontier of aqp (theory.md §3), or of graded.

    Attributes:
        kind: ``"noise_budget"`` (ρ > 0), ``"bias_budget"`` (κ, a multiple of 0.01, ≥ 1) or ``"groups"`` (M ≥ 1); for
            graded ``"worst_case_bias"``, β itself per range of the rewards.
        value: the number, an exact rational.
    """

    kind: str
    value: Fraction

    @property
    def argument(self) -> dict[str, int | Fraction]:
        """As `make_problem` takes it."""
        return {self.kind: int(self.value) if self.value.denominator == 1 else self.value}

    def __str__(self) -> str:
        return f"{self.kind}={decimal_text(self.value)}"


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


def make_problem(
    target: str | Target,
    group_size: int,
    method: str | None = None,
    *,
    noise_budget: Any = None,
    bias_budget: Any = None,
    groups: Any = None,
    worst_case_bias: Any = None,
    baseline: str | None = None,
) -> Problem:
    """Check the arguments of `polyest.load` and fill in the defaults.

    The method is ``exact`` where an exactly unbiased table exists and ``aqp`` elsewhere; the budget of ``aqp`` is
    ``noise_budget=1.5``, that of ``graded`` ``worst_case_bias=0.05``.

    >>> str(make_problem("log", 16))
    'log K=16 aqp noise_budget=1.5'
    >>> make_problem("power(2)", 16).method
    'exact'

    Raises:
        ArgumentError: an argument is unknown, outside its domain, or at odds with the method.
    """
    row = get_target(target)
    K = whole_number("group_size", group_size, least=2, most=LARGEST_GROUP)
    given = dict(zip(BUDGETS, (noise_budget, bias_budget, groups, worst_case_bias), strict=True))
    named = {kind: value for kind, value in given.items() if value is not None}
    if method is None:
        method = _method_of(next(iter(named))) if named else "exact" if row.is_exact(K) else "aqp"
    _check_method(row, K, method)
    _check_baseline(K, baseline)
    return Problem(row.name, K, method, _budget(row, method, named), baseline)


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
    if method in ("minimax", "aqp", "graded") and target.is_exact(K):
        raise ArgumentError(
            f"`method` {method} makes no sense for {target.name} at K = {K}, where an exact table has no bias at all; "
            "use method='exact'"
        )
    if method == "graded" and (target.degree is None or target.degree >= 2 * K):
        least = "" if target.degree is None else f" (K ≥ {target.degree // 2 + 1} would do)"
        raise ArgumentError(
            f"`method` graded needs a polynomial target of degree < 2K, such as best_of(n) with n ≤ 2K; got "
            f"{target.name} at K = {K}{least}: beyond, the noise is hopeless whatever the bias; sample larger groups"
        )


def _check_baseline(K: int, baseline: str | None) -> None:
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


def _method_of(budget: str) -> str:
    return "graded" if budget == "worst_case_bias" else "aqp"


def _budget(target: Target, method: str, named: dict[str, Any]) -> Budget | None:
    for kind in named:
        if method != _method_of(kind):
            raise ArgumentError(f"`{kind}` belongs to method={_method_of(kind)!r}, got method={method!r}; leave it out")
    if method not in DEFAULTS:
        return None
    if len(named) > 1:
        raise ArgumentError(f"`{'`, `'.join(named)}` exclude each other; give one of them")
    if not target.bounds_noise and "bias_budget" not in named:
        why = "its growth bounds noise for α < ½ only" if target.is_custom else "every table of it has infinite noise"
        raise ArgumentError(f"`bias_budget` is required for {target.name}, because {why}; give one, such as 2")
    kind, value = next(iter(named.items())) if named else DEFAULTS[method]
    return Budget(kind, budget_value(kind, value))


def budget_value(kind: str, value: Any) -> Fraction:
    """The number of a budget, checked.

    Raises:
        ArgumentError: it is outside its domain.
    """
    if kind == "groups":
        return Fraction(whole_number("groups", value, least=1, most=LARGEST_BUDGET))
    number = bounded_rational(value, kind)
    if number > LARGEST_BUDGET:
        raise ArgumentError(f"`{kind}` must be at most {LARGEST_BUDGET}, got {shortened(value)}")
    if kind == "bias_budget" and (number < 1 or (100 * number).denominator != 1):
        raise ArgumentError(
            f"`bias_budget` must be a multiple of 0.01, at least 1 (1 is the minimax table); got {shortened(value)}"
        )
    if kind != "bias_budget" and (number < LEAST_BUDGET or not is_decimal(number)):
        example = decimal_text(dict(DEFAULTS.values())[kind])
        raise ArgumentError(
            f"`{kind}` must be a positive decimal such as {example}, at least 1e-12; got {shortened(value)}"
        )
    return number


def whole_number(argument: str, value: Any, least: int, most: int | None = None) -> int:
    """`value` as an int from `least` to `most`; numpy integers pass, floats and bools do not."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ArgumentError(f"`{argument}` must be a whole number, got {shortened(value)}") from None
    if isinstance(value, bool) or number < least:
        raise ArgumentError(f"`{argument}` must be at least {least}, got {shortened(value)}")
    if most is not None and number > most:
        raise ArgumentError(f"`{argument}` must be at most {most}, got {shortened(value)}")
    return number
