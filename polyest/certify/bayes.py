"""The Bayes table μ_m = E[r(p)], p ~ Beta(m+1, K−m), as balls of the current precision."""

from __future__ import annotations

import math

from flint import acb, arb, ctx

from polyest.certify.memory import remembered
from polyest.errors import SolveError
from polyest.numbers.balls import ball
from polyest.numbers.complex_balls import ComplexContext
from polyest.problems.targets import Target

__all__ = ["bayes_means"]


def bayes_means(target: Target, group_size: int) -> list[arb]:
    """μ_0 … μ_{K−1}: exact rationals where the target's row gives them, else by rigorous quadrature."""
    if target.mean is not None:
        return [ball(target.mean(m, group_size)) for m in range(group_size)]
    return list(_integrals(target, group_size, ctx.prec))


@remembered(maxsize=64)  # the objective, the bound on it and the promises of one table ask for the same ones
def _integrals(target: Target, group_size: int, bits: int) -> tuple[arb, ...]:
    return tuple(_integral(target, m, group_size) for m in range(group_size))


def _integral(target: Target, m: int, group_size: int) -> arb:
    """K·C(n,m) ∫ p^m (1−p)^{n−m} r(p) dp with p = e^{−s}; the tail beyond s = S is bounded by |r| ≤ C p^{−α}."""
    n = group_size - 1
    C, alpha = target.growth
    cut = 400

    def integrand(s: acb, analytic: bool) -> acb:
        p = (-s).exp()
        return p ** (m + 1) * (1 - p) ** (n - m) * target.formula(p, ComplexContext(analytic))

    value = acb.integral(integrand, 0, cut, rel_tol=arb(2) ** -200, abs_tol=arb(2) ** -250).real
    tail = ball(C) * (-ball(1 + m - alpha) * cut).exp() / ball(1 + m - alpha)
    mean = group_size * math.comb(n, m) * (value + arb(0, tail.upper()))
    if not mean.is_finite():
        raise SolveError(f"the mean of {target.name} over Beta({m + 1}, {group_size - m}) could not be enclosed")
    return mean
