"""The aqp method: reference values, the same bytes whatever the road, and the scans against brute force."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import brute
import daqp
import numpy as np
import pytest

from polyest.certify.certificate import worst_noise
from polyest.closed_forms import plug_in
from polyest.errors import ArgumentError, SolveError
from polyest.offline import build, exchange_in_float64, named_point, remez, rounding
from polyest.offline.methods import aqp
from polyest.offline.solution_path import SolutionPath
from polyest.polynomials import bernstein
from polyest.problems.problem import make_problem
from polyest.problems.targets import get_target
from polyest.storage import store
from polyest.storage.table import Table, digest

REFERENCE = {  # theory.md §3: (K, κ) → coefficients by index
    (4, "2"): {
        0: "-2.4218706777288875",
        1: "-0.8552943836633415",
        2: "-0.3853715792023182",
        3: "-0.04005424823576245",
    },
    (8, "4"): {
        0: "-3.123043049872042",
        1: "-1.672358370939686",
        2: "-1.123265478624008",
        3: "-0.8000645837777301",
        4: "-0.547293871815438",
        5: "-0.3338102645119713",
        6: "-0.1665358916319859",
        7: "-0.02016834345263001",
    },
    (2, "1.17"): {0: "-1.5543700105588147", 1: "-0.025672786768011473"},
    (3, "1.93"): {0: "-1.8766517938137046", 1: "-0.6005860626804239", 2: "-0.06355564174722833"},
    (8, "2.20"): {0: "-3.702277784155932", 1: "-1.2797811098260432", 7: "-0.010941576888972318"},
    (16, "2.47"): {0: "-4.969", 1: "-0.974", 2: "-2.434"},
}
DEFAULTS = {  # theory.md §3: default κ for log, in hundredths
    **dict(zip(range(2, 13), (117, 193, 228, 241, 233, 225, 220, 215, 208, 209, 212), strict=True)),
    16: 247,
    24: 326,
    32: 403,
    64: 695,
}


def solution(K: int, kappa: object, target: str = "log", **options: Any) -> Any:
    return aqp.solution(make_problem(target, K, bias_budget=kappa), **options)


def table(K: int, target: str = "log", **budget: Any) -> Table:
    return build.solve(make_problem(target, K, "aqp", **budget))


def rounds_to(value: Fraction, text: str) -> bool:
    """Whether a number rounds to the decimal, or misses that by a tenth of its last digit."""
    unit = Fraction(10) ** int(Decimal(text).as_tuple().exponent)
    return abs(value - Fraction(text)) <= unit * Fraction(6, 10)


@pytest.mark.slow
@pytest.mark.parametrize(("K", "kappa"), REFERENCE)
def test_coefficients_to_the_last_digit(K: int, kappa: str) -> None:
    found = solution(K, kappa)
    for m, text in REFERENCE[K, kappa].items():
        assert rounds_to(found.coefficients[m], text), (m, found.coefficients[m], text)


@pytest.mark.slow
def test_the_active_constraints_tell_the_digits_of_a_coefficient() -> None:
    """At K = 8, κ = 4 a c_6 that is 1e-13 off misses them."""
    proof, c = solution(8, 4).proof, [brute.number(x) for x in solution(8, 4).coefficients]
    beta = 4 * brute.number(remez.least_bias("log", 8))

    def miss() -> float:
        return max(float(abs(abs(brute.bias("log", c, brute.number(p))) / beta - 1)) for p in proof["points"])

    assert miss() < 1e-30
    c[6] += brute.mp.mpf("1e-13")
    assert miss() > 1e-13


def test_active_points_and_multipliers() -> None:
    # theory.md §3: K = 4, κ = 2
    proof = solution(4, 2).proof
    assert [round(p, 10) for p in proof["points"]] == [0.0517489750, 0.5266047146, 1.0]
    assert [round(x, 7) for x in proof["multipliers"]] == [1.4156736, -0.3606334, -0.0772495]


def test_the_number_of_active_points() -> None:
    # theory.md §3: "6 at K = 16, κ = 4"
    assert len(solution(16, 4).proof["points"]) == 6


@pytest.mark.slow
@pytest.mark.parametrize("K", [K for K in DEFAULTS if K <= 16])
def test_default_points_of_the_frontier(K: int) -> None:
    problem = make_problem("log", K)
    assert aqp.solution(problem).kappa == DEFAULTS[K]


@pytest.mark.parametrize("K", DEFAULTS)
def test_default_points_of_the_shipped_tables(K: int) -> None:
    shipped = store.read(store.shipped_folder() / store.relative_path(make_problem("log", K)))
    assert shipped.kappa == DEFAULTS[K]


@pytest.mark.parametrize(("K", "gain"), [(8, 5.9), (16, 11), (32, 13.8), (64, 16.2)])
def test_gain_over_plug_in(K: int, gain: float) -> None:
    # theory.md §3: "Gain in bias over plug-in at ρ = 1.5"
    shipped = store.read(store.shipped_folder() / store.relative_path(make_problem("log", K)))
    p = exchange_in_float64.fine_grid(K)
    of_plug_in = np.abs(bernstein.bias("log", plug_in.coefficients(get_target("log"), K), p)).max()
    assert shipped.certificate is not None
    assert of_plug_in / shipped.certificate.worst_case_bias.upper == pytest.approx(gain, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 5, 8, 20])
def test_the_mean_of_the_reward_increases_with_p(K: int) -> None:
    q = bernstein.mean(table(K, bias_budget=2).coefficients, np.linspace(0, 1, 500))
    assert np.all(np.diff(q) > 0)


# The same bytes, whatever the road


@lru_cache(maxsize=32)
def usual(K: int, target: str = "log") -> str:
    return digest(table(K, target, bias_budget=2.4))


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["PIQP", "DAQP", "CLARABEL"])
@pytest.mark.parametrize("K", [2, 5, 8, 20])
def test_another_solver_gives_the_same_bytes(K: int, solver: str) -> None:
    cvxpy = pytest.importorskip("cvxpy")
    if solver not in cvxpy.installed_solvers():
        pytest.skip(f"{solver} is not installed")
    problem = make_problem("log", K, bias_budget=2.4)
    assert digest(build.solve(problem, solver=solver)) == usual(K)


@pytest.mark.slow
@pytest.mark.parametrize("digits", [40, 100])
@pytest.mark.parametrize("K", [2, 5, 8, 20])
def test_another_precision_gives_the_same_bytes(K: int, digits: int) -> None:
    assert digest(build.solve(make_problem("log", K, bias_budget=2.4), digits=digits)) == usual(K)


@pytest.mark.slow
@pytest.mark.parametrize("start", [{"FIRST_NORM": 900.0}, {"FIRST_NORM": 5.0}, {"NEGLIGIBLE": 3e-15}])
@pytest.mark.parametrize("K", [5, 8, 20])
def test_another_start_gives_the_same_bytes(K: int, start: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = usual(K)
    for name, value in start.items():
        monkeypatch.setattr(exchange_in_float64, name, value)
    assert digest(table(K, bias_budget=2.4)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("target", ["js(0.1)", "power(0.5)", "power(-0.5)"])
def test_another_precision_gives_the_same_bytes_for_other_targets(target: str) -> None:
    problem = make_problem(target, 6, bias_budget=2.4)
    assert digest(build.solve(problem, digits=90)) == usual(6, target)


# Ends of the frontier, and what is refused


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 3, 6])
def test_the_least_budget_is_the_minimax_table(K: int) -> None:
    least = build.solve(make_problem("log", K, "minimax"))
    assert table(K, bias_budget=1).coefficients == least.coefficients


@pytest.mark.slow
@pytest.mark.parametrize(("target", "K"), [("log", 2), ("log", 5), ("power(-0.5)", 4), ("js(0.1)", 4)])
def test_beyond_its_bias_the_bayes_table_solves_the_program(target: str, K: int) -> None:
    bayes = tuple(float(mu) for mu in brute.means(target, K))
    bias = brute.worst_case_bias(target, bayes)
    n = math.ceil(100 * bias / remez.least_bias(target, K))
    assert table(K, target, bias_budget=Fraction(n + 1, 100)).coefficients == bayes
    assert table(K, target, bias_budget=Fraction(n - 2, 100)).coefficients != bayes
    if target == "log":  # theory.md §3: β(μ) = 1/K
        assert float(bias) == pytest.approx(1 / K, rel=1e-15)


@pytest.mark.slow
def test_what_is_refused() -> None:
    with pytest.raises(ArgumentError, match="at least 1"):
        make_problem("log", 8, bias_budget=0.99)
    with pytest.raises(ArgumentError, match=r"multiple of 0\.01"):
        make_problem("log", 8, bias_budget=1.001)
    with pytest.raises(ArgumentError, match="use method='exact'"):
        make_problem("power(2)", 8, "aqp")
    for budget in ({}, {"noise_budget": 2}, {"groups": 8}):
        with pytest.raises(ArgumentError, match="infinite noise"):
            make_problem("power(-0.75)", 8, **budget)
    assert table(8, "power(-0.75)", bias_budget=2).kappa == 200


@pytest.mark.parametrize("K", [2, 8])
def test_a_noise_budget_that_no_table_meets_is_an_error(K: int) -> None:
    with pytest.raises(SolveError, match=r"`noise_budget` = 0\.01 is not met .* give a larger one"):
        table(K, noise_budget="0.01")


# The scans, against an independent convex program


class Program:
    """One program on a fine grid of constraints, scaled as theory.md says, for every budget."""

    def __init__(self, K: int, target: str) -> None:
        p = np.sin(np.linspace(0, np.pi, 1500)[1:] / 2) ** 2
        self.mu = np.array([float(x) for x in brute.means(target, K)])
        self.root = np.sqrt(np.arange(1, K + 1)) / K
        phi = p[:, None] * np.stack(brute.bernstein(K - 1, p)).T
        self.per_x, self.per_budget = phi / self.root, phi @ self.mu - p * brute.FLOAT_TARGETS[target](p)

    def minimiser(self, beta: float) -> Any:
        """The x of least ‖x‖ with |error| ≤ 1: an active-set method, which needs a hundredth of an interior-point's."""
        K, error = len(self.mu), self.per_budget / beta
        options = {"primal_tol": 1e-11, "dual_tol": 1e-12}
        x, _, status, _ = daqp.solve(np.eye(K), np.zeros(K), self.per_x, 1 - error, -1 - error, **options)
        assert status == 1  # optimal
        return x


