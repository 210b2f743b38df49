"""The error of a value: exact formulas against enumeration of every group, estimates against what they stand for."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from math import comb, factorial, prod

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest import success
from polyest.errors import ArgumentError
from polyest.problems.problem import make_problem
from polyest.uncertainty import success_with_error, value_moments
from polyest.uncertainty.moments import kinds_moments
from polyest.uncertainty.multinomial import error_of, plausible_law
from polyest.uncertainty.pay import Pay, statistic
from polyest.uncertainty.profile import Cell, Profile

rationals = st.fractions(-3, 3, max_denominator=20)
policies = st.lists(st.integers(1, 5), min_size=3, max_size=3).map(lambda w: [Fraction(x, sum(w)) for x in w])
groups = st.integers(2, 12).flatmap(lambda K: st.lists(st.integers(0, 5), min_size=K, max_size=K))
Statistic = Callable[[int, int], Fraction]


def enumerated(K: int, policy: Sequence[Fraction], value: Callable[[tuple[int, ...]], Fraction]) -> list[Fraction]:
    """Mean and variance of a value over all groups of K answers."""
    weighted = [(prod((policy[z] for z in g), start=Fraction(1)), value(g)) for g in product(range(3), repeat=K)]
    mean = sum((w * v for w, v in weighted), Fraction(0))
    return [mean, sum((w * v**2 for w, v in weighted), Fraction(0)) - mean**2]


def by_formula(K: int, policy: Sequence[Fraction], f: Statistic) -> list[Fraction]:
    """Σ_z Var f_z(N_z) + Σ_{z≠z'} Cov(f_z(N_z), f_z'(N_z')) from binomial and trinomial laws."""

    def one(z: int, power: int) -> Fraction:
        p = policy[z]
        return sum((comb(K, n) * p**n * (1 - p) ** (K - n) * f(z, n) ** power for n in range(K + 1)), Fraction(0))

    def two(y: int, z: int) -> Fraction:
        p, q = policy[y], policy[z]
        total = Fraction(0)
        for n, m in product(range(K + 1), repeat=2):
            if n + m <= K:
                choices = factorial(K) // (factorial(n) * factorial(m) * factorial(K - n - m))
                total += choices * p**n * q**m * (1 - p - q) ** (K - n - m) * f(y, n) * f(z, m)
        return total

    answers = range(len(policy))
    variances = [one(z, 2) - one(z, 1) ** 2 for z in answers]
    covariances = [two(y, z) - one(y, 1) * one(z, 1) for y, z in product(answers, repeat=2) if y != z]
    return [sum((one(z, 1) for z in answers), Fraction(0)), sum(variances + covariances, Fraction(0))]


@pytest.mark.slow
@given(st.data(), st.integers(2, 5), policies)
def test_the_variance_under_a_known_law_is_that_of_all_groups(data, K: int, policy) -> None:
    c = data.draw(st.lists(rationals, min_size=K, max_size=K))
    exact = enumerated(K, policy, lambda group: sum(c[m] for m in oracle.matches(group)) / Fraction(K))
    assert by_formula(K, policy, lambda z, n: n * c[n - 1] / Fraction(K)) == exact
    moments = value_moments([float(x) for x in c], [float(p) for p in policy])
    assert [moments.mean, moments.variance] == pytest.approx([float(x) for x in exact], abs=1e-13)


@pytest.mark.slow
@given(st.data(), st.integers(2, 5), policies)
def test_so_it_is_with_a_reference_and_without_an_answer(data, K: int, policy) -> None:
    """Answer 0 is "no answer", paid `pay` alike; the others less what the reference takes off."""
    c, offsets = (data.draw(st.lists(rationals, min_size=n, max_size=n)) for n in (K, 3))
    pay = data.draw(st.none() | rationals)

    def value(group: tuple[int, ...]) -> Fraction:
        matches = oracle.matches(group)
        none = c[0] if pay is None else pay
        paid = [(c[m] if z else none) - offsets[z] for z, m in zip(group, matches, strict=True)]
        return sum(paid, Fraction(0)) / K

    cells = [Cell(1, float(offset), z == 0, 1) for z, offset in enumerate(offsets)]
    f = statistic(cells, [float(x) for x in c], None if pay is None else float(pay))
    moments = kinds_moments(np.array([float(p) for p in policy]), np.ones(3), f)
    exact = [float(x) for x in enumerated(K, policy, value)]
    assert [moments.mean, moments.variance] == pytest.approx(exact, abs=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 16, 128, 1024])
def test_many_answers_alike_cost_what_one_kind_costs(K: int) -> None:
    """Against four answers taken for four kinds."""
    c, p = polyest.load("log", K, "harmonic").coefficients, np.full(4, 0.25)
    f = np.concatenate([[0], np.arange(1, K + 1) * c / K])
    alike, single = value_moments(c, p), kinds_moments(p, np.ones(4), np.tile(f, (4, 1)))
    assert [alike.mean, alike.variance] == pytest.approx([single.mean, single.variance], rel=1e-6)


@given(groups)
def test_the_law_that_fits_is_a_law_and_keeps_what_was_seen_in_proportion(group: list[int]) -> None:
    K, counts = len(group), Counter(Counter(group).values())
    profile = Profile(K, tuple(Cell(n, 0.0, False, many) for n, many in sorted(counts.items())))
    kinds, p = plausible_law(profile)
    assert sum(kind.many * x for kind, x in zip(kinds, p, strict=True)) == pytest.approx(1)
    seen = [x / kind.count for kind, x in zip(kinds, p, strict=True) if kind.count]
    assert seen == pytest.approx([seen[0]] * len(seen))
    assert 1 - K * seen[0] == pytest.approx(max(counts[1], len(counts) == counts[K]) / (K + 1))


@pytest.mark.parametrize(
    ("group", "unseen", "mass"),
    [
        ("aabbb", 0, 0),  # nothing came once
        ("aaaaa", 1, 1 / 6),  # all equal: as if the next one would have been the first to differ
        ("aabc", 2, 2 / 5),  # ¾·2²/(2·1) = 1.5, rounded up
        ("abcd", 5, 4 / 5),  # ¾·4·3/2 = 4.5
        ("aaab", 1, 1 / 5),  # Chao's bound is 0, but something has to carry the mass
    ],
)
def test_what_was_not_seen_by_hand(group: str, unseen: int, mass: float) -> None:
    counts = Counter(Counter(group).values())
    kinds, p = plausible_law(Profile(len(group), tuple(Cell(n, 0.0, False, m) for n, m in sorted(counts.items()))))
    assert sum(kind.many for kind in kinds if not kind.count) == unseen
    assert sum(kind.many * x for kind, x in zip(kinds, p, strict=True) if not kind.count) == pytest.approx(mass)


@given(groups, st.sampled_from(["plug_in", "harmonic", "aqp"]))
def test_the_error_is_that_of_the_law_that_fits(group: list[int], method: str) -> None:
    est = polyest.load("log", len(group), method)
    counts = Counter(Counter(group).values())
    kinds, p = plausible_law(Profile(len(group), tuple(Cell(n, 0.0, False, m) for n, m in sorted(counts.items()))))
    law = np.repeat(p, [kind.many for kind in kinds])
    moments, found = value_moments(est.coefficients, law), est.value_with_error(group)
    assert found.value == est.value(group)
    assert found.variance == pytest.approx(moments.variance, abs=1e-12)
    assert found.bias == pytest.approx(moments.mean - (law * np.log(law)).sum(), abs=1e-12)
    assert found.standard_error**2 == pytest.approx(found.variance)


@given(groups, st.sampled_from(["multinomial", "jackknife"]), st.randoms(), st.booleans())
def test_neither_order_nor_names_matter_to_the_bit(group: list[int], error: str, random, missing: bool) -> None:
    est = polyest.load("log", len(group), "harmonic")
    named = [None if missing and z == 0 else z for z in group]
    renamed = [None if z is None else ("answer", -z) for z in random.sample(named, len(named))]
    one, other = est.value_with_error(named, error=error), est.value_with_error(renamed, error=error)
    np.testing.assert_equal((one.value, one.variance, one.bias), (other.value, other.variance, other.bias))


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([None, 1, 2, 3])), min_size=1, max_size=40), st.booleans())
def test_ragged_groups_have_the_errors_of_dense_ones(rows, with_reference: bool) -> None:
    ids, answers = ([row[i] for row in rows] for i in (0, 1))
    q = [0.1 * (1 + (z or 0)) for z in answers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = q if with_reference else None
        names, found = polyest.value_with_error(answers, ids, "log", "harmonic", reference=reference)
    assert list(names) == list(dict.fromkeys(ids))
    for i, name in enumerate(names):
        members = [j for j, other in enumerate(ids) if other == name]
        if len(members) < 2:
            assert np.isnan(found.variance[i])
            assert found.is_doubtful[i]
            continue
        reference = [q[j] for j in members] if with_reference else None
        one = polyest.load("log", len(members), "harmonic").value_with_error([answers[j] for j in members], reference)
        numbers = found.take(i)
        assert (numbers.value, numbers.variance, numbers.bias) == (one.value, one.variance, one.bias)


def test_padding_leaves_a_group_of_its_survivors() -> None:
    est = polyest.load("log", 5, "harmonic")
    for error in ("multinomial", "jackknife"):
        padded = est.value_with_error([[1, 1, 2, -1, -1]], padding_id=-1, error=error)
        small = polyest.load("log", 3, "harmonic").value_with_error([[1, 1, 2]], error=error)
        assert (padded.value, padded.variance) == (small.value, small.variance)


@given(groups)
def test_the_jackknife_is_the_spread_of_rewards_minus_advantages(group: list[int]) -> None:
    est, K = polyest.load("log", len(group), "aqp"), len(group)
    without = est.rewards(group) - est.advantages(group)
    spread = (K - 1) / K * ((without - without.mean()) ** 2).sum()
    assert est.value_with_error(group, error="jackknife").variance == pytest.approx(spread, abs=1e-12)


@pytest.mark.parametrize(("target", "K"), [("power(1)", 4), ("power(1)", 5), ("power(2)", 6), ("polynomial(1,-2)", 4)])
def test_the_unbiased_variance_is_unbiased(target: str, K: int) -> None:
    est, policy = polyest.load(target, K), np.array([0.5, 0.3, 0.2])
    every = np.array([*product(range(3), repeat=K)])
    found, weights = est.value_with_error(every, error="unbiased"), policy[every].prod(axis=1)
    variance = weights @ found.value**2 - (weights @ found.value) ** 2
    assert weights @ found.variance == pytest.approx(variance, rel=1e-12)
    assert value_moments(est.coefficients, policy).variance == pytest.approx(variance, rel=1e-12)
    assert found.standard_error.min() == 0


@pytest.mark.parametrize("objective", [success.pass_at(2, 4), success.pass_at(2, 5), success.variance(4)])
def test_the_unbiased_variance_of_a_success_rate_is_unbiased(objective) -> None:
    every = np.array([*product([0, 1], repeat=objective.group_size)])
    weights = np.where(every, 0.3, 0.7).prod(axis=1)
    found = success_with_error(objective, every)
    variance = weights @ found.value**2 - (weights @ found.value) ** 2
    assert weights @ found.variance == pytest.approx(variance, rel=1e-12)


def test_a_reference_that_is_the_same_for_all_changes_the_value_only() -> None:
    est, group = polyest.load("log", 6, "harmonic"), [1, 1, 2, 3, 3, 3]
    plain, moved = est.value_with_error(group), est.value_with_error(group, [0.25] * 6)
    assert moved.value == pytest.approx(plain.value - np.log(0.25))
    assert (moved.variance, moved.bias) == pytest.approx((plain.variance, plain.bias))


def test_a_custom_target_has_a_bias_only_where_its_function_is_known() -> None:
    name = "custom(nowhere,1,0,0123456789ab)"
    profile, c = Profile(4, (Cell(2, 0.0, False, 2),)), (-2.0, -1.0, -0.5, 0.0)
    known, unknown = (error_of(profile, Pay(make_problem(t, 4, "plug_in"), c, None, None)) for t in ("log", name))
    assert known.variance == unknown.variance > 0
    assert np.isnan(unknown.bias)


def test_no_answers_alone_are_paid_alike_and_vary_only_by_what_might_come_else() -> None:
    """Seven of eight probability 7/8 for no answer, one unseen 1/8: the value of 7 is n·c[n−1]/7 for that one only."""
    est = polyest.load("log", 7, "harmonic")
    found = est.value_with_error([None] * 7, no_answer_reward=0.0)
    f = np.concatenate([[0], np.arange(1, 8) * est.coefficients / 7])
    law = np.array([comb(7, n) * 7 ** (7 - n) / 8**7 for n in range(8)])
    assert found.variance == pytest.approx(law @ f**2 - (law @ f) ** 2)
    assert found.value == 0


@pytest.mark.parametrize(
    ("group", "method", "doubtful"),
    [
        ([*range(8)], "aqp", True),  # too few completions
        ([1] * 12 + [2, 2, 3, 3], "harmonic", True),  # three quarters alike
        ([1] * 16, "aqp", True),
        ([*range(12), 0, 0, 1, 1], "plug_in", True),  # biased by more than the error
        ([*range(12), 0, 0, 1, 1], "aqp", False),
        ([1] * 8 + [2] * 8, "harmonic", False),
    ],
)
def test_groups_whose_error_may_be_wrong_say_so(group: list[int], method: str, doubtful: bool) -> None:
    assert polyest.load("log", len(group), method).value_with_error(group).is_doubtful == doubtful


def test_a_collapsed_group_has_an_error() -> None:
    assert polyest.load("log", 16).value_with_error([7] * 16).standard_error > 0.1


@pytest.mark.slow
def test_the_estimated_variance_and_its_intervals_are_honest_for_spread_answers() -> None:
    """Dirichlet(½) on 12 answers, K = 16, 4000 groups of one law: ratio 0.962 ± 0.005, coverage 0.925 ± 0.004.

    The bounds are eight and more standard deviations away: as it is, it fails with probability below 1e-14.
    """
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.full(12, 0.5))
    est = polyest.load("log", 16)
    found, truth = est.value_with_error(rng.choice(12, (4000, 16), p=p)), value_moments(est.coefficients, p)
    assert 0.92 < found.variance.mean() / truth.variance < 1.05
    lower, upper = found.interval()
    assert ((lower <= truth.mean) & (truth.mean <= upper)).mean() > 0.89


