"""The exchange of constraint points in float64: the table of multi-precision's, with any solver; where it ends."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from polyest.errors import SolveError
from polyest.numbers.conversion import Floats
from polyest.numbers.mpfr import Mpfr
from polyest.offline import remez
from polyest.offline.exchange_in_float64 import Approximation, Discretization
from polyest.offline.program import Program
from polyest.offline.reduction import exchanged_in_digits
from polyest.problems.targets import get_target


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K", "kappa"), [("log", 2, 150), ("log", 12, 220), ("power(-0.5)", 8, 200)])
def test_both_arithmetics_lead_to_the_same_table(target: str, K: int, kappa: int) -> None:
    row, ctx, budget = get_target(target), Mpfr(60), Fraction(kappa, 100) * remez.least_bias(target, K)
    near = Discretization(Program(row, K)).first(float(budget))
    with ctx.precision():
        program = Program(row, K, ctx)
        found = exchanged_in_digits(program, program.unconstrained, ctx.rational(budget), 1e-9)
    np.testing.assert_allclose(near.coefficients, found.coefficients.astype(float), rtol=1e-6, atol=1e-6)
    assert np.sign(near.multipliers[0]) == np.sign(float(found.multipliers[np.argmin(found.points)]))


@pytest.mark.parametrize("solver", [None, pytest.param("CLARABEL", marks=pytest.mark.slow)])
def test_float64_starts_with_any_solver(solver: str | None) -> None:
    """The table of theory.md §3, K = 4, κ = 2, to the digits that an approximate active set leaves."""
    beta = 2 * float(remez.least_bias("log", 4))
    found = Discretization(Program(get_target("log"), 4)).first(beta, solver)
    np.testing.assert_allclose(found.coefficients, [-2.4218706777, -0.8552943837, -0.3853715792, -0.0400542482], 2e-5)


class Stubborn(Discretization):
    """A program whose bias peaks at a new point each time, by `excess` too high."""

    def __init__(self, excess: float) -> None:
        super().__init__(Program(get_target("log"), 2))
        self.excess, self.place = excess, 0.0

    def _on_points(self, beta: float, points: Floats, norm: float) -> Approximation:
        return Approximation(np.zeros(1), points, np.ones(len(points)), np.zeros(1))

    def _peaks(self, beta: float, y: Floats) -> tuple[Floats, Floats]:
        self.place += 0.001
        return np.array([self.place]), np.array([1 + self.excess])


def test_an_exchange_that_does_not_settle_is_an_error_that_names_the_program() -> None:
    with pytest.raises(SolveError, match="for log, K = 2, did not settle"):
        Stubborn(1e-3).exchanged(0.1, np.ones(1), 1.0)


def test_it_ends_where_rounding_keeps_the_peaks_from_getting_lower() -> None:
    assert len(Stubborn(1e-6).exchanged(0.1, np.ones(1), 1.0).points) < 10
