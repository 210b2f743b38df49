"""The table of graded rewards beyond exact ones: reference values, the program as stated, the least bias, bytes."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from itertools import accumulate, pairwise

import mpmath
import numpy as np
import pytest

from polyest.errors import ArgumentError, SolveError
from polyest.offline import specification
from polyest.offline.build import solve as build
from polyest.offline.methods import graded
from polyest.offline.methods.graded import rounded
from polyest.problems.objective import mean_slope, running_means
from polyest.problems.problem import Budget, Problem, make_problem
from polyest.problems.targets import get_target
from polyest.storage.table import digest

mp = mpmath.mp.clone()
mp.dps = 60
solution = cache(graded.solution)


def question(n: int, K: int, beta: str) -> Problem:
    """Also where n > 2K, which `make_problem` refuses."""
    return Problem(f"best_of({n})", K, "graded", Budget("worst_case_bias", Fraction(beta)))


# docs/graded.md §7; found there by Newton's method on the optimality conditions, with 40 digits
REFERENCES = {
    (6, 4): (
        "5.4741805791156707 −1.6690652202861465 −0.0031251377354284433 0.19800977890590427",
        "0.087866791847 0.404979723292 0.81522161546",
    ),
    (12, 8): (
        "10.932178661892121 −2.7306538015685863 −0.75675178887028151 0.21157852099778611 0.2476440416269039 "
        "0.098450308479533724 0.010845052418819279 −0.013290994976296311",
        "",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("n", "K"), REFERENCES)
def test_the_references_to_their_last_digit(n: int, K: int) -> None:
    found = solution(question(n, K, "1/50"))
    coefficients, points = (
        [(mp.mpf(x), mp.mpf(10) ** (1 - digits(x)) * 10 ** exponent(x)) for x in text.replace("−", "-").split()]
        for text in REFERENCES[n, K]
    )
    for c, (expected, unit) in zip(found.coefficients, coefficients, strict=True):
        assert abs(number(c) - expected) <= unit
    for p, (expected, unit) in zip(found.proof["points"], points, strict=False):
        assert abs(p - expected) <= unit


def number(c: Fraction) -> mpmath.mpf:
    """A rational, to 60 digits."""
    return mp.mpf(c.numerator) / c.denominator


def digits(text: str) -> int:
    return len(text.strip("-").replace(".", "").lstrip("0"))


def exponent(text: str) -> int:
    return math.floor(math.log10(abs(float(text))))


# docs/graded.md §7: the least bias of the objective of best of n, by a multi-precision exchange
@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "K", "least"),
    [
        (12, 8, "2.82660332643e-4"),
        (16, 8, "1.95508056248e-3"),
        (32, 8, "2.67679365021e-2"),
        (24, 16, "5.80058267848e-7"),
        (64, 16, "2.48144740250e-3"),
    ],
)
def test_budgets_down_to_the_least_bias_are_met_and_none_below(n: int, K: int, least: str) -> None:
    above, below = (Fraction(least) * (1 + sign * Fraction(1, 10**6)) for sign in (1, -1))
    found = solution(question(n, K, str(above)))
    assert len(found.proof["points"]) in (K - 1, K)  # the optimum at E* alternates at K points
    with pytest.raises(SolveError, match=r"`worst_case_bias` = .* is out of reach .*give a larger one"):
        solution(question(n, K, str(below)))


CASES = [(6, 4, "0.02"), (12, 8, "0.02"), (12, 8, "0.05"), (16, 8, "0.05"), (24, 16, "0.05"), (32, 16, "0.02")]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "K", "beta"), CASES)
def test_it_solves_the_program_as_stated(n: int, K: int, beta: str) -> None:
    found, problem = solution(question(n, K, beta)), question(n, K, beta)
    points = np.concatenate([specification.grid(K), found.proof["points"]])
    stated = specification.graded(problem.target, K, float(beta), points)
    c = np.array([float(x) for x in found.coefficients])
    mean = get_target(problem.target).mean
    assert mean is not None
    objective = sum((m + 1) / K**2 * (x - float(mean(m, K))) ** 2 for m, x in enumerate(c))
    assert objective == pytest.approx(stated.value, rel=1e-6)
    assert c == pytest.approx(stated.coefficients, abs=1e-3 * abs(c).max())


@pytest.mark.slow
@pytest.mark.parametrize(("n", "K", "beta"), CASES)
def test_the_objective_is_within_the_budget_and_reaches_it_at_the_points(n: int, K: int, beta: str) -> None:
    found = solution(question(n, K, beta))
    c = list(map(number, found.coefficients))

    def off(p) -> mpmath.mpf:
        tails = list(accumulate(bernstein(K, p)[:0:-1]))[::-1]
        return mp.fdot(c, tails) / K - (1 - (1 - p) ** n)

    at_points = [off(mp.mpf(p)) for p in found.proof["points"]]
    assert [float(abs(e)) for e in at_points] == pytest.approx([float(beta)] * len(at_points), rel=1e-13)
    assert [mp.sign(e) for e in at_points] == [mp.sign(x) for x in found.proof["multipliers"]]
    grid = np.sin(np.linspace(0, np.pi / 2, 200)) ** 2
    assert max(abs(off(mp.mpf(float(p)))) for p in grid) <= mp.mpf(beta) * (1 + mp.mpf(10) ** -12)
    assert abs(off(mp.mpf(1))) < mp.mpf(10) ** -40


def test_a_budget_that_does_not_bind_leaves_the_bayes_table() -> None:
    found, mean = solution(question(12, 8, "0.5")), get_target("best_of(12)").mean
    assert mean is not None
    assert found.proof == {"points": (), "multipliers": ()}
    assert [float(c) for c in found.coefficients] == [float(mean(m, 8)) for m in range(8)]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "K", "beta"), CASES)
def test_rounded_coefficients_keep_their_sum(n: int, K: int, beta: str) -> None:
    found = solution(question(n, K, beta))
    table = rounded(found)
    assert sum(map(Fraction, table.coefficients)) == K
    for c, x in zip(table.coefficients, found.coefficients, strict=True):
        assert abs(c - x) <= K * math.ulp(max(map(abs, table.coefficients)))


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_the_precision() -> None:
    problem = make_problem("best_of(16)", 8, worst_case_bias="0.05")
    assert digest(build(problem)) == digest(build(problem, digits=90))


@pytest.mark.slow
def test_other_polynomials_are_taken_too() -> None:
    table = build(make_problem("polynomial(0,0,0,0,0,6)", 4, "graded"))  # s^6: all of 6, a mirror of best of 6
    assert table.certificate is not None
    assert table.certificate.worst_case_bias.upper == pytest.approx(0.05, rel=1e-9)
    assert sum(map(Fraction, table.coefficients)) == 4


def test_the_objective_of_a_table_is_that_of_its_running_means() -> None:
    # ∫_0^p Q_c = p·Q_c̃(p), at rational points; ∫_0^p B_{m,n} = Σ_{j>m} B_{j,n+1}(p)/(n+1)
    c, K = [Fraction(3), Fraction(-1, 2), Fraction(5, 7), Fraction(0)], 4
    for p in (Fraction(1, 3), Fraction(9, 10)):
        b = [math.comb(K, j) * p**j * (1 - p) ** (K - j) for j in range(K + 1)]
        direct = sum((x * sum(b[m + 1 :]) for m, x in enumerate(c)), Fraction(0)) / K
        inner = [math.comb(K - 1, m) * p**m * (1 - p) ** (K - 1 - m) for m in range(K)]
        assert direct == p * sum(x * y for x, y in zip(running_means(c), inner, strict=True))
    assert mean_slope(get_target("best_of(3)")).polynomial == (3, -3, 1)  # (1 − (1−p)³)/p
    with pytest.raises(ArgumentError, match="`target` must be a polynomial"):
        mean_slope(get_target("log"))


# --- reference values of programs that polyest does not solve --------------------------------------------------------


def alternation(error, K: int, breaks: tuple[float, ...] = ()) -> list[mpmath.mpf]:
    """The values at the local maxima of |error| on [0, 1], on a fine grid that includes the ends and the kinks."""
    grid = np.unique([*np.sin(np.linspace(0, np.pi / 2, 4000)) ** 2, *breaks])
    values = [error(mp.mpf(float(u))) for u in grid]
    size = [abs(v) for v in values]
    inner = range(1, len(grid) - 1)
    tops = [0, *(i for i in inner if size[i] >= size[i - 1] and size[i] > size[i + 1]), len(grid) - 1]
    return [values[i] for i in tops]


@pytest.mark.slow
def test_line_15_alternates_as_the_minimax_table_of_exp() -> None:
    # weight 1, exp(2u), K = 8, E* = 5.43181419269227e-7; coefficients to 16 digits leave 1e-9 of that
    text = (
        "0.9999994568185807 1.285723413465332 1.666619630029484 2.181089474461157 2.885425934088661 "
        "3.870404107448962 5.27790689258424 7.389055555749231"
    )
    c = list(map(mp.mpf, text.split()))
    found = alternation(lambda u: mp.fdot(c, bernstein(7, u)) - mp.exp(2 * u), 8)
    assert len(found) == 9
    assert all(a * b < 0 for a, b in pairwise(found))
    assert [float(abs(e)) for e in found] == pytest.approx([5.43181419269227e-7] * 9, rel=1e-5)
    assert float(abs(found[0])) == pytest.approx(5.43181419269227e-7, rel=1e-9)


@pytest.mark.slow
def test_line_17_alternates_as_the_minimax_table_of_the_lower_tail() -> None:
    # objective, lower CVaR ¼, K = 4, E* = 0.084485455557705646; sum fixed; the kink is one of the K points
    c = [mp.mpf(x) for x in ("5.745716257265711", "-0.5546825270586186", "-2.471557372454622", "1.28052364224753")]

    def error(u) -> mpmath.mpf:
        b = bernstein(4, u)
        return mp.fsum(x * mp.fsum(b[m + 1 :]) for m, x in enumerate(c)) / 4 - min(4 * u, 1)

    assert abs(sum(c) - 4) < 1e-14
    found = [e for e in alternation(error, 4, breaks=(0.25,)) if abs(e) > 1e-3]
    assert len(found) == 4
    assert all(a * b < 0 for a, b in pairwise(found))
    assert [float(abs(e)) for e in found] == pytest.approx([0.084485455557705646] * 4, rel=1e-5)
    assert float(abs(error(mp.mpf(1) / 4))) == pytest.approx(0.084485455557705646, rel=1e-14)
    plug_in = [4, 0, 0, 0]  # K(G((m+1)/K) − G(m/K))
    assert (
        float(1 - sum(x * sum(bernstein(4, mp.mpf(1) / 4)[m + 1 :]) for m, x in enumerate(plug_in)) / 4) == 0.31640625
    )


def bernstein(n: int, u) -> list[mpmath.mpf]:
    return [math.comb(n, m) * u**m * (1 - u) ** (n - m) for m in range(n + 1)]