programs = lru_cache(maxsize=16)(Program)


@lru_cache(maxsize=4096)
def independent(K: int, n: int, target: str = "log") -> tuple[float, ...]:
    """The table at κ = n/100."""
    program, beta = programs(K, target), n / 100 * float(remez.least_bias(target, K))
    return tuple(program.mu + program.minimiser(beta) * beta / program.root)


def noise_of(c: tuple[float, ...], target: str = "log") -> float:
    return float(brute.float_curves(target, c, brute.grid(len(c), 4000))[1].max())


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 3, 4, 5, 10])
def test_no_smaller_budget_meets_the_noise(K: int) -> None:
    """The default point is the smallest: V > 1.5·V(plug_in) below it, V ≤ at it, by an independent program."""
    limit = 1.5 * noise_of(plug_in.coefficients(get_target("log"), K))
    chosen = DEFAULTS[K]
    below = range(101, chosen) if K < 4 else np.unique(np.linspace(101, chosen - 1, 25).astype(int))
    assert noise_of(independent(K, chosen)) <= limit * (1 + 1e-5)
    assert all(noise_of(independent(K, int(n))) > limit * (1 - 1e-5) for n in below)


@pytest.mark.slow
@pytest.mark.parametrize(("K", "chosen"), [(10, 331), (11, 309)])
def test_the_scan_does_not_stop_at_a_gap(K: int, chosen: int) -> None:
    """At ρ = 1.1 the feasible set is disconnected (theory.md §3); the smallest n qualifies, a larger one does not."""
    problem = make_problem("log", K, noise_budget=1.1)
    found = aqp.solution(problem).kappa
    assert found is not None
    limit = 1.1 * noise_of(plug_in.coefficients(get_target("log"), K))
    meets = {n: noise_of(independent(K, n)) <= limit for n in range(found - 40, found + 300, 12)}
    assert found == chosen
    assert noise_of(independent(K, found)) <= limit * (1 + 1e-5)
    assert not any(meets[n] for n in meets if n < found)
    assert not all(meets[n] for n in meets if n >= found)


