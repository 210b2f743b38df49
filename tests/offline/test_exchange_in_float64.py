"""The exchange of constraint points in float64: the table of multi-precision's, with any solver; where it ends."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from polyest.errors import SolveError
from polyest.numbers.conversion import Floats
from polyest.numbers.mpfr import Mpfr
from polyest.offline import remez
from polyest.offline.exchange_in_float64 import Approximation, Discretization, _OnPoints
from polyest.offline.program import Program
from polyest.offline.reduction import exchanged
from polyest.problems.targets import get_target


@pytest.mark.parametrize(("target", "K", "kappa"), [("log", 2, 150), ("log", 12, 220), ("power(-0.5)", 8, 200)])
def test_both_arithmetics_lead_to_the_same_table(target: str, K: int, kappa: int) -> None:
    row, ctx, budget = get_target(target), Mpfr(60), Fraction(kappa, 100) * remez.least_bias(target, K)
    near = Discretization(Program(row, K)).first(float(budget))
    with ctx.precision():
        program = Program(row, K, ctx)
        found = exchanged(program, program.unconstrained, ctx.rational(budget), 1e-9)
    np.testing.assert_allclose(near.coefficients, found.coefficients.astype(float), rtol=1e-6, atol=1e-6)
    assert np.sign(near.multipliers[0]) == np.sign(float(found.multipliers[np.argmin(found.points)]))


@pytest.mark.parametrize("solver", [None, "CLARABEL"])
def test_float64_starts_with_any_solver(solver: str | None) -> None:
    """The table of theory.md §3, K = 4, κ = 2, to the digits that an approximate active set leaves."""
    beta = 2 * float(remez.least_bias("log", 4))
    found = Discretization(Program(get_target("log"), 4)).first(beta, solver)
    np.testing.assert_allclose(found.coefficients, [-2.4218706777, -0.8552943837, -0.3853715792, -0.0400542482], 2e-5)


class Stubborn(_OnPoints):
    """A program whose bias peaks at a new point each time, by `excess` too high."""

    excess, place = 0.0, 0.0

    def solved(self, points: Floats) -> Approximation:
        return Approximation(np.zeros(1), points, np.ones(len(points)), np.zeros(1))

    def peaks(self, here: Approximation) -> tuple[Floats, Floats]:
        object.__setattr__(self, "place", self.place + 0.001)
        return np.array([self.place]), np.array([1 + self.excess])


def stubborn(excess: float) -> Stubborn:
    found = Stubborn(Discretization(Program(get_target("log"), 2)), 0.1, lambda rows, offset: (rows, offset))
    object.__setattr__(found, "excess", excess)
    return found


def test_an_exchange_that_does_not_settle_is_an_error_that_names_the_program() -> None:
    with pytest.raises(SolveError, match="for log, K = 2, did not settle"):
        stubborn(1e-3).exchanged(np.array([1.0]), 1e-11)


def test_it_ends_where_rounding_keeps_the_peaks_from_getting_lower() -> None:
    assert len(stubborn(1e-6).exchanged(np.array([1.0]), 1e-11).points) < 10
