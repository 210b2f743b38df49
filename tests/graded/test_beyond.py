"""Best of n from K < n completions: the objective that is estimated, how far off it is, and where it is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, product
from math import comb, prod
from pathlib import Path

import graded_support as by_definition
import numpy as np
import pytest

from polyest import graded, success
from polyest.errors import ArgumentError, TableNotFoundError
from polyest.graded.beyond import BeyondObjective
from polyest.offline.build import solve
from polyest.problems.problem import make_problem
from polyest.storage import store
from polyest.storage.table import Table

F = Fraction
KINDS = ("values", "rewards", "advantages")
BIAS = "0.1"
SMALL = [(4, 3), (5, 3), (5, 4), (6, 4), (6, 5), (8, 5)]  # (n, K) whose groups are enumerated
UNTIED = [(F(-1), F(1, 2)), (F(0), F(1, 3)), (F(2), F(1, 6))]
TIED = [(F(1), F(1, 4)), (F(3), F(3, 4))]
VERDICTS = [(F(0), F(9, 10)), (F(1), F(1, 10))]
LAWS = [UNTIED, TIED, VERDICTS]
each_pair = pytest.mark.parametrize(("n", "K"), SMALL)
each_law = pytest.mark.parametrize("law", LAWS, ids=["untied", "tied", "verdicts"])
SHIPPED = sorted(p for p in store.paths(store.shipped_folder()) if p.parts[-3] == "graded")


@lru_cache(maxsize=1)
def solved() -> list[Table]:
    return [solve(make_problem(f"best_of({n})", K, worst_case_bias=BIAS)) for n, K in SMALL]


@pytest.fixture
def small(user_folder: Path) -> Callable[..., BeyondObjective]:
    """The objectives of the small (n, K), whose tables are not shipped."""
    for table in solved():
        store.write(table, user_folder)
    return lambda n, K, baseline=None: graded.best_of(n, K, baseline, worst_case_bias=BIAS)


def bernstein(K: int, m: int, s: Fraction) -> Fraction:
    return comb(K, m) * s**m * (1 - s) ** (K - m)


def paid_objective(law, c) -> Fraction:
    """J_Q = x_1·g_Q(1) + Σ_k (x_{k+1} − x_k) g_Q(S_k), g_Q(s) = (1/K) Σ_m c_m P(Bin(K, s) > m)."""
    K = len(c)

    def g(s: Fraction) -> Fraction:
        return sum((F(x) * sum(bernstein(K, j, s) for j in range(m + 1, K + 1)) for m, x in enumerate(c)), F(0)) / K

    levels = sorted({x for x, _ in law})
    gaps = sum(((b - a) * g(sum(p for x, p in law if x > a)) for a, b in pairwise(levels)), F(0))
    return levels[0] * g(F(1)) + gaps


def paid_gradient(law, direction, c) -> Fraction:
    """Σ_k (x_{k+1} − x_k) Q_c(S_k) dS_k."""
    K, levels, total = len(c), sorted({x for x, _ in law}), F(0)
    for a, b in pairwise(levels):
        s = sum(p for x, p in law if x > a)
        slope = sum(d for (x, _), d in zip(law, direction, strict=True) if x > a)
        total += (b - a) * slope * sum((F(x) * bernstein(K - 1, m, s) for m, x in enumerate(c)), F(0))
    return total


def mean_value(law, K: int, values) -> Fraction:
    """E[value] over all groups of K."""
    groups = list(product(law, repeat=K))
    found = values([[float(x) for x, _ in group] for group in groups])
    return sum((F(v) * prod(p for _, p in group) for v, group in zip(found.tolist(), groups, strict=True)), F(0))


@pytest.mark.slow
@each_law
@each_pair
def test_the_mean_of_the_value_is_the_tables_objective_and_within_the_certificate(small, law, n: int, K: int) -> None:
    objective = small(n, K)
    mean = mean_value(law, K, objective.values)
    assert float(mean) == pytest.approx(float(paid_objective(law, objective.coefficients.tolist())), abs=1e-13)
    truth = by_definition.objective(law, [F(j == n) for j in range(1, n + 1)])
    spread = max(x for x, _ in law) - min(x for x, _ in law)
    assert abs(mean - truth) <= F(objective.worst_case_bias) * spread * (1 + F(1, 10**12))


@pytest.mark.slow
@each_pair
def test_the_worst_case_bias_is_reached_by_verdicts(small, n: int, K: int) -> None:
    objective = small(n, K)
    (worst, *_) = objective._table(None).proof["points"]
    law = [(F(0), 1 - F(worst)), (F(1), F(worst))]
    off = mean_value(law, K, objective.values) - (1 - (1 - F(worst)) ** n)
    assert float(abs(off)) == pytest.approx(float(BIAS), rel=1e-9)


@pytest.mark.slow
@each_law
@each_pair
def test_expected_updates_are_the_gradient_of_that_objective(small, law, n: int, K: int) -> None:
    direction = [F(1, 2), F(1, 3), F(-5, 6)] if len(law) == 3 else [F(1), F(-1)]
    objective = small(n, K)
    truth = paid_gradient(law, direction, objective.coefficients.tolist())
    for kind in ("rewards", "advantages"):
        update = by_definition.update_of_all(law, direction, K, lambda g, kind=kind: scores(objective, kind, g))
        assert float(update) == pytest.approx(float(truth), abs=1e-12)


@pytest.mark.slow
@each_law
@pytest.mark.parametrize("baseline", ["group_mean", "leave_one_out_mean"])
@pytest.mark.parametrize(("n", "K"), [(5, 4), (6, 5), (5, 5)])
def test_proof_tables_survive_the_trainers_mean(small, law, baseline: str, n: int, K: int) -> None:
    direction = [F(1, 2), F(1, 3), F(-5, 6)] if len(law) == 3 else [F(1), F(-1)]
    objective = small(n, K, baseline)

    def centred(groups) -> list[list[float]]:
        rewards = np.array(scores(objective, "rewards", groups))
        total = rewards.sum(axis=1, keepdims=True)
        return (rewards - (total / K if baseline == "group_mean" else (total - rewards) / (K - 1))).tolist()

    truth = paid_gradient(law, direction, objective._table(baseline).coefficients)
    assert len(objective._table(baseline).coefficients) == K - 1
    assert float(by_definition.update_of_all(law, direction, K, centred)) == pytest.approx(float(truth), abs=1e-12)
    assert objective.worst_case_bias == pytest.approx(float(BIAS), rel=1e-9)


def scores(objective, kind: str, groups) -> list[list[float]]:
    return getattr(objective, kind)(np.array(groups, dtype=np.float64)).tolist()


@pytest.mark.slow
def test_what_is_shipped() -> None:
    for n in (12, 16, 24, 32):
        for K in range(n // 2, n):  # ragged groups have any size
            for bias in (0.05, 0.02):
                assert graded.best_of(n, K, None, bias).worst_case_bias == pytest.approx(bias, rel=1e-9)
        assert graded.best_of(n, worst_case_bias=0.02).least_group_size == n // 2


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: f"{p.parts[-4]}-{p.stem}-{p.parent.name}")
def test_coefficients_add_up_to_the_group_size_exactly(path) -> None:
    table = store.read(path)
    for part in filter(None, (table, table.leave_one_out)):
        assert sum(map(F, part.coefficients)) == part.group_size
    assert table.leave_one_out or table.group_size == 6  # of 5, none errs by so little


@pytest.mark.slow
@pytest.mark.parametrize(("n", "K"), [(12, 8), (16, 8), (24, 16), (32, 16)])
def test_a_constant_added_to_all_rewards_counts_once_and_a_factor_scales(n: int, K: int) -> None:
    objective, rewards = graded.best_of(n, K), np.random.default_rng(n).normal(size=(50, K)).round(1)
    shifted, scaled = rewards + 7.0, 2 * rewards
    assert objective.values(shifted) == pytest.approx(objective.values(rewards) + 7, abs=1e-12)
    assert objective.advantages(shifted) == pytest.approx(objective.advantages(rewards), abs=1e-11)
    for kind in KINDS:
        assert (getattr(objective, kind)(scaled) == 2 * getattr(objective, kind)(rewards)).all()
    order = np.random.default_rng(0).permutation(K)
    assert (objective.advantages(rewards[:, order]) == objective.advantages(rewards)[:, order]).all()
    assert (objective.values(rewards[:, order]) == objective.values(rewards)).all()


@pytest.mark.parametrize("n", [12, 16])
def test_worst_of_n_is_minus_the_best_of_n_of_negated_rewards(n: int) -> None:
    rewards = np.random.default_rng(n).normal(size=(50, 8)).round(1)
    for objective, mirrored in (
        (graded.worst_of(n, 8), graded.best_of(n, 8)),
        (graded.worst_of(8, 8), graded.best_of(8, 8)),
    ):
        assert objective.worst_case_bias == mirrored.worst_case_bias
        assert objective.coefficients.tolist() == mirrored.coefficients[::-1].tolist()
        for kind in ("values", "advantages"):
            assert (getattr(objective, kind)(rewards) == -getattr(mirrored, kind)(-rewards)).all()
    for baseline in ("group_mean", "leave_one_out_mean"):
        pay, negated = (
            f(n, 8, baseline).rewards(x) for f, x in ((graded.worst_of, rewards), (graded.best_of, -rewards))
        )
        means = pay.mean(axis=1, keepdims=True), negated.mean(axis=1, keepdims=True)
        assert pay - means[0] == pytest.approx(-(negated - means[1]), abs=1e-12)


@pytest.mark.slow
@each_law
@each_pair
def test_the_worst_of_n_is_within_the_certificate_and_has_the_gradient_of_what_it_estimates(
    small, law, n: int, K: int
) -> None:
    """By enumeration, as the best of n: E[value] of the mirrored table, and the update that it trains."""
    small(n, K)
    direction = [F(1, 2), F(1, 3), F(-5, 6)] if len(law) == 3 else [F(1), F(-1)]
    objective = graded.worst_of(n, K, worst_case_bias=BIAS)
    mean = mean_value(law, K, objective.values)
    assert float(mean) == pytest.approx(float(paid_objective(law, objective.coefficients.tolist())), abs=1e-13)
    truth, spread = by_definition.objective(law, [F(j == 1) for j in range(1, n + 1)]), law[-1][0] - law[0][0]
    assert abs(mean - truth) <= F(objective.worst_case_bias) * spread * (1 + F(1, 10**12))
    gradient = float(paid_gradient(law, direction, objective.coefficients.tolist()))
    for kind in ("rewards", "advantages"):
        update = by_definition.update_of_all(law, direction, K, lambda g, kind=kind: scores(objective, kind, g))
        assert float(update) == pytest.approx(gradient, abs=1e-12)


@pytest.mark.parametrize("n", [12, 16])
def test_rewards_of_0_and_1_are_the_success_rates(n: int) -> None:
    correct = np.array([[j < h for j in range(8)] for h in range(9)])
    rate = success.integral(f"best_of({n})", 8, "graded", worst_case_bias=0.05)
    assert graded.best_of(n, 8).coefficients.tolist() == rate.coefficients.tolist()
    assert (graded.best_of(n, 8).rewards(correct) == rate.rewards(correct)).all()
    assert graded.best_of(n, 8).values(correct) == pytest.approx(rate.values(correct), abs=1e-14)


@pytest.mark.slow
def test_the_noise_beside_best_of_k_is_as_documented() -> None:
    # docs/graded.md §7: sd of ∂J/∂log σ on N(0,1) rewards, relative to best of K: 1.20 and 1.30 for n = 1.5K at a bias
    # of 0.05 and 0.02, 1.5 for 2K at 0.05; 10^5 groups: three standard errors of the ratio are below 0.02
    x = np.random.default_rng(1).normal(size=(100_000, 8))
    best_of_8 = (graded.best_of(8, 8).advantages(x) * (x**2 - 1)).mean(axis=1).std()
    for n, bias, ratio in [(12, 0.05, 1.2), (12, 0.02, 1.3), (16, 0.05, 1.5)]:
        update = (graded.best_of(n, 8, worst_case_bias=bias).advantages(x) * (x**2 - 1)).mean(axis=1)
        assert update.std() / best_of_8 == pytest.approx(ratio, abs=0.04)


# --- ragged groups and missing rewards ------------------------------------------------------------------------------


def ragged(sizes: list[int]) -> tuple[np.ndarray, np.ndarray, list[slice]]:
    rewards = np.random.default_rng(3).normal(size=sum(sizes))
    ends = np.cumsum([0, *sizes])
    return rewards, np.repeat(np.arange(len(sizes)), sizes), [slice(a, b) for a, b in pairwise(ends)]


@pytest.mark.parametrize("objective", [graded.best_of(12, 8), graded.best_of(12, worst_case_bias=0.05)], ids=repr)
@pytest.mark.parametrize("kind", KINDS)
def test_ragged_groups_of_n_are_exact_and_smaller_ones_are_scored_by_their_tables(objective, kind: str) -> None:
    rewards, groups, parts = ragged([8, 12, 6, 20, 11, 8])
    found = getattr(graded, kind)(rewards, groups, objective)
    for i, part in enumerate(parts):
        size = part.stop - part.start
        alone = graded.best_of(12, size)
        assert isinstance(alone, BeyondObjective) == (size < 12)
        expected = getattr(alone, kind)(rewards[part])
        assert (found[1][i] == expected if kind == "values" else found[part] == expected).all()


def test_ragged_groups_below_half_of_n_score_nan() -> None:
    rewards, groups, parts = ragged([5, 8])
    with pytest.warns(UserWarning, match=r"1 of 2 groups have fewer than the 6 completions that best_of\(12\) needs"):
        found = graded.advantages(rewards, groups, graded.best_of(12, 8))
    assert np.isnan(found[parts[0]]).all()
    assert np.isfinite(found[parts[1]]).all()


def test_without_being_asked_for_ragged_groups_are_scored_exactly_or_not_at_all() -> None:
    rewards, groups, parts = ragged([8, 12])
    with pytest.warns(UserWarning, match="1 of 2 groups have fewer than the 12"):
        found = graded.rewards(rewards, groups, graded.best_of(12))
    assert np.isnan(found[parts[0]]).all()
    assert (found[parts[1]] == graded.best_of(12, 12).rewards(rewards[parts[1]])).all()


def test_a_missing_reward_leaves_a_smaller_group() -> None:
    rewards = np.random.default_rng(5).normal(size=8)
    rewards[2] = np.nan
    for bias in (0.05, 0.02):
        found = graded.best_of(12, 8, None, bias).advantages(rewards, missing="drop")
        assert np.isnan(found[2])
        assert (np.delete(found, 2) == graded.best_of(12, 7, None, bias).advantages(np.delete(rewards, 2))).all()


# --- what is said, and refused --------------------------------------------------------------------------------------


def test_it_says_that_it_is_not_exact() -> None:
    objective = graded.best_of(12, 8)
    assert repr(objective) == (
        "BeyondObjective(best_of(12), group_size=8, not exact: worst_case_bias=0.05 of the rewards' range)"
    )
    assert repr(objective.at(12)) == "BeyondObjective(best_of(12), group_size=12, exact)"
    assert "not exact" in repr(graded.best_of(12, 12, "group_mean", worst_case_bias=0.05))
    assert objective.worst_case_bias == objective.certificate.worst_case_bias.upper > 0.05
    assert graded.best_of(8, 8).worst_case_bias == graded.best_of(8, 8, worst_case_bias=0.05).worst_case_bias == 0
    assert pickle.loads(pickle.dumps(objective)) == objective
    assert objective != graded.best_of(12, 8, worst_case_bias=0.02)
    assert graded.best_of(12, 12).coefficients.tolist() == objective.at(12).coefficients.tolist()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: graded.best_of(17, 8),
            ArgumentError,
            r"at least 17 for best_of\(17\); got 8: no estimator .* unbiased",
        ),
        (lambda: graded.best_of(17, 8, worst_case_bias=0.1), ArgumentError, "at least 9 .* the noise is hopeless"),
        (lambda: graded.best_of(9, 8), ArgumentError, r"polyest solve --target 'best_of\(9\)' --method graded -k 8"),
        (lambda: graded.best_of(9, 8, worst_case_bias=0.1), TableNotFoundError, "-k 8 --worst-case-bias 0.1"),
        (
            lambda: graded.best_of(12, 8, worst_case_bias=0),
            ArgumentError,
            "`worst_case_bias` must be a positive decimal",
        ),
        (
            lambda: graded.best_of(12, 8, worst_case_bias="x"),
            ArgumentError,
            "`worst_case_bias` must be a finite number",
        ),
        (lambda: graded.best_of(12, 8, "mean"), ArgumentError, "`baseline` must be None or one of"),
        (lambda: graded.best_of(12, 8, "group_mean").advantages([0.0] * 8), ArgumentError, "without baseline"),
        (lambda: graded.best_of(12, 8).advantages([0.0] * 9), ArgumentError, r"must have shape \(\.\.\., 8\)"),
        (
            lambda: graded.best_of(12, worst_case_bias=0.05).rewards([0.0] * 8),
            ArgumentError,
            "`group_size` must be given",
        ),
        (lambda: graded.best_of(12, 8.0), ArgumentError, "`group_size` must be a whole number"),
        (lambda: graded.worst_of(20, 8), ArgumentError, "`group_size` must be at least 20"),
        (lambda: graded.worst_of(9, 8), ArgumentError, r"polyest solve --target 'best_of\(9\)' --method graded -k 8"),
        (lambda: graded.median_of(9, 8), ArgumentError, "for n > K there are tables of best_of and worst_of only"),
        (lambda: graded.l_statistic([1] * 9, 8), ArgumentError, "for n > K there are tables of best_of and worst_of"),
    ],
)
def test_what_is_refused(make, error, words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_baseline_without_a_table_of_k_minus_one_is_refused(user_folder: Path) -> None:
    store.write(solve(make_problem("best_of(6)", 4, worst_case_bias="0.02")), user_folder)
    assert graded.best_of(6, 4, worst_case_bias=0.02).advantages([0.0, 0, 1, 0])[2] > 0
    with pytest.raises(TableNotFoundError, match=r"`baseline` needs the table of K−1 = 3, and none keeps"):
        graded.best_of(6, 4, "group_mean", worst_case_bias=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("baseline", [None, "group_mean"])
def test_torch_and_jax_score_the_same(baseline) -> None:
    objective, rewards = graded.best_of(12, 8, baseline), np.random.default_rng(2).normal(size=(9, 8)).round(1)
    kind = "rewards" if baseline else "advantages"
    expected = getattr(objective, kind)(rewards)
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("polyest.adapters.torch").GradedObjective(objective, torch.float64)
    assert (getattr(module, kind)(torch.tensor(rewards)).numpy() == expected).all()
    jax = pytest.importorskip("polyest.adapters.jax.graded").GradedObjective(objective)
    assert np.asarray(getattr(jax, kind)(rewards)) == pytest.approx(expected, abs=2e-5)