@pytest.mark.slow
def test_multi_precision_decides_where_float64_cannot() -> None:
    """power(0.5), K = 55: at κ = 5.86 the noise is above the budget by a 3·10⁻⁷th, which float64's solutions miss."""
    problem = make_problem("power(0.5)", 55)
    path, asked = SolutionPath(problem), list[int]()

    def noise(kappa: int) -> float:
        asked.append(kappa)
        return path.noise(aqp.at_kappa(path, kappa).coefficients)

    assert named_point.kappa_named(path, noise) == 587
    assert asked == [586]
    limit = 1.5 * proved_noise(plug_in.coefficients(path.target, 55))
    c = [rounding.rounded(aqp.at_kappa(path, kappa)).coefficients for kappa in (586, 587)]
    assert proved_noise(c[0]) > limit * (1 + 1e-7)
    assert proved_noise(c[1]) < limit


def proved_noise(c: tuple[float, ...]) -> float:
    found = worst_noise(get_target("power(0.5)"), c)
    assert found is not None
    return float(found[0])


@pytest.mark.slow
@pytest.mark.parametrize(("K", "groups"), [(3, 8), (3, 64), (4, 8), (4, 64), (4, 4096), (2, 10**6)])
def test_groups_name_the_minimiser(K: int, groups: int) -> None:
    """Brute force over the whole grid, and the minimax table at its end (theory.md §3)."""
    problem = make_problem("log", K, groups=groups)
    found = aqp.solution(problem).kappa
    assert found is not None
    least = float(remez.least_bias("log", K))
    minimax = build.solve(make_problem("log", K, "minimax"))

    def value(n: int) -> float:
        c = minimax.coefficients if n == 100 else independent(K, n)
        return (n / 100 * least) ** 2 + noise_of(c) / groups

    last = math.floor(100 / K / least)
    values = {n: value(n) for n in {*range(100, last, 17), *range(max(100, found - 4), min(found + 5, last)), found}}
    assert value(found) <= min(values.values()) * (1 + 2e-6)
    assert abs(min(values, key=values.__getitem__) - found) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("target", ["log", "js(0.1)", "power(0.5)", "power(-0.5)"])
