"""What certificates should say, in 60-digit mpmath: the formulas of theory.md §2 and §4, written out term by term.

Nothing of `polyest` is used but the fields of a table; maxima are found on a float64 grid and refined by Newton steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np

from polyest.storage.table import Table

mp = mpmath.mp.clone()
mp.dps = 60

TARGETS: dict[str, Callable[[Any], Any]] = {
    "log": lambda p: mp.log(p),
    "power(2)": lambda p: p**2,
    "power(3)": lambda p: p**3,
    "power(0.5)": lambda p: mp.sqrt(p),
    "power(1.5)": lambda p: mp.sqrt(p) ** 3,
    "power(-0.5)": lambda p: -1 / mp.sqrt(p),
    "power(-0.75)": lambda p: -(p ** -(mp.mpf(3) / 4)),
    "js(0.1)": lambda p: mp.log(2 * p / (p + mp.mpf(1) / 10)),
}
FLOAT_TARGETS: dict[str, Callable[[Any], Any]] = {
    "log": np.log,
    "power(2)": np.square,
    "power(3)": lambda p: p**3,
    "power(0.5)": np.sqrt,
    "power(1.5)": lambda p: p**1.5,
    "power(-0.5)": lambda p: -(p**-0.5),
    "power(-0.75)": lambda p: -(p**-0.75),
    "js(0.1)": lambda p: np.log(2 * p / (p + 0.1)),
}


def number(value: float | str | Fraction) -> Any:
    """A float, decimal text or rational as an mpmath number; floats exactly."""
    exact = Fraction(value)
    return mp.mpf(exact.numerator) / exact.denominator


def bernstein(n: int, p: Any) -> list[Any]:
    return [math.comb(n, m) * p**m * (1 - p) ** (n - m) for m in range(n + 1)]


def bias(target: str, c: Sequence[Any], p: Any) -> Any:
    """p·(Q_c(p) − r(p))."""
    return p * (sum(x * b for x, b in zip(c, bernstein(len(c) - 1, p), strict=True)) - TARGETS[target](p))


def noise(target: str, c: Sequence[Any], p: Any) -> Any:
    """p Σ_m B_m(p) ((m+1)/K) (c_m − r)² − p²(Q_c − r)²."""
    K, r = len(c), TARGETS[target](p)
    basis = bernstein(K - 1, p)
    second = sum(b * (m + 1) / K * (x - r) ** 2 for m, (x, b) in enumerate(zip(c, basis, strict=True)))
    return p * second - (p * (sum(x * b for x, b in zip(c, basis, strict=True)) - r)) ** 2


def float_curves(target: str, c: Sequence[float], p: Any) -> tuple[Any, Any]:
    """|bias| and noise at an array of float64 points, to find where the maxima are."""
    K, r = len(c), FLOAT_TARGETS[target](p)
    basis = _float_basis(K - 1, np.ascontiguousarray(p, dtype=float).tobytes())
    deviations = np.asarray(c)[:, None] - r
    e = p * (np.asarray(c) @ basis - r)
    share = (np.arange(K) + 1)[:, None] / K
    return np.abs(e), p * (basis * share * deviations**2).sum(axis=0) - e**2


@lru_cache(maxsize=16)
def _float_basis(n: int, points: bytes) -> Any:
    return np.stack(bernstein(n, np.frombuffer(points)))


def grid(K: int, size: int = 2000) -> Any:
    """Points of (0, 1], even in the angle of p = sin²(θ/2), and a geometric tail towards 0."""
    angles = np.linspace(0, np.pi, max(size, 40 * K) + 1)[1:]
    points = np.sin(angles / 2) ** 2
    points[-1] = 1.0
    return np.concatenate([np.geomspace(1e-30, points[0], 200, endpoint=False), points])


@lru_cache(maxsize=4096)
def worst_case_bias(target: str, coefficients: tuple[float, ...], size: int = 2000) -> Any:
    """β(c)."""
    c, points = [number(x) for x in coefficients], grid(len(coefficients), size)
    heights = _heights_of_bias(target, coefficients, points)
    return _top(lambda p: abs(bias(target, c, p)), points, heights)


def _heights_of_bias(target: str, coefficients: Sequence[float], points: Any) -> Any:
    """|bias| in float64; where an exact table exists, up to a factor, from the differences to it: no cancellation."""
    K, degree = len(coefficients), {"power(2)": 2, "power(3)": 3}.get(target, len(coefficients))
    if degree >= K:
        return float_curves(target, coefficients, points)[0]
    exact = [Fraction(math.comb(m, degree), math.comb(K - 1, degree)) for m in range(K)]
    differences = [Fraction(c) - x for c, x in zip(coefficients, exact, strict=True)]
    scale = max(max(map(abs, differences)), Fraction(1, 10**300))
    return np.abs(points * (np.array([float(d / scale) for d in differences]) @ np.stack(bernstein(K - 1, points))))


@lru_cache(maxsize=4096)
def worst_noise(target: str, coefficients: tuple[float, ...], size: int = 2000) -> Any:
    """V(c); for power(−½) it may be the limit at p → 0, 1/K."""
    c, points = [number(x) for x in coefficients], grid(len(coefficients), size)
    heights = float_curves(target, coefficients, points)[1]
    limit = mp.mpf(1) / len(c) if target == "power(-0.5)" else mp.mpf(0)
    return max(limit, _top(lambda p: noise(target, c, p), points, heights))


def _top(f: Callable[[Any], Any], points: Any, heights: Any) -> Any:
    """The maximum of f: every local maximum of the grid that comes near the highest, refined."""
    walls = np.concatenate([[-np.inf], heights, [-np.inf]])
    is_peak = (walls[1:-1] >= walls[:-2]) & (walls[1:-1] >= walls[2:])
    peaks = np.flatnonzero(is_peak & (heights >= 0.999 * heights.max()))
    values = [f(number(float(points[i]))) for i in peaks]
    inner = peaks[(peaks > 0) & (peaks < len(points) - 1)]
    return max(values + [_refined(f, *(number(float(points[j])) for j in (i - 1, i, i + 1))) for i in inner])


def _refined(f: Callable[[Any], Any], left: Any, p: Any, right: Any) -> Any:
    here = best = f(p)
    for _ in range(6):
        h = p * mp.mpf(10) ** -14
        up, down = f(p + h), f(p - h)
        first, second = (up - down) / (2 * h), (up - 2 * here + down) / h**2
        if second == 0:
            return best
        p = min(max(p - first / second, left), right)
        here = f(p)
        best = max(best, here)
    return best


@lru_cache(maxsize=256)
def means(target: str, K: int) -> tuple[Any, ...]:
    """μ_m = E[r(p)], p ~ Beta(m+1, K−m): digammas, gammas, or quadrature (theory.md §3)."""
    if target == "log":
        return tuple(mp.digamma(m + 1) - mp.digamma(K + 1) for m in range(K))
    if target.startswith("power"):
        a = number(target[6:-1])
        scale = mp.sign(a) * mp.gamma(K + 1) / mp.gamma(K + 1 + a)
        return tuple(scale * mp.gamma(m + 1 + a) / mp.gamma(m + 1) for m in range(K))
    return tuple(_beta_mean(target, m, K) for m in range(K))


def _beta_mean(target: str, m: int, K: int) -> Any:
    def density(p: Any) -> Any:
        return K * math.comb(K - 1, m) * p**m * (1 - p) ** (K - 1 - m)

    return mp.quad(lambda p: density(p) * TARGETS[target](p), [0, mp.mpf(1) / 10, mp.mpf(m + 1) / (K + 1), 1])


def objective(target: str, coefficients: Sequence[float]) -> Any:
    """F(c) = Σ_m (m+1)/K² (c_m − μ_m)²."""
    K = len(coefficients)
    pairs = enumerate(zip(coefficients, means(target, K), strict=True))
    return sum((m + 1) * (number(c) - mu) ** 2 for m, (c, mu) in pairs) / mp.mpf(K) ** 2


def dual_value(target: str, K: int, points: Sequence[float], multipliers: Sequence[float], beta: Any) -> Any:
    """D_β(λ) of theory.md §4."""
    g, value = [mp.mpf(0)] * K, mp.mpf(0)
    for p, weight in zip(map(number, points), map(number, multipliers), strict=True):
        value += weight * bias(target, means(target, K), p) - beta * abs(weight)
        g = [x + weight * p * b for x, b in zip(g, bernstein(K - 1, p), strict=True)]
    return value - sum(x**2 * K**2 / (4 * mp.mpf(m + 1)) for m, x in enumerate(g))


def falsehood(table: Table, original: Table) -> float:
    """By how much, relatively, the worst false claim of a table misses the truth; 0 if no claim is known to be false.

    Args:
        table: the table whose claims are in question.
        original: a table of the same problem whose proof is sound; its multipliers and its bias bound the optimum.
    """
    worst = _one_falsehood(table, original)
    if table.leave_one_out is not None and original.leave_one_out is not None:
        worst = max(worst, _one_falsehood(table.leave_one_out, original.leave_one_out))
    return worst


def _one_falsehood(table: Table, original: Table) -> float:
    claims, target = table.certificate, table.problem.target
    assert claims is not None
    truths = [
        (claims.worst_case_bias, *2 * (worst_case_bias(target, table.coefficients),)),
        (claims.noise, *2 * (worst_noise(target, table.coefficients),)),
    ]
    if claims.optimality is not None:
        truths.append((claims.optimality, *_optimum(table, original)))
    misses = [0.0]
    for claim, least, most in truths:
        lower, upper = number(claim.lower_text), number(claim.upper_text)
        misses.append(float((lower - most) / abs(most)) if most else float(lower > 0))
        misses.append(float((least - upper) / abs(least)) if least else 0.0)
    worst = max(misses)
    return worst if worst > 1e-35 else 0.0


def _optimum(table: Table, original: Table) -> tuple[Any, Any]:
    """Numbers that the optimum of the table's program lies between, from the original's proof and coefficients."""
    assert table.certificate is not None
    target, K = table.problem.target, table.group_size
    if table.problem.method == "exact":
        return mp.mpf(0), mp.mpf(0)
    if table.problem.method == "minimax":
        return least_bias_bound(target, original.proof["alternation"]), worst_case_bias(target, original.coefficients)
    beta = number(table.certificate.worst_case_bias.upper_text)
    lower = max(mp.mpf(0), dual_value(target, K, original.proof["points"], original.proof["multipliers"], beta))
    feasible = [t.coefficients for t in (table, original) if worst_case_bias(target, t.coefficients) <= beta]
    upper = min((objective(target, c) for c in feasible), default=mp.inf)
    return lower, upper


def least_bias_bound(target: str, alternation: Sequence[float]) -> Any:
    """|Σ σ_i t_i r(t_i)| / Σ |σ_i|, the bound of theory.md §4."""
    t = [number(x) for x in alternation]
    sigma = [1 / (x * mp.fprod(x - y for j, y in enumerate(t) if j != i)) for i, x in enumerate(t)]
    return abs(mp.fdot(sigma, [x * TARGETS[target](x) for x in t])) / mp.fsum(map(abs, sigma))
