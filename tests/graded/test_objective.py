"""Graded rewards: the reference values, expected gradients by enumeration, 0/1 rewards, ties, bad input."""

from __future__ import annotations

from fractions import Fraction

import graded_support as by_definition
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polyest import graded, success

F = Fraction
R, T = (1, 4, 2, 8, 5), (3, 1, 3, 0, 1)
HALF = F(1, 2)
MAKERS = {
    "best_of(1)": (lambda K, **kw: graded.best_of(1, K, **kw), [F(1)]),
    "best_of(2)": (lambda K, **kw: graded.best_of(2, K, **kw), [F(0), F(1)]),
    "best_of(3)": (lambda K, **kw: graded.best_of(3, K, **kw), [F(0), F(0), F(1)]),
    "worst_of(2)": (lambda K, **kw: graded.worst_of(2, K, **kw), [F(1), F(0)]),
    "median_of(3)": (lambda K, **kw: graded.median_of(3, K, **kw), [F(0), F(1), F(0)]),
    "spread": (lambda K, **kw: graded.l_statistic([-1, 0.25, 1.5], K, **kw), [F(-1), F(1, 4), F(3, 2)]),
}
rewards_of = st.lists(st.fractions(-4, 4, max_denominator=8), min_size=3, max_size=3)
tied = st.lists(st.sampled_from([F(-1), F(0), F(2)]), min_size=3, max_size=3)
probabilities = st.lists(st.integers(1, 9), min_size=3, max_size=3).map(lambda w: [F(x, sum(w)) for x in w])
directions = st.lists(st.fractions(-2, 2, max_denominator=9), min_size=2, max_size=2).map(lambda d: [*d, -sum(d)])


def exactly(*numbers: str) -> list[float]:
    return [float(F(x)) for x in numbers]


# docs/graded.md §6: fractions from enumeration of subsets
@pytest.mark.parametrize(
    ("objective", "coefficients"),
    [
        (graded.best_of(3, 5), "3 3/2 1/2 0 0"),
        (graded.best_of(5, 5), "5 0 0 0 0"),
        (graded.best_of(2, 5), "2 3/2 1 1/2 0"),
        (graded.worst_of(2, 5), "0 1/2 1 3/2 2"),
        (graded.median_of(3, 5), "0 3/2 2 3/2 0"),
        (graded.l_statistic([0, 0, HALF, HALF], 5), "2 2 1 0 0"),
        (graded.best_of(3, 5, baseline="group_mean"), "15/4 5/4 0 0 0"),
        (graded.best_of(3, 5, baseline="leave_one_out_mean"), "3 1 0 0 0"),
    ],
    ids=str,
)
def test_coefficients_are_the_references(objective, coefficients: str) -> None:
    assert objective.coefficients.tolist() == exactly(*coefficients.split())


