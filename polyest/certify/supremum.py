"""A rigorous enclosure of sup f over (0, 1], by branch and bound in ball arithmetic (theory.md §4).

A cell is settled where f is provably monotone (the supremum is at an end), convex (likewise) or concave (the tangent at
any point bounds it; near the top that is tight), discarded where it cannot reach the best value known, else halved.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb, ctx

from polyest.certify.functions import TargetPolynomial, rational
from polyest.errors import SolveError

__all__ = ["fraction", "supremum"]

MOST_CELLS = 2_000_000
DEEPEST = 160
NEWTON_STEPS = 10
TIGHT = 1e-22  # relative width at which the maximum of a cell counts as found
SMALLEST_CELL = Fraction(1, 2**400)


def supremum(functions: list[TargetPolynomial], hint: list[float]) -> tuple[Fraction, Fraction]:
    """Rationals L ≤ sup over (0, 1] and over `functions` of f ≤ U.

    Args:
        functions: for sup |f| give f and −f.
        hint: points at which f may be large; only the speed depends on them.

    Raises:
        SolveError: the enclosure could not be closed.
    """
    bits = max(f.bits for f in functions)
    with ctx.workprec(bits):
        functions = [f.in_balls() for f in functions]
        lower = _finite_max(*(f.at(arb(rational(p)))[0].lower() for f in functions for p in [*hint, 1.0]))
        epsilon, upper = _near_zero(functions, lower)
        cells = [
            (f, a, b) for f in functions for a, b in _partition(epsilon, max(u.degree() for u in functions[0].parts))
        ]
        for _ in range(MOST_CELLS):
            if not cells:
                return fraction(lower), fraction(max(lower, upper))
            f, a, b = cells.pop()
            verdict = _settle(f, a, b, lower)
            if verdict is None:
                middle = (a + b) / 2
                cells += [(f, a, middle), (f, middle, b)]
                continue
            lower, upper = _finite_max(lower, verdict[0]), _finite_max(upper, verdict[1])
    raise SolveError(f"the enclosure was not closed after {MOST_CELLS} cells")


def _near_zero(functions: list[TargetPolynomial], lower: Any) -> tuple[Fraction, Any]:
    """An ε and a bound on |f| over (0, ε]: below `lower`, or as close to the limit at 0 as ε = 2^−160 gets."""
    for k in range(20, DEEPEST + 1, 10):
        epsilon = Fraction(1, 2**k)
        bound = _finite_max(*(f.near_zero(arb(rational(epsilon))).upper() for f in functions))
        if bound < lower:
            break
    return epsilon, bound


def _partition(epsilon: Fraction, degree: int) -> list[tuple[Fraction, Fraction]]:
    """(ε, 1] in cells that shrink geometrically towards 0 and are about as wide as a binomial of that degree."""
    cells, b = [], Fraction(1)
    while b > epsilon:
        a = max(b / 2, epsilon)
        pieces = 1 + int((degree * float(b)) ** 0.5) if b > Fraction(1, 4 * degree**2 + 4) else 1
        step = (b - a) / pieces
        cells += [(a + i * step, a + (i + 1) * step) for i in range(pieces)]
        b = a
    return cells


def _settle(f: TargetPolynomial, a: Fraction, b: Fraction, lower: Any) -> tuple[Any, Any] | None:
    """(a value that f attains, a bound on f over [a, b]), or None if the cell has to be halved."""
    centre, radius = arb(rational((a + b) / 2)), arb(rational((b - a) / 2))
    over = f.over(centre, radius)
    if over[0].upper() <= lower:
        return lower, lower
    middle = f.at(centre)
    if (middle[0] + abs(middle[1]) * radius + abs(over[2]) * radius**2).upper() <= lower:
        return lower, lower
    if over[1] > 0 or over[1] < 0 or over[2] > 0:
        ends = [f.at(arb(rational(x)))[0] for x in (a, b)]
        return _finite_max(*(e.lower() for e in ends)), _finite_max(*(e.upper() for e in ends))
    if over[2] < 0:
        return _concave(f, a, b)
    if b - a < SMALLEST_CELL:
        raise SolveError("the enclosure met a cell that no precision settles")
    return None


def _concave(f: TargetPolynomial, a: Fraction, b: Fraction) -> tuple[Any, Any] | None:
    """The maximum of a concave piece: at an end if f' says so, else where a tangent is nearly level."""
    left, right = arb(rational(a)), arb(rational(b))
    for end, sign in ((left, -1), (right, 1)):
        series = f.at(end)
        if series[1] * sign >= 0:
            return series[0].lower(), series[0].upper()
    x = (left + right) / 2
    for _ in range(NEWTON_STEPS):
        series = f.at(x)
        moved = (x - series[1] / (2 * series[2])).mid()
        x = left if not moved > left else right if not moved < right else moved
    series = f.at(x)
    excess = abs(series[1]) * (right - left)
    return (series[0].lower(), (series[0] + excess).upper()) if excess < abs(series[0]) * TIGHT else None


def _finite_max(*values: Any) -> Any:
    """The largest; a value that is not a number would vanish in a comparison, so it is refused."""
    if not all(value.is_finite() for value in values):
        raise SolveError("the enclosure met a value that is not finite: r is not defined on all of (0, 1]")
    return max(values)


def fraction(exact: Any) -> Fraction:
    """The exact value of a ball without radius."""
    mantissa, exponent = exact.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
