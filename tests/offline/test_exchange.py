"""The exchange of constraint points: one loop, and the same solution in every arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from polyest.errors import SolveError
from polyest.numbers.conversion import Array, Floats
from polyest.numbers.mpfr import Mpfr
from polyest.offline import remez
from polyest.offline.exchange import InMultiprecision, exchanged
from polyest.offline.exchange_in_float64 import Discretization
from polyest.offline.program import Constraints, Optimum, Program
from polyest.problems.targets import get_target


@pytest.mark.parametrize(("target", "K", "kappa"), [("log", 2, 150), ("log", 12, 220), ("power(-0.5)", 8, 200)])
def test_both_arithmetics_lead_to_the_same_table(target: str, K: int, kappa: int) -> None:
    row, ctx, budget = get_target(target), Mpfr(60), Fraction(kappa, 100) * remez.least_bias(target, K)
    near = Discretization(Program(row, K)).first(float(budget))
    with ctx.precision():
        start = Constraints(ctx.array([0.5]), np.array([1]), ctx.array([0]))
        found = exchanged(InMultiprecision(Program(row, K, ctx), ctx.rational(budget), 1e-9), start, 1e-9)
    np.testing.assert_allclose(near.coefficients, found.coefficients.astype(float), rtol=1e-6, atol=1e-6)
    assert near.signs[0] == found.signs[0]


@pytest.mark.parametrize("solver", [None, "CLARABEL"])
def test_float64_starts_with_any_solver(solver: str | None) -> None:
    """The table of theory.md §3, K = 4, κ = 2, to the digits that an approximate active set leaves."""
    beta = 2 * float(remez.least_bias("log", 4))
    found = Discretization(Program(get_target("log"), 4)).first(beta, solver)
    np.testing.assert_allclose(found.coefficients, [-2.4218706777, -0.8552943837, -0.3853715792, -0.0400542482], 2e-5)


def test_a_side_of_a_point_is_not_the_other() -> None:
    """|e(p)| ≤ β are two constraints: where a table is within one of them, the peak on the other side still joins."""
    here = Optimum(np.zeros(1), np.array([0.5, 1.0]), np.array([2.0, -1.0]))
    assert here.constraints.sides.tolist() == [0.5, -1.0]
    assert Constraints(np.array([0.5, 1.0]), np.array([1, 1]), np.array([0.0, -1.0])).active == []


class Stubborn:
    """A program whose bias peaks at a new point each time, by `excess` too high."""

    joining = 1.0

    def __init__(self, excess: float, rounding: float) -> None:
        self.excess, self.rounding, self.place = excess, rounding, 0.0

    def __str__(self) -> str:
        return "a stubborn program"

    def solved(self, constraints: Constraints) -> Optimum[Array]:
        return Optimum(np.zeros(1), constraints.points, np.ones(len(constraints.points)))

    def peaks(self, here: Optimum[Array]) -> tuple[Constraints, Floats]:
        self.place += 0.001
        return Constraints(np.array([self.place]), np.array([1]), np.zeros(1)), np.array([1 + self.excess])


def test_an_exchange_that_does_not_settle_is_an_error_that_names_the_program() -> None:
    start = Constraints(np.array([1.0]), np.array([1]), np.zeros(1))
    with pytest.raises(SolveError, match="for a stubborn program did not settle"):
        exchanged(Stubborn(1e-6, 0.0), start, 1e-11)


def test_it_ends_where_rounding_keeps_the_peaks_from_getting_lower() -> None:
    start = Constraints(np.array([1.0]), np.array([1]), np.zeros(1))
    assert len(exchanged(Stubborn(1e-6, 1e-4), start, 1e-11).points) < 10
