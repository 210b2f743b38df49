"""docs/convergence.md, sections 2 and 3, over random games."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
from games_support import METHODS, coefficients, random_game, worst_case_bias
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import ArgumentError
from polyest.games import alignment_game, ascend, gap, gap_bound, kl_divergence
from polyest.games.bounds import excess, log_excess, pointwise_excess
from polyest.games.penalties import TablePenalty, TargetPenalty
from polyest.storage import store

SEEDS = st.integers(0, 2**32 - 1)
ROUNDING = 1e-11


def _tables() -> st.SearchStrategy[tuple[str, int]]:
    return st.sampled_from([(method, K) for method in METHODS for K in (4, 16)] + [("plug_in", 32), ("harmonic", 32)])


@pytest.mark.slow
def test_theorem_1_holds_in_a_thousand_games_and_is_tight() -> None:
    ratios = []

    @settings(max_examples=1000)
    @given(
        _tables(), SEEDS, st.integers(1, 60), st.floats(0.05, 5), st.floats(0.1, 3), st.sampled_from([0.0, 0.0, 0.3])
    )
    def check(table: tuple[str, int], seed: int, n: int, tau: float, spread: float, lam: float) -> None:
        c, budget = coefficients(*table), (tau + lam) * worst_case_bias(*table)
        reference = np.random.default_rng(seed + 1).dirichlet(np.ones(n)) + 1e-12
        game = random_game(seed, n, tau, spread, reference=reference / reference.sum(), reference_weight=lam)
        played = game.played_with(c)
        nu = played.equilibrium()
        true, bound, sharp = gap(game, nu), gap_bound(game, played, nu, budget), gap_bound(game, played, nu)
        assert bound.slack <= 1e-8 * (1 + np.abs(c).max())
        assert true <= sharp.value + ROUNDING
        assert (sharp.excess <= bound.excess + ROUNDING).all()
        assert true <= bound.value + ROUNDING
        assert bound.excess.max() <= math.e * budget + ROUNDING  # the corollary
        if true > 1e-10:
            ratios.append(bound.value / true)

    check()
    quartiles = np.quantile(ratios, [0.25, 0.5, 0.75]).round(1).tolist()
    logging.getLogger(__name__).info("bound/gap in %d games, quartiles: %s", len(ratios), quartiles)
    assert len(ratios) > 300
    assert np.median(ratios) < 100


@pytest.mark.slow
@settings(max_examples=40)
@given(
    st.sampled_from([("power(0.5)", "aqp4"), ("power(-0.5)", "aqp2"), ("js(0.1)", "aqp4"), ("power(0.5)", "plug_in")]),
    SEEDS,
    st.integers(1, 20),
    st.floats(0.1, 3),
    st.sampled_from([0.0, 0.5]),
)
def test_theorem_1_holds_for_other_targets(kind: tuple[str, str], seed: int, n: int, tau: float, lam: float) -> None:
    target, method = kind
    reference = np.full(n, 1 / n)
    game = random_game(seed, n, tau, target=target, reference=reference, reference_weight=lam)
    played = game.played_with(coefficients(method, 8, target), coefficients("aqp4", 8))
    budget = tau * worst_case_bias(method, 8, target) + lam * worst_case_bias("aqp4", 8)
    nu = played.equilibrium()
    bound, sharp = gap_bound(game, played, nu, budget), gap_bound(game, played, nu)
    assert gap(game, nu) <= sharp.value + 1e-9
    assert (sharp.excess <= bound.excess + 1e-9).all()


@pytest.mark.slow
@given(_tables(), SEEDS, st.integers(1, 30), st.floats(0.05, 5), st.sampled_from([0.0, 1e-3, 1.0]))
def test_theorem_1_holds_at_any_policy(table: tuple[str, int], seed: int, n: int, tau: float, evenness: float) -> None:
    rng = np.random.default_rng(seed)
    nu = rng.dirichlet(np.full(n, evenness)) if evenness else np.eye(n)[0]
    game = random_game(seed, n, tau)
    played = game.played_with(coefficients(*table))
    bound = gap_bound(game, played, nu, tau * worst_case_bias(*table))
    inner = float(played.gradient(nu) @ (game.equilibrium() - nu))
    scale = 1 + np.abs(coefficients(*table)).max()
    assert gap(game, nu) <= inner + bound.excess.sum() + ROUNDING * scale
    assert inner <= bound.slack + ROUNDING * scale


@given(st.floats(0, 1), st.floats(1e-6, 0.5))
def test_log_excess_is_the_largest_integral_over_the_allowed_slopes(p: float, budget: float) -> None:
    s = np.geomspace(max(p, 1e-9), 1, 2000)
    highest = (np.log(s) + budget / s).min() if p < budget else math.log(p) + budget / p
    lowest = math.log(p) - budget / p if p > 0 else -700.0
    y = np.linspace(max(lowest, -700.0), highest, 400)
    x = np.exp(y)
    log_p = math.log(p) if p > 0 else 0.0
    areas = x - p + p * (log_p - y)  # ∫_p^x (y − log t) dt at log x = y
    assert areas.max() <= float(log_excess(p, budget)) * (1 + 1e-4) + 1e-12
    assert areas.max() >= 0.9 * float(log_excess(p, budget)) - 1e-4 * budget


@pytest.mark.slow
@given(st.integers(1, 12), st.floats(1e-5, 0.3))
def test_the_general_excess_agrees_with_that_of_log(n: int, budget: float) -> None:
    p = np.random.default_rng(n).dirichlet(np.ones(n))
    general = _General("log", 0.5, 1e-300)
    unclipped = excess(TargetPenalty("log", 0.5), p, budget)
    assert (excess(general, p, budget) <= unclipped * (1 + 1e-2) + 1e-9).all()
    inner = (p > 10 * budget) & (p < 0.5)  # well away from x = 1, where the general form is the sharper one
    assert excess(general, p[inner], budget) == pytest.approx(unclipped[inner], rel=0.02, abs=1e-9)


class _General(TargetPenalty):
    """The same slope, without the closed forms of log."""

    @property
    def is_logarithmic(self) -> bool:
        return False


def test_a_table_without_bias_leaves_no_excess_and_plays_the_true_game() -> None:
    game = alignment_game(np.random.default_rng(5).normal(size=9), 0.7, "power(1)")
    played = game.played_with([0.0, 0.25, 0.5, 0.75, 1.0])  # exact at K = 5: m/(K−1) has mean p
    nu = played.equilibrium()
    assert nu == pytest.approx(game.equilibrium(), abs=1e-9)
    assert gap_bound(game, played, nu, 0.0).value == pytest.approx(0, abs=1e-9)
    assert pointwise_excess(game.penalty, played.penalty, nu).max() < 1e-12  # type: ignore[arg-type]


@pytest.mark.slow
@given(_tables(), SEEDS, st.integers(1, 30), st.integers(1, 60))
def test_proposition_2_bounds_the_speed(table: tuple[str, int], seed: int, n: int, steps: int) -> None:
    played = random_game(seed, n, 1.0).played_with(coefficients(*table))
    best = played.equilibrium()
    run = ascend(played, steps=steps, slack=0.0)
    before = ascend(played, steps=steps - 1, slack=0.0)
    bound = played.penalty.steepness * kl_divergence(best, np.full(n, 1 / n)) / max(run.steps, 1)
    scale = 1 + np.abs(coefficients(*table)).max()
    assert run.steps == 0 or played.objective(best) - played.objective(run.nu) <= bound + ROUNDING * scale
    assert played.objective(run.nu) >= played.objective(before.nu) - ROUNDING * scale


@pytest.mark.slow
def test_every_shipped_table_but_few_has_an_increasing_mean() -> None:
    """docs/convergence.md names them: power(-0.5) at K = 3, power(-0.75) at bias_budget 1.5; best_of(n) has to fall.

    Leave-one-out tables of one completion more count as well: power(-0.75) at K = 3 belongs to K = 4.
    """
    falling = set()
    for path in store.paths(store.shipped_folder()):
        table = store.read(path)
        for part in (table, table.leave_one_out):
            is_rising = part is not None and part.group_size > 1 and not part.problem.target.startswith("best_of")
            if is_rising and not TablePenalty(part.coefficients).is_increasing:
                falling.add((part.problem.target, str(part.problem.budget), part.group_size))
    steep = {("power(-0.75)", "bias_budget=1.5", K) for K in (3, *range(23, 33))}
    assert falling == steep | {("power(-0.5)", "noise_budget=1.5", 3)}


def test_bad_arguments_are_refused() -> None:
    game = alignment_game([1.0, 0.0], 1.0)
    played = game.played_with([-1.0, 0.0])
    with pytest.raises(ArgumentError, match="`worst_case_bias`"):
        gap_bound(game, played, [0.5, 0.5], -1.0)
    with pytest.raises(ArgumentError, match="the true one"):
        gap_bound(played, played, [0.5, 0.5], 0.1)
    with pytest.raises(ArgumentError, match="increasing Q"):
        gap_bound(game, game.played_with([0.0, 5.0, -5.0]), [0.5, 0.5], 0.1)