def test_shapes_follow_the_answers() -> None:
    est = polyest.load("log", 4, "harmonic")
    found = est.value_with_error(np.arange(24).reshape(2, 3, 4) % 5)
    for array in (found.value, found.standard_error, found.bias, found.is_doubtful, *found.interval(0.9)):
        assert array.shape == (2, 3)
    assert est.value_with_error(np.zeros((0, 4), int)).variance.shape == (0,)
    assert np.ndim(est.value_with_error([1, 2, 3, 4]).standard_error) == 0
    assert "same policy" in found.of


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: polyest.load("log", 4).value_with_error([1] * 4, error="jacknife"), "did you mean 'jackknife'"),
        (lambda: polyest.load("log", 4).value_with_error([1] * 4, error=["jackknife"]), "`error` must be one of"),
        (lambda: polyest.load("log", 4).value_with_error([1] * 4, error="unbiased"), "needs an exact table"),
        (lambda: polyest.load("power(2)", 5).value_with_error([1] * 5, error="unbiased"), "degree at most K/2"),
        (lambda: polyest.load("power(1)", 4).value_with_error([1, None, 1, 1], error="unbiased"), "no missing"),
        (
            lambda: polyest.load("log", 4, baseline="group_mean").value_with_error([1] * 4, error="jackknife"),
            "table without baseline",
        ),
        (lambda: polyest.load("log", 4).value_with_error([1] * 4).interval(95), "`confidence` must be between"),
        (lambda: success_with_error(success.pass_at(3, 5), [1] * 5), "degree at most K/2"),
        (lambda: value_moments([-1.0, 0.0], [0.5, 0.4]), "sum to 1"),
        (lambda: value_moments([-1.0, 0.0], ["a"]), "`probabilities` must be flat"),
        (lambda: value_moments([-1.0, 0.0], np.ma.array([0.5, 0.5], mask=[1, 0])), "`probabilities` .* masked"),
        (lambda: value_moments([np.nan, 0.0], [0.5, 0.5]), "`coefficients` must be a flat array of finite"),
        (lambda: value_moments([], [0.5, 0.5]), "`coefficients` must be a flat array of finite"),
        (lambda: value_moments("ab", [0.5, 0.5]), "`coefficients` must be a flat array of finite"),
        (lambda: success_with_error("pass@2", [1] * 5), "`objective` must be one of polyest.success"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_had_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()


@pytest.mark.slow
def test_errors_load_numpy_and_nothing_heavier() -> None:
    code = (
        "import sys, polyest; e = polyest.load('log', 16); f = e.value_with_error([[1, 2] * 8, [3] * 16]);"
        "polyest.summary(f).interval(); assert not {'scipy', 'numba', 'mpmath', 'flint'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