# docs/graded.md §6
@pytest.mark.parametrize(
    ("objective", "group", "kind", "expected"),
    [
        (graded.best_of(3, 5), R, "values", "67/10"),
        (graded.best_of(3, 5), R, "rewards", "0 1 0 23/2 5/2"),
        (graded.best_of(3, 5), R, "advantages", "-11/8 -7/8 -11/8 85/8 1/2"),
        (graded.best_of(3, 5), T, "values", "14/5"),
        (graded.best_of(3, 5), T, "rewards", "3 0 3 0 0"),
        (graded.best_of(3, 5), T, "advantages", "9/4 -1/2 9/4 -1/2 -1/2"),
        (graded.best_of(5, 5), R, "values", "8"),
        (graded.best_of(5, 5), R, "rewards", "0 0 0 15 0"),
        (graded.best_of(5, 5), R, "advantages", "0 0 0 15 0"),
        (graded.best_of(5, 5), T, "values", "3"),
        (graded.best_of(5, 5), T, "rewards", "0 0 0 0 0"),
        (graded.best_of(5, 5), T, "advantages", "0 0 0 0 0"),
        (graded.best_of(2, 5), R, "values", "57/10"),
        (graded.best_of(2, 5), R, "rewards", "0 5/2 1/2 10 4"),
        (graded.best_of(2, 5), R, "advantages", "-19/8 -1/2 -9/4 33/4 9/8"),
        (graded.best_of(2, 5), T, "values", "12/5"),
        (graded.best_of(2, 5), T, "advantages", "19/8 -7/8 19/8 -1 -7/8"),
        (graded.worst_of(2, 5), R, "values", "23/10"),
        (graded.worst_of(2, 5), R, "rewards", "2 11/2 7/2 6 6"),
        (graded.worst_of(2, 5), R, "advantages", "-41/8 1/2 -11/4 7/4 11/8"),
        (graded.median_of(3, 5), R, "values", "37/10"),
        (graded.median_of(3, 5), R, "advantages", "-35/8 1/4 -4 7/2 19/8"),
        (graded.median_of(3, 5), T, "values", "8/5"),
        (graded.median_of(3, 5), T, "advantages", "21/8 -13/8 21/8 -2 -13/8"),
        (graded.l_statistic([0, 0, HALF, HALF], 5), R, "values", "6"),
        (graded.l_statistic([0, 0, HALF, HALF], 5), R, "rewards", "0 2 0 10 4"),
        (graded.l_statistic([0, 0, HALF, HALF], 5), R, "advantages", "-2 -1 -2 17/2 1"),
        (graded.l_statistic([0, 0, HALF, HALF], 5), T, "values", "13/5"),
        (graded.l_statistic([0, 0, HALF, HALF], 5), T, "advantages", "3 -1 3 -1 -1"),
        (graded.best_of(1, 5), R, "advantages", "-15/4 0 -5/2 5 5/4"),
        (graded.best_of(3, 5), (1, 0, 0, 1, 0), "rewards", "3/2 0 0 3/2 0"),
        (graded.best_of(3, 5), (1, 0, 0, 1, 0), "advantages", "9/8 -1/4 -1/4 9/8 -1/4"),
        (graded.best_of(3, 5, baseline="group_mean"), R, "rewards", "0 0 0 25/2 5/4"),
    ],
    ids=str,
)
def test_scores_are_the_references(objective, group, kind: str, expected: str) -> None:
    scores = getattr(objective, kind)(group)
    wanted = exactly(*expected.split())
    assert np.ravel(scores) == pytest.approx(wanted, rel=2.3e-16, abs=0)


# docs/graded.md §6: the leave-one-out advantages are the proof table's, less the mean
@pytest.mark.parametrize(
    ("maker", "n", "group", "expected"),
    [
        (graded.best_of, 3, R, "-11/4 -11/4 -11/4 39/4 -3/2"),
        (graded.best_of, 3, T, "3/2 -1 3/2 -1 -1"),
        (graded.worst_of, 2, R, "-13/3 3/2 -11/6 7/3 7/3"),
        (graded.median_of, 3, T, "3 -2 3 -2 -2"),
    ],
)
@pytest.mark.parametrize("baseline", ["group_mean", "leave_one_out_mean"])
def test_centred_rewards_of_a_proof_table_are_the_leave_one_out_advantages(maker, n, group, expected, baseline) -> None:
    rewards = maker(n, 5, baseline=baseline).rewards(group)
    mean = rewards.mean() if baseline == "group_mean" else (rewards.sum() - rewards) / 4
    assert rewards - mean == pytest.approx(exactly(*expected.split()), abs=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=15)
