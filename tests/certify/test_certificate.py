"""Certificates: enclosures against brute force in 60 digits, rigour against planted spikes, no solver needed."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import brute
import mpmath
import numpy as np
import pytest
from flint import arb, ctx, fmpq, fmpq_poly
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest import certify
from polyest.certify import bayes, functions, optimality
from polyest.certify.certificate import worst_case_bias, worst_noise
from polyest.certify.fixed_point import BernsteinForm
from polyest.certify.supremum import supremum
from polyest.errors import ArgumentError
from polyest.offline import build
from polyest.offline.bayes import bayes_means
from polyest.problems.problem import make_problem
from polyest.problems.targets import Target, get_target
from polyest.storage.store import write
from polyest.storage.table import Certificate, Enclosure, Table, from_json, to_json

QUESTIONS = [
    *[("log", K, method, None) for K in (2, 3, 4, 7, 12) for method in ("plug_in", "harmonic", "minimax")],
    *[("log", K, "aqp", budget) for K, budget in ((2, None), (3, 1), (5, None), (8, 4), (11, 1.03), (12, None))],
    *[("power(2)", K, "exact", None) for K in (3, 4, 9)],
    ("power(2)", 2, "aqp", None),
    ("power(3)", 3, "minimax", None),
    *[(target, K, "minimax", None) for target in ("js(0.1)", "power(0.5)", "power(-0.5)") for K in (3, 8)],
    *[(target, K, "plug_in", None) for target in ("js(0.1)", "power(0.5)", "power(-0.5)") for K in (2, 12)],
    *[(target, K, "aqp", 2) for target in ("js(0.1)", "power(0.5)", "power(-0.5)") for K in (4, 9)],
    ("power(-0.75)", 6, "aqp", 1.7),
    ("power(-0.75)", 5, "plug_in", None),
]


@cache
def solved(target: str, K: int, method: str, budget: float | None) -> Table:
    return build.solve(make_problem(target, K, method, bias_budget=budget))


def holds(enclosure: Enclosure, value: object) -> bool:
    return brute.number(enclosure.lower_text) <= value <= brute.number(enclosure.upper_text)


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: "-".join(map(str, q)))
def test_enclosures_contain_what_brute_force_finds(question: tuple[str, int, str, float | None]) -> None:
    table = solved(*question)
    for part in (table, table.leave_one_out):
        assert part is not None
        claims, target, c = part.certificate, part.problem.target, part.coefficients
        assert claims is not None
        truth = brute.worst_case_bias(target, c)
        assert holds(claims.worst_case_bias, truth) or (truth < 1e-50 and claims.worst_case_bias.upper == 0)
        if target == "power(-0.75)":
            assert claims.noise == Enclosure("Infinity", "Infinity")
        else:
            assert holds(claims.noise, brute.worst_noise(target, c))
    assert certify.verify(table) == []


@pytest.mark.slow
@pytest.mark.parametrize("K", [4, 12])
def test_enclosures_are_as_narrow_as_their_decimals(K: int) -> None:
    for method in ("plug_in", "minimax", "aqp"):
        claims = solved("log", K, method, None).certificate
        assert claims is not None
        for enclosure in (claims.worst_case_bias, claims.noise):
            width = Fraction(enclosure.upper_text) - Fraction(enclosure.lower_text)
            assert width <= Fraction(enclosure.upper_text) / 10**15


@pytest.mark.slow
def test_reference_values() -> None:
    # theory.md §3: K = 8
    def claims(method: str, budget: float | None = None) -> Certificate:
        found = solved("log", 8, method, budget).certificate
        assert found is not None
        return found

    assert float(claims("plug_in").worst_case_bias.upper) == pytest.approx(0.06554276409294340, rel=1e-15)
    assert float(claims("harmonic").worst_case_bias.upper) == pytest.approx(0.03645385118613845, rel=1e-15)
    assert float(claims("plug_in").noise.upper) == pytest.approx(0.02952976647786384, rel=1e-15)
    assert float(claims("aqp", 4).noise.upper) == pytest.approx(0.03476707180911677, rel=1e-15)


@pytest.mark.parametrize("K", [1, 2, 5])
@pytest.mark.parametrize("target", ["log", "power(-0.5)", "js(0.1)"])
def test_a_table_of_zeros_has_a_certificate(target: str, K: int) -> None:
    truth = brute.worst_case_bias(target, (0.0,) * K)
    lower, upper = worst_case_bias(get_target(target), (0.0,) * K)
    tiny = 1 + brute.mp.mpf(10) ** -50
    assert brute.number(lower) <= truth * tiny
    assert truth <= brute.number(upper) * tiny


COEFFICIENTS = st.lists(st.floats(-50, 50), min_size=1, max_size=7)


@pytest.mark.slow
@settings(max_examples=40)
@given(COEFFICIENTS, st.sampled_from(["log", "power(0.5)", "power(-0.5)", "js(0.1)", "power(3)"]))
def test_enclosures_of_any_table_contain_what_brute_force_finds(c: list[float], target: str) -> None:
    row, tiny = get_target(target), 1 + brute.mp.mpf(10) ** -35
    for enclosure, truth in (
        (worst_case_bias(row, tuple(c)), brute.worst_case_bias(target, tuple(c), 800)),
        (worst_noise(row, tuple(c)), brute.worst_noise(target, tuple(c), 800)),
    ):
        assert enclosure is not None
        lower, upper = map(brute.number, enclosure)
        assert truth <= upper * tiny
        assert lower <= truth * tiny or truth < 1e-50


@pytest.mark.slow
@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 9))
def test_supremum_of_a_polynomial_with_a_known_maximum(seed: int, n: int) -> None:
    """f = h − Π(p − a_i)² has its maximum h at every a_i, and every a_i is a rational that no grid knows."""
    rng = np.random.default_rng(seed)
    roots = [fmpq(int(x), 10**9 + 7) for x in rng.integers(1, 10**9, size=n)]
    h = fmpq(int(rng.integers(1, 10**6)), 10**9)
    product = fmpq_poly([1])
    for a in roots:
        product *= fmpq_poly([-a, 1]) ** 2
    lower, upper = supremum(p_times(fmpq_poly([h]) - product))
    assert float(lower) <= float(upper) * (1 + 1e-12)
    p = np.linspace(1e-3, 1, 2000)
    values = p * (float(h.p) / float(h.q) - np.prod([(p - float(a.p) / float(a.q)) ** 2 for a in roots], axis=0))
    assert values.max() <= float(upper) * (1 + 1e-9)


def p_times(u: fmpq_poly) -> functions.Curve:
    """p·u(p) as a function to enclose."""
    powers = [Fraction(int(a.p), int(a.q)) for a in u.coeffs()]
    form = BernsteinForm.of(functions.from_powers(powers, len(powers) - 1))
    return functions.Curve(get_target("log"), (form,), lambda x, local: list(local), lambda epsilon: epsilon * 10**6)


def with_spike(place: str, width: str, height: str) -> Target:
    """log p plus a bell of the given height and width at a place, as a target; any table's bias has a spike there."""
    a, w, h = Fraction(place), Fraction(width), Fraction(height)

    def formula(p: Any, ctx: Any) -> Any:
        x = (p - ctx.rational(a)) / ctx.rational(w)
        return ctx.log(p) + ctx.rational(h) * ctx.exp(-x * x)

    return Target("spiked", formula, growth=(h + Fraction(3, 2), Fraction(1, 4)), mean=get_target("log").mean)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "width", "height"),
    [
        ("0.37123456789", "1e-7", "0.5"),
        ("0.000123456789", "1e-9", "1e3"),
        ("1e-12", "1e-14", "1e11"),
        ("0.99999999", "1e-9", "0.3"),
    ],
)
def test_a_narrow_spike_of_bias_is_found_and_its_file_rejected(
    place: str, width: str, height: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any sampling points, and near p = 1e-12: a file that claims the bias without the spike is rejected."""
    table = solved("log", 8, "aqp", 4)
    module = sys.modules["polyest.certify.certificate"]  # `certify.certificate` is the function
    monkeypatch.setattr(module, "get_target", lambda name: with_spike(place, width, height))
    lower, upper = worst_case_bias(with_spike(place, width, height), table.coefficients)
    top = Fraction(place) * Fraction(height)
    own = brute.bias("log", [brute.number(c) for c in table.coefficients], brute.number(place))
    assert float(lower) <= float(top) + abs(float(own)) * (1 + 1e-6) + float(Fraction(width) * Fraction(height))
    assert float(upper) >= abs(float(own) - float(top)) * (1 - 1e-12)
    assert float(upper - lower) <= 1e-15 * float(upper)
    assert any("worst_case_bias" in failure or "re-proved" in failure for failure in certify.verify(table))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["minimax", "aqp"])
@pytest.mark.parametrize("place", [0.0, 0.31, 0.77, 1.0])
def test_a_planted_bump_is_rejected(method: str, place: float) -> None:
    K = 24
    table = solved("log", K, method, 3 if method == "aqp" else None)
    c = list(table.coefficients)
    c[round(place * (K - 1))] += 1e-9 * abs(c[0])
    altered = from_json(to_json(replace(table, coefficients=tuple(c))))
    assert certify.verify(table) == []
    assert any("worst_case_bias" in failure for failure in certify.verify(altered))


@pytest.mark.slow
def test_a_spike_of_bias_narrower_than_any_sampling_is_rejected() -> None:
    """A table whose float64 bias on 10⁴ points is a billion times below its true supremum.

    Q = Q_0 + s·W, W the polynomial that vanishes at all sampling points of a file's author (here K−1 Chebyshev points)
    and so is invisible there: what a sampling check would pass.
    """
    K = 20
    table = solved("log", K, "aqp", 2)
    nodes = np.sin((2 * np.arange(K - 1) + 1) / (2 * K - 2) * np.pi / 2) ** 2
    sampled = np.poly1d(np.poly(nodes))
    powers = [Fraction(float(x)) for x in sampled.coeffs[::-1]]
    bump = [sum(a * Fraction(math.comb(m, j), math.comb(K - 1, j)) for j, a in enumerate(powers)) for m in range(K)]
    scale = Fraction(10) ** 3
    c = [float(Fraction(c) + scale * b) for c, b in zip(table.coefficients, bump, strict=True)]
    altered = replace(table, coefficients=tuple(c))
    at_nodes = brute.float_curves("log", altered.coefficients, nodes)[0]
    assert table.certificate is not None
    assert at_nodes.max() <= table.certificate.worst_case_bias.upper * (1 + 1e-4)
    failures = certify.verify(from_json(to_json(altered)))
    assert any("worst_case_bias" in failure for failure in failures)


@pytest.mark.parametrize("place", [1e-12, 1e-9])
def test_a_table_of_two_whose_bias_peaks_near_zero(place: float) -> None:
    """r = −p^(−3/4), c = (c_0, c_0): |e| = p^(1/4) + p·c_0 turns at p = (−4c_0)^(−4/3)."""
    c = (-(place**-0.75) / 4,) * 2
    table = Table(
        make_problem("power(-0.75)", 2, "aqp", bias_budget=2), c, 200, proof={"points": (), "multipliers": ()}
    )
    claims = certify.certificate(table)
    truth = brute.worst_case_bias("power(-0.75)", c)
    assert holds(claims.worst_case_bias, truth)
    peak = float(brute.bias("power(-0.75)", [brute.number(x) for x in c], brute.number(place)))
    lied = replace(claims, worst_case_bias=Enclosure(str(abs(peak) * 0.99), str(abs(peak) * 1.01)))
    assert certify.verify(replace(table, certificate=lied)) != []


@pytest.mark.slow
@pytest.mark.parametrize("target", ["log", "power(-0.5)", "power(0.5)", "power(2)", "js(0.1)"])
@pytest.mark.parametrize("K", [1, 6])
def test_the_three_bayes_tables_agree(target: str, K: int) -> None:
    """Balls of the verifier, numbers of the solver, and digammas, gammas or quadrature of the test."""
    truth = brute.means(target, K)
    with ctx.workprec(256):
        balls = bayes.bayes_means(get_target(target), K)
        for ball, mean in zip(balls, truth, strict=True):
            assert float(ball.rad()) < 1e-30
            assert abs(float(ball.mid() - arb(mpmath.nstr(mean, 60)))) < 1e-40
    numbers = bayes_means(get_target(target), K, 50)
    assert all(abs(brute.number(a) - b) < brute.mp.mpf(10) ** -42 for a, b in zip(numbers, truth, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("question", [("log", 4, "aqp", 2), ("js(0.1)", 5, "aqp", 1.5), ("power(-0.5)", 8, "aqp", 2)])
def test_objective_and_dual_value_are_those_of_the_formulas(question: tuple[str, int, str, float]) -> None:
    table = solved(*question)
    target, K, beta = table.problem.target, table.group_size, Fraction(1, 37)
    lower, upper = optimality.objective(get_target(target), table.coefficients)
    truth, tiny = brute.objective(target, table.coefficients), brute.mp.mpf(10) ** -45
    assert brute.number(lower) - tiny <= truth <= brute.number(upper) + tiny
    assert float(upper - lower) < 1e-40
    points, multipliers = table.proof["points"], tuple(x / 2 for x in table.proof["multipliers"])
    bound = optimality.dual_value(get_target(target), K, points, multipliers, beta)
    exact = max(brute.dual_value(target, K, points, multipliers, brute.number(beta)), brute.mp.mpf(0))
    assert exact - tiny <= brute.number(bound) + tiny
    assert brute.number(bound) <= exact + tiny


@pytest.mark.slow
@settings(max_examples=25)
@given(
    st.lists(st.floats(1e-3, 1), min_size=5, max_size=5),
    st.lists(st.floats(-5, 5), min_size=5, max_size=5),
    COEFFICIENTS,
)
def test_no_feasible_table_beats_the_dual_value(points: list[float], multipliers: list[float], c: list[float]) -> None:
    """Weak duality for arbitrary points and multipliers, at the bias of an arbitrary table (theory.md §4)."""
    target = get_target("log")
    beta = worst_case_bias(target, tuple(c))[1]
    assert optimality.dual_value(target, len(c), points, multipliers, beta) <= optimality.objective(target, c)[1]


@pytest.mark.slow
@settings(max_examples=25)
@given(
    st.lists(st.floats(1e-3, 1), min_size=4, max_size=4, unique=True),
    st.lists(st.floats(-9, 9), min_size=3, max_size=3),
)
def test_no_table_beats_the_bound_of_de_la_vallee_poussin(points: list[float], c: list[float]) -> None:
    target = get_target("js(0.1)")
    assert optimality.least_bias_bound(target, points) <= worst_case_bias(target, tuple(c))[1]


@pytest.mark.slow
def test_claims_of_the_wrong_kind_are_refused() -> None:
    table = solved("log", 4, "aqp", 2)
    least = solved("log", 4, "minimax", None)
    claims = table.certificate
    assert claims is not None
    assert least.certificate is not None
    infinite = Enclosure("Infinity", "Infinity")
    swapped = replace(claims, optimality=least.certificate.optimality)
    for altered in (
        replace(table, certificate=replace(claims, worst_case_bias=infinite)),
        replace(table, certificate=replace(claims, noise=infinite)),
        replace(table, certificate=replace(claims, optimality=None)),
        replace(table, certificate=None),
        replace(table, certificate=swapped, proof=least.proof),
        replace(table, kappa=150),
        replace(least, proof={}),
        replace(least, proof={}, certificate=replace(least.certificate, optimality=None)),
        replace(solved("log", 4, "harmonic", None), coefficients=table.coefficients),
    ):
        assert certify.verify(from_json(to_json(altered))) != []


def of_four(c: tuple[Any, ...], **proof: tuple[float, ...]) -> Table:
    return Table(make_problem("log", 4, bias_budget=2), c, 200, proof=proof)


WHOLE = (-2.4, -0.9, -0.3, 0.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: certify.certificate(of_four((-1.0, -0.5, 0.0))), "`coefficients` must be K = 4 numbers, got 3; "),
        (lambda: certify.certificate(of_four(())), "`coefficients` must be finite numbers, one at least, got"),
        (lambda: certify.certificate(of_four((-1.0, -0.5, math.nan, 0.0))), "`coefficients` must be finite"),
        (lambda: certify.certificate(of_four((-1.0, -0.5, math.inf, 0.0))), "`coefficients` must be finite"),
        (lambda: certify.certificate(of_four(("a",) * 4)), "`coefficients` must be finite"),
        (lambda: certify.certificate(of_four(WHOLE, multipliers=(math.nan,))), "`multipliers` must be finite"),
        (lambda: certify.certificate(5), "`table` must be a Table, got 5"),  # type: ignore[arg-type]
        (lambda: certify.verify(5), "`table` must be a Table, got 5"),  # type: ignore[arg-type]
        (lambda: certify.broken_promises(of_four((-1.0, 0.0, 0.0))), "`coefficients` must be K = 4 numbers"),
        (lambda: certify.enclosures("log", [math.nan, 1.0]), "`coefficients` must be finite"),
        (lambda: certify.enclosures("log", []), "`coefficients` must be finite"),
        (lambda: certify.enclosures("log", "12"), "`coefficients` must be finite"),  # type: ignore[arg-type]
        (lambda: certify.enclosures("log", [10**400]), "`coefficients` must be finite"),
        (lambda: certify.enclosures("log", np.ma.array([-1.0, 0.0], mask=[1, 0])), "`coefficients` must be finite"),
        (lambda: certify.enclosures("log", [-1, 0], "garded"), "`method` must be one of .*did you mean 'graded'"),
    ],
)
def test_what_is_no_table_gets_no_certificate(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        call()


def test_a_table_that_no_file_holds_is_not_proved() -> None:
    claims = Certificate(Enclosure("0", "1"), Enclosure("0", "1"), Enclosure("0", "1"))
    for c, proof in (((-1.0, math.inf, -0.5, 0.0), {}), (WHOLE[1:], {}), (WHOLE, {"points": (math.nan,)})):
        table = replace(of_four(c, **proof), certificate=claims)
        (failure,) = certify.verify(replace(table, leave_one_out=table))[:1]
        assert failure.startswith("certificate could not be re-proved: `")


@pytest.mark.slow
def test_the_bias_of_the_leave_one_out_table_is_proved_too() -> None:
    table = solved("log", 4, "aqp", 2)
    inner = table.leave_one_out
    assert inner is not None
    c = (*inner.coefficients[:-1], math.nextafter(inner.coefficients[-1], 1))
    failures = certify.verify(from_json(to_json(replace(table, leave_one_out=replace(inner, coefficients=c)))))
    assert failures
    assert all(failure.startswith("leave_one_out.") for failure in failures)
    assert certify.verify(replace(table, leave_one_out=replace(inner, kappa=199))) != []


BLOCKED = """
import sys
class Blocker:
    names = ("cvxpy", "scipy", "mpmath", "gmpy2", "joblib", "numba", "polyest.offline")
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names or name.startswith("polyest.offline"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocker())
from pathlib import Path
from polyest import certify
from polyest.storage import store
failures = [failure for path in store.paths(Path(sys.argv[1])) for failure in certify.verify(store.read(path))]
print(len(list(store.paths(Path(sys.argv[1])))), failures)
assert not any(name.split(".")[0] in Blocker.names or name.startswith("polyest.offline") for name in sys.modules)
"""


@pytest.mark.slow
def test_verification_needs_no_solver(tmp_path: Path) -> None:
    for question in (("log", 6, "aqp", 2), ("js(0.1)", 4, "minimax", None), ("power(-0.5)", 5, "aqp", 1.5)):
        write(solved(*question), tmp_path)
    write(build.solve(make_problem("power(2)", 5)), tmp_path)
    done = subprocess.run([sys.executable, "-c", BLOCKED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == "4 []"
