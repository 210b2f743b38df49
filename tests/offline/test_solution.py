"""Coefficients that are exactly 0, or halfway between two floats: the same bytes at any precision."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest import certify
from polyest.offline.build import solve
from polyest.offline.solution import settled
from polyest.problems.custom import custom
from polyest.problems.problem import make_problem
from polyest.storage.table import digest


def chebyshev(degree: int) -> list[Fraction]:
    """T_degree: on (0, 1] it alternates between ±1 at (degree + 1)/2 points if the degree is odd, and vanishes at 0."""
    before, here = [Fraction(1)], [Fraction(0), Fraction(1)]
    for _ in range(degree - 1):
        before, here = here, [2 * a - b for a, b in zip([0, *here], [*before, 0, 0], strict=True)]
    return here


def target(degree: int, scale: Any = 1, *added: Any) -> str:
    """r with p·r(p) = scale·T_degree(p) + Σ added_j p^(j+1): the best approximation of p·r is the sum."""
    r = [Fraction(scale) * a for a in chebyshev(degree)[1:]]
    r = [a + Fraction(added[j]) if j < len(added) else a for j, a in enumerate(r)]
    return f"polynomial({','.join(map(str, r))})"


CASES = [
    ("polynomial(9,0,-120,0,432,0,-576,0,256)", (0.0, 0.0)),
    (target(9), (0.0,) * 4),
    (target(7), (0.0,) * 3),
    (target(13), (0.0,) * 6),
    (target(13, Fraction(1, 10**20)), (0.0,) * 4),
    (target(13, 10**30), (0.0,) * 5),
    (target(9, 1, 0, Fraction(1, 2)), (0.0, 0.25, 0.5)),  # p/2 has the Bernstein coefficients 0, ¼, ½
    (target(9, 1, 1 + Fraction(1, 2**53)), (1.0, 1.0)),  # halfway: to the even one of the two
    (target(9, 1, 1 + Fraction(3, 2**53)), (1 + 2.0**-51,) * 3),
    (target(9, Fraction(1, 10**25), 10**10), (1e10, 1e10)),
    (target(9, 1, Fraction(1, 3)), (1 / 3, 1 / 3)),
]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["minimax", "aqp"])  # one after the other, as both have one proof
@pytest.mark.parametrize(("name", "expected"), CASES)
def test_exact_coefficients_come_out_exact(name: str, expected: tuple[float, ...], method: str) -> None:
    problem = make_problem(name, len(expected), method, **({"bias_budget": 1} if method == "aqp" else {}))
    tables = [solve(problem, digits=digits) for digits in (None, 30, 60, 100)]
    assert [table.coefficients for table in tables] == [expected] * 4
    assert len({digest(table) for table in tables}) == 1
    assert certify.verify(tables[0]) == []


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 3, 4])
@pytest.mark.parametrize("kappa", ["1.01", "1.5"])
def test_budgets_of_such_targets_do_not_depend_on_the_precision(K: int, kappa: str) -> None:
    problem = make_problem(target(9), K, bias_budget=kappa)
    assert digest(solve(problem, digits=90)) == digest(solve(problem))


def odd(p: Any, ctx: Any) -> Any:
    x = p - ctx.rational(Fraction(1, 2))
    return ctx.exp(x) - ctx.exp(-x)


@pytest.mark.slow
def test_a_bayes_table_that_is_odd_has_an_exact_zero_in_the_middle() -> None:
    problem = make_problem(custom(odd, (2, 0)), 3, bias_budget=10**6)
    tables = [solve(problem, digits=digits) for digits in (None, 90)]
    first, middle, last = tables[0].coefficients
    assert (middle, first) == (0.0, -last)
    assert digest(tables[0]) == digest(tables[1])


@given(st.floats(-1e6, 1e6, allow_subnormal=False), st.integers(-9, 9))
def test_settling_keeps_what_is_known(c: float, noise: int) -> None:
    """Next to a float it is the float; elsewhere the number itself; never further than 1e-30 of the bias."""
    bias, value = Fraction(1, 100), Fraction(c)
    (near,) = settled([value + Fraction(noise, 10**60)], bias)
    (far,) = settled([value * (1 + Fraction(1, 2**60))], bias)
    if abs(value) > Fraction(1, 10**30):
        assert near == value
        assert far == value * (1 + Fraction(1, 2**60))
    assert abs(near - value) <= Fraction(1, 10**31)
