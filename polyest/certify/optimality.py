"""Bounds that no table can beat (theory.md §4): de la Vallée Poussin's on the least bias, weak duality on F."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from flint import arb, ctx

from polyest.certify.bayes import bayes_means
from polyest.errors import ArgumentError
from polyest.numbers.balls import BallContext, ball
from polyest.numbers.conversion import to_fraction
from polyest.polynomials.basis import bernstein_basis
from polyest.problems.targets import Target

__all__ = ["dual_value", "least_bias_bound", "objective"]

BITS = 320  # nothing cancels but what cancels in F and D themselves


def least_bias_bound(target: Target, alternation: Sequence[float]) -> Fraction:
    """E*_K ≥ |Σ σ_i t_i r(t_i)| / Σ |σ_i|, σ_i = 1/(t_i Π_{j≠i}(t_i − t_j)), from K+1 points in (0, 1].

    No table is involved: σ annihilates every p·Q with deg Q ≤ K−1, so every error is at least that large at some t_i.
    """
    t = [Fraction(x) for x in alternation]
    if len(set(t)) != len(t) or not t or min(t) <= 0 or max(t) > 1:
        raise ArgumentError(f"`alternation` must be distinct points in (0, 1], got {alternation!r:.80}; solve it again")
    with ctx.workprec(256 + 8 * len(t)):
        points = [ball(x) for x in t]
        sigma = []
        for i, x in enumerate(points):
            product = x
            for j, y in enumerate(points):
                product = product * (x - y) if i != j else product
            sigma.append(1 / product)
        value = sum((s * x * target.formula(x, BallContext) for s, x in zip(sigma, points, strict=True)), arb(0))
        return max(to_fraction((abs(value) / sum((abs(s) for s in sigma), arb(0))).lower()), Fraction(0))


def objective(target: Target, coefficients: Sequence[float]) -> tuple[Fraction, Fraction]:
    """An enclosure of F(c) = Σ_m w_m (c_m − μ_m)², w_m = (m+1)/K²."""
    K = len(coefficients)
    with ctx.workprec(BITS):
        total = arb(0)
        for m, (c, mean) in enumerate(zip(coefficients, bayes_means(target, K), strict=True)):
            total += (ball(c) - mean) ** 2 * (m + 1)
        total /= K * K
        return max(to_fraction(total.lower()), Fraction(0)), to_fraction(total.upper())


def dual_value(
    target: Target, group_size: int, points: Sequence[float], multipliers: Sequence[float], beta: Fraction
) -> Fraction:
    """A lower bound on F(c) over all tables of this group size with bias ≤ β.

    D_β(λ) = Σ_j λ_j p_j (Q_μ(p_j) − r(p_j)) − β Σ_j |λ_j| − Σ_m g_m²/(4 w_m), g_m = Σ_j λ_j p_j B_{m,K−1}(p_j).
    """
    K = group_size
    if len(points) != len(multipliers) or not all(0 < p <= 1 for p in points):
        raise ArgumentError("`points` must lie in (0, 1] and match `multipliers` in number; solve it again")
    with ctx.workprec(BITS):
        means, g, value = bayes_means(target, K), [arb(0)] * K, arb(0)
        for p, multiplier in zip(map(ball, points), map(ball, multipliers), strict=True):
            basis, weight = bernstein_basis(K - 1, p), multiplier * p
            g = [a + weight * b for a, b in zip(g, basis, strict=True)]
            bayes = sum((m * b for m, b in zip(means, basis, strict=True)), arb(0))
            value += weight * (bayes - target.formula(p, BallContext)) - ball(beta) * abs(multiplier)
        penalty = sum((x**2 / (m + 1) for m, x in enumerate(g)), arb(0)) * (K * K) / 4
        return max(to_fraction((value - penalty).lower()), Fraction(0))