@pytest.mark.parametrize("K", [2, 5, 16])
def test_the_bound_that_prunes_the_scan_is_sound(target: str, K: int) -> None:
    """No table with bias ≤ β has less noise: neither those on the frontier nor random ones nearby."""
    problem = make_problem(target, K, bias_budget=2)
    road, rng = SolutionPath(problem), np.random.default_rng(K)
    top = road.bayes_bias / road.least_bias
    for kappa in np.geomspace(1.05, max(top * 0.99, 1.06), 8):
        if kappa >= top:
            continue
        beta = float(kappa * road.least_bias)
        c = road.at(beta).coefficients
        bound = named_point._noise_bound(road, beta)
        assert noise_of(tuple(c), target) >= bound * (1 - 1e-9)
        for other in c + rng.normal(size=(20, K)) * rng.choice([1e-3, 0.1, 1], size=(20, 1)):
            bias, noise = brute.float_curves(target, other, brute.grid(K, 800))
            if bias.max() <= beta:
                assert noise.max() >= bound * (1 - 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["log", "power(-0.5)", "power(1.5)"])
def test_the_bound_holds_of_any_table(target: str) -> None:
    """V(c) + β(c)² ≥ 0.48·F(c)/log(32K), the inequality behind it, near the Bayes table and far from it."""
    rng = np.random.default_rng(1)
    for K in (1, 2, 4, 16, 64):
        mu = np.array([float(x) for x in brute.means(target, K)])
        w = np.arange(1, K + 1) / K**2
        for scale in (0, 1e-3, 1e-2, 0.1, 1, 10, 1e3):
            for direction in rng.normal(size=(10, K)):
                c = mu + scale * direction
                bias, noise = brute.float_curves(target, c, brute.grid(K, 1000))
                assert noise.max() + bias.max() ** 2 >= 0.48 * (w @ (c - mu) ** 2) / math.log(32 * K) * (1 - 1e-9)


@pytest.mark.slow
def test_a_path_remembers_and_agrees_with_itself() -> None:
    """Walking down and walking up reach the same table."""
    problem = make_problem("log", 12, bias_budget=2)
    down, up, least = SolutionPath(problem), SolutionPath(problem), float(remez.least_bias("log", 12))
    for kappa in (6, 4, 3, 2, 1.3):
        down.at(kappa * least)
    up.at(1.1 * least)
    for kappa in (1.3, 2, 3, 4, 6):
        np.testing.assert_allclose(
            up.at(kappa * least).coefficients, down.at(kappa * least).coefficients, rtol=1e-4, atol=1e-5
        )


@pytest.mark.slow
def test_a_budget_that_the_scan_misses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The noise of the table is proved: a κ one step too small does not pass, whatever the scan says."""
    monkeypatch.setattr(aqp, "kappa_named", lambda path, noise: DEFAULTS[8] - 1)
    with pytest.raises(SolveError, match=r"noise must keep the noise_budget.*use a larger bias_budget"):
        table(8)


@pytest.mark.parametrize(("target", "K"), [("power(-0.5)", 4), ("log", 3), ("log", 20)])
def test_just_below_the_bayes_table(target: str, K: int) -> None:
    """Hardly any point is active there, at a loose tolerance none."""
    path = SolutionPath(make_problem(target, K, bias_budget=2))
    for share in (0.99, 0.9985, 0.99999):
        beta = share * path.bayes_bias
        for slack in (named_point.LOOSE, 1e-11):
            c = path.at(beta, slack).coefficients
            bias = brute.float_curves(target, c, brute.grid(K, 4000))[0].max()
            assert beta * (1 - 1e-3) < bias < beta * (1 + max(2 * slack, 1e-4))