@given(st.one_of(rewards_of, tied), probabilities, directions, st.integers(3, 5))
def test_expected_updates_are_the_gradient(name: str, values, weights, direction, K: int) -> None:
    make, w = MAKERS[name]
    law = list(zip(values, weights, strict=True))
    truth, c = by_definition.gradient(law, direction, w), by_definition.coefficients(w, K)
    for definition in (by_definition.paid, by_definition.advantages):
        score = by_definition.whatever_the_order(lambda g, of=definition: of(g, c))
        assert by_definition.expected_update(law, direction, K, score) == truth
    objective = make(K)
    for kind in ("rewards", "advantages"):
        update = by_definition.update_of_all(law, direction, K, lambda g, kind=kind: _floats(objective, kind, g))
        assert float(update) == pytest.approx(float(truth), abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("baseline", ["group_mean", "leave_one_out_mean"])
@settings(max_examples=15)
@given(st.one_of(rewards_of, tied), probabilities, directions, st.integers(3, 5))
def test_proof_tables_survive_the_trainers_mean(name: str, baseline: str, values, weights, direction, K: int) -> None:
    make, w = MAKERS[name]
    K = max(K, len(w) + 1)
    law, objective = list(zip(values, weights, strict=True)), make(K, baseline=baseline)

    def centred(groups) -> list[list[float]]:
        rewards = np.array(_floats(objective, "rewards", groups))
        total = rewards.sum(axis=1, keepdims=True)
        return (rewards - (total / K if baseline == "group_mean" else (total - rewards) / (K - 1))).tolist()

    truth = by_definition.gradient(law, direction, w)
    assert float(by_definition.update_of_all(law, direction, K, centred)) == pytest.approx(float(truth), abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=15)
@given(st.one_of(rewards_of, tied), probabilities, st.integers(3, 5))
def test_values_are_unbiased(name: str, values, weights, K: int) -> None:
    make, w = MAKERS[name]
    law, K = list(zip(values, weights, strict=True)), max(K, len(w))
    ones = [p for _, p in law]  # with the score 1 of every completion
    mean = by_definition.update_of_all(law, ones, K, lambda g: [[x] * K for x in _floats(make(K), "values", g)])
    assert float(mean) == pytest.approx(float(by_definition.objective(law, w)), abs=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@given(st.lists(st.fractions(-9, 9, max_denominator=6), min_size=3, max_size=7))
@example([F(0)] * 4)
def test_scores_are_the_integrals_over_thresholds(name: str, group) -> None:
    make, w = MAKERS[name]
    K = len(group)
    c, objective = by_definition.coefficients(w, K), make(K)
    assert objective.coefficients.tolist() == [float(x) for x in c]
    expected = {"rewards": by_definition.paid(group, c), "advantages": by_definition.advantages(group, c)}
    for kind, numbers in expected.items():
        assert _floats(objective, kind, group) == pytest.approx([float(x) for x in numbers], abs=1e-13)
    value = by_definition.value(group, w)
    assert float(objective.values([float(r) for r in group])) == pytest.approx(float(value), abs=1e-14)
    if len(w) < K:
        proof = make(K, baseline="leave_one_out_mean")
        marginal = by_definition.marginal(group, [*by_definition.coefficients(w, K - 1), F(0)])
        assert _floats(proof, "rewards", group) == pytest.approx([float(x) for x in marginal], abs=1e-13)


def _floats(objective, kind: str, groups) -> list:
    return getattr(objective, kind)(np.array(groups, dtype=np.float64)).tolist()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        *(
            (graded.best_of(n, K), success.pass_at(n, K))
            for n, K in [(1, 2), (2, 5), (3, 7), (8, 8), (5, 16), (16, 64)]
        ),
        *((graded.median_of(n, K), success.majority_at(n, K)) for n, K in [(3, 3), (3, 5), (7, 11), (9, 16)]),
        *((graded.worst_of(n, K), success.polynomial([0] * n + [1], K)) for n, K in [(1, 2), (3, 7), (5, 16)]),
        (graded.l_statistic([-HALF, HALF], 7), success.variance(7)),
    ],
    ids=lambda x: f"{x.name}-{x.group_size}",
)
@pytest.mark.parametrize("kind", ["values", "rewards", "advantages"])
def test_rewards_of_0_and_1_give_the_success_rates_to_the_bit(ours, theirs, kind: str) -> None:
    K = ours.group_size
    groups = np.array([np.random.default_rng(h).permutation([1] * h + [0] * (K - h)) for h in range(K + 1)])
    for dtype in (bool, np.int8, np.float16, np.float64):
        assert getattr(ours, kind)(groups.astype(dtype)).tobytes() == getattr(theirs, kind)(groups).tobytes()


def test_advantages_of_success_rates_are_rounded_once() -> None:
    for objective in (success.pass_at(3, 7), success.majority_at(5, 11)):
        K = objective.group_size
        exact = [F(K - 1 - h, K - 1) * c for h, c in enumerate(objective._rationals)]
        groups = [[True] * (h + 1) + [False] * (K - 1 - h) for h in range(K)]
        assert objective.advantages(groups)[:, 0].tolist() == [float(x) for x in exact]
