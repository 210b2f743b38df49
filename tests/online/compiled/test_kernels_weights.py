"""Weighted completions (theory.md §9): expected gradients by enumeration, both backends to the bit, every form."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction
from itertools import product
from math import comb, prod

import numpy as np
import oracle
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import polyest
from polyest.errors import ArgumentError

backends = pytest.mark.parametrize("backend", oracle.BACKENDS)
ANSWERS = (0, 0, 1, 2)  # of four completions: two of them give the same answer
weights_of_four = st.lists(st.fractions(-3, 3, max_denominator=8), min_size=4, max_size=4)
policies = st.lists(st.integers(1, 9), min_size=4, max_size=4).map(lambda w: [Fraction(x, sum(w)) for x in w])
directions = st.lists(st.fractions(-2, 2, max_denominator=9), min_size=3, max_size=3).map(lambda d: [*d, -sum(d)])


def surrogate(c, p):
    n = len(c) - 1
    return sum(Fraction(x) * comb(n, m) * p**m * (1 - p) ** (n - m) for m, x in enumerate(c))


def gradient(c, policy, weights, direction) -> Fraction:
    """Σ_y w(y) Q_c(ν(ans y)) dπ(y)."""
    mass = [sum(p for p, a in zip(policy, ANSWERS, strict=True) if a == z) for z in range(3)]
    return sum(w * surrogate(c, mass[z]) * d for w, z, d in zip(weights, ANSWERS, direction, strict=True))


def expected(policy, direction, K, score) -> Fraction:
    """E[(1/K) Σ_i A_i dπ(y_i)/π(y_i)] over all groups of K completions; `score` scores all groups at once."""
    groups = [*product(range(4), repeat=K)]
    total = Fraction(0)
    for group, scores in zip(groups, score(np.array(groups)), strict=True):
        probability = prod((policy[y] for y in group), start=Fraction(1)) / K
        total += probability * sum(
            Fraction(float(a)) * direction[y] / policy[y] for y, a in zip(group, scores, strict=True)
        )
    return total


@pytest.mark.slow
@backends
@pytest.mark.parametrize(("target", "method"), [("log", "harmonic"), ("log", "plug_in"), ("power(1)", "exact")])
@settings(max_examples=6)
@given(weights_of_four, policies, directions, st.integers(2, 5))
def test_expected_gradients_are_those_of_the_weighted_surrogate(backend, target, method, weights, policy, direction, K):
    est = polyest.load(target, K, method)
    w, answers = np.array([float(x) for x in weights]), np.array(ANSWERS)
    truth = float(gradient(est.coefficients.tolist(), policy, [Fraction(x) for x in w.tolist()], direction))
    for score in (est.rewards, est.advantages):
        with oracle.using(backend):
            update = expected(policy, direction, K, lambda g, score=score: score(answers[g], weights=w[g]))
        assert float(update) == pytest.approx(truth, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["group_mean", "leave_one_out_mean"])
@settings(max_examples=15)
@given(
    st.lists(st.fractions(-3, 3, max_denominator=8), min_size=3, max_size=3), policies, directions, st.integers(3, 5)
)
def test_weights_of_answers_survive_the_trainers_mean_with_a_proof_table(baseline, by_answer, policy, direction, K):
    est = polyest.load("log", K, "harmonic", baseline=baseline)
    weights = [by_answer[z] for z in ANSWERS]
    w, answers = np.array([float(x) for x in weights]), np.array(ANSWERS)

    def centred(groups):
        rewards = est.rewards(answers[groups], weights=w[groups])
        total = rewards.sum(axis=1, keepdims=True)
        return rewards - (total / K if baseline == "group_mean" else (total - rewards) / (K - 1))

    inner = polyest.load("log", K - 1, "harmonic").coefficients.tolist() if K > 2 else [0.0]
    truth = gradient(inner, policy, [Fraction(x) for x in w.tolist()], direction)
    assert float(expected(policy, direction, K, centred)) == pytest.approx(float(truth), abs=1e-12)


def by_definition(group, w, c, others, pay=None, reference=None) -> list[float]:
    """w_i·reward_i minus the mean of w_j·reward_j over the others, scored as a group without i; in fractions."""

    def paid(rest, table):
        reward = [Fraction(table[m]) for m in oracle.matches([z for z, *_ in rest])]
        for k, (z, _, r) in enumerate(rest):
            reward[k] = (Fraction(pay) if pay is not None and z is None else reward[k]) - Fraction(r)
        return [Fraction(v) * x for (_, v, _), x in zip(rest, reward, strict=True)]

    rows = list(zip(group, w, reference or [0.0] * len(group), strict=True))
    own = paid(rows, c)
    return [float(own[i] - sum(paid(rows[:i] + rows[i + 1 :], others)) / (len(rows) - 1)) for i in range(len(rows))]


numbers = st.one_of(st.floats(-9, 9), st.sampled_from([0.0, 1.0, -1.0, 1e-200, 1e9]))


@st.composite
def weighted_groups(draw):
    K = draw(st.sampled_from([2, 3, 5, 8, 65, 70]))
    answers = draw(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=K, max_size=K))
    weights = [draw(numbers) for _ in range(min(K, 8))]
    return answers, (weights * K)[:K]


@pytest.mark.slow
@backends
@given(weighted_groups(), st.sampled_from([None, -0.25]))
@example((["a", "a"], [3e-304, 0.0]), None)
def test_advantages_are_the_definition(backend: str, group, pay) -> None:
    answers, w = group
    est = polyest.load("log", len(answers), "harmonic")
    with oracle.using(backend):
        scores = est.advantages([answers], None, None, pay, weights=[w])[0]
        rewards = est.rewards([answers], None, None, pay, weights=[w])[0]
        value = est.value([answers], None, None, pay, weights=[w])[0]
    c, others = est.coefficients.tolist(), est.leave_one_out_coefficients.tolist()
    size = max(map(abs, w)) * max(map(abs, c)) + 1e-285  # sums are of multiples of 2^−1000, 1e-301
    assert scores / size == pytest.approx(np.array(by_definition(answers, w, c, others, pay)) / size, abs=1e-14)
    assert (rewards == np.array(w) * est.rewards([answers], None, None, pay)[0]).all()
    assert value / size == pytest.approx(float(sum(map(Fraction, rewards.tolist())) / len(w)) / size, abs=1e-15)


@pytest.mark.slow
@given(weighted_groups(), st.randoms())
def test_engines_agree_and_permuting_permutes_to_the_bit(group, random) -> None:
    answers, w = group
    codes = np.array([-1 if a is None else ord(a) for a in answers])
    est, order = polyest.load("log", len(answers), "harmonic"), random.sample(range(len(answers)), len(answers))
    found = []
    for backend in oracle.BACKENDS:
        with oracle.using(backend):
            scores, value = est.advantages(codes, weights=w), est.value(codes, weights=w)
            moved = est.advantages(codes[order], weights=np.array(w)[order])
            assert moved.tobytes() == scores[order].tobytes()
            assert est.value(codes[order], weights=np.array(w)[order]) == value
        found.append((scores.tobytes(), value.tobytes()))
    assert found[0] == found[1]


@pytest.mark.slow
@backends
def test_weights_of_one_change_nothing_and_of_zero_pay_nothing(backend: str) -> None:
    rng = np.random.default_rng(0)
    for K in (2, 7, 16, 80):
        answers, est = rng.integers(0, 5, (20, K)), polyest.load("log", K, "harmonic")
        with oracle.using(backend):
            assert (est.rewards(answers, weights=np.ones(answers.shape)) == est.rewards(answers)).all()
            ones = est.advantages(answers, weights=np.ones(answers.shape, np.float16))
            assert ones == pytest.approx(est.advantages(answers), abs=1e-14)
            assert est.value(answers, weights=np.ones(answers.shape, bool)) == pytest.approx(
                est.value(answers), abs=1e-14
            )
            for score in (est.rewards, est.advantages, est.value):
                assert not score(answers, weights=np.zeros(answers.shape)).any()


@backends
def test_references_are_weighted_too(backend: str) -> None:
    answers, w, q = [1, 1, 2, 3], [2.0, -1.0, 0.5, 0.0], [0.5, 0.25, 0.125, 0.5]
    est = polyest.load("log", 4, "harmonic")
    c, others = est.coefficients.tolist(), est.leave_one_out_coefficients.tolist()
    with oracle.using(backend):
        assert est.rewards(answers, q, weights=w) == pytest.approx(np.array(w) * est.rewards(answers, q), abs=1e-15)
        expected = by_definition(answers, w, c, others, None, [math.log(x) for x in q])
        assert est.advantages(answers, q, weights=w) == pytest.approx(expected, abs=1e-14)


@pytest.mark.slow
@backends
@given(st.data())
def test_ragged_and_padded_groups_score_as_dense_ones_to_the_bit(backend: str, data) -> None:
    sizes = data.draw(st.lists(st.integers(2, 7), min_size=1, max_size=5))
    total, groups = sum(sizes), np.repeat(np.arange(len(sizes)), sizes)
    answers = np.array(data.draw(st.lists(st.integers(0, 2), min_size=total, max_size=total)))
    w = np.array(data.draw(st.lists(numbers, min_size=total, max_size=total)))
    order = np.array(data.draw(st.permutations(range(total))))
    padded, padded_w = np.full((len(sizes), 7), -1), np.full((len(sizes), 7), math.nan)
    for g in range(len(sizes)):
        padded[g, : sizes[g]], padded_w[g, : sizes[g]] = answers[groups == g], w[groups == g]
    est = polyest.load("log", 7, "harmonic")
    with oracle.using(backend):
        for kind in ("rewards", "advantages"):
            flat = getattr(polyest, kind)(answers[order], groups[order], "log", "harmonic", weights=w[order])
            dense = getattr(est, kind)(padded, padding_id=-1, weights=padded_w)
            assert flat.tobytes() == dense[padded >= 0][order].tobytes()
            assert np.isnan(dense[padded < 0]).all()


def test_outputs_of_other_dtypes_and_groups_of_one() -> None:
    est, w = polyest.load("log", 3, "harmonic"), [1.0, 2, 3]
    exact = est.advantages([1, 1, 2], weights=w)
    assert est.advantages([1, 1, 2], weights=w, dtype=np.float32).tolist() == exact.astype(np.float32).tolist()
    out = np.empty((2, 3))[:, ::-1][0]
    assert est.advantages([1, 1, 2], weights=w, out=out) is out
    assert out.tolist() == exact.tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = polyest.advantages([1, 1, 2], [0, 0, 1], "log", "harmonic", weights=w)
    assert np.isnan(scores[2])
    assert np.isfinite(scores[:2]).all()


def test_weights_are_not_overwritten() -> None:
    weights, est = np.array([1.0, 2, 3]), polyest.load("log", 3, "harmonic")
    for score in (est.rewards, est.advantages):
        with pytest.raises(ArgumentError, match="`out` must not share memory with the weights"):
            score([1, 1, 2], weights=weights, out=weights)
        score([1, 1, 2], weights=weights, usable=[True, True, False])
    assert weights.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1.0, 2.0], r"`weights` must have the answers' shape \(3,\), got \(2,\)"),
        ([[1.0, 2.0, 3.0]], "`weights` must have the answers' shape"),
        (1.0, "`weights` must have the answers' shape"),
        ([1.0, math.nan, 2.0], "`weights` must be finite"),
        ([1.0, math.inf, 2.0], "`weights` must be finite"),
        ([1.0, 1e201, 2.0], "`weights` must be finite and at most 1e200"),
        (["1", "2", "3"], "`weights` must be real numbers"),
        ([1j, 2, 3], "`weights` must be real numbers"),
        ([[1], [1, 2], [3]], "`weights` must be real numbers"),
    ],
)
def test_bad_weights_are_refused_with_the_reason(weights, words: str) -> None:
    est = polyest.load("log", 3, "harmonic")
    for score in (est.rewards, est.advantages, est.value):
        with pytest.raises(ArgumentError, match=words):
            score([1, 1, 2], weights=weights)


@backends
@pytest.mark.parametrize("size", [1, 3, 16, 64, 65, 200])
@pytest.mark.parametrize("bad", [math.nan, -math.inf, -1.001e200])
@pytest.mark.filterwarnings("ignore:1 of 3 groups")
def test_one_bad_weight_anywhere_is_refused_and_leaves_no_number(backend, size: int, bad: float) -> None:
    groups = np.repeat([0, 1, 2], [5, size, 7])
    weights, ids, out = np.full(len(groups), 1e200), np.arange(len(groups)) % 4, np.zeros(len(groups))
    with oracle.using(backend):
        polyest.rewards(ids, groups, "log", "harmonic", weights=weights)
        weights[5 + size - 1] = bad
        for score in (polyest.rewards, polyest.advantages):
            with pytest.raises(ArgumentError, match=r"at most 1e200 in size, got .* \(and 0 more\)"):
                score(ids, groups, "log", "harmonic", weights=weights, out=out)
            assert np.isnan(out).all()
        with pytest.raises(ArgumentError, match="at most 1e200"):
            polyest.value(ids, groups, "log", "harmonic", weights=weights)


@backends
@pytest.mark.parametrize("pay", [None, 0.0])
def test_a_bad_weight_of_a_missing_answer_is_refused(backend, pay: float | None) -> None:
    est = polyest.load("log", 3, "harmonic")
    for score in (est.rewards, est.advantages, est.value):
        with oracle.using(backend), pytest.raises(ArgumentError, match="`weights` must be finite"):
            score(["a", None, "a"], weights=[1.0, math.nan, 2.0], no_answer_reward=pay)
