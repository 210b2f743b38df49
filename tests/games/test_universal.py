"""The (k+1)-player game against enumeration, a convex solver and an independent best-response search."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.errors import ArgumentError
from polyest.games import UniversalGame, estimate_win_probabilities, self_play, universal_game, win_table
from polyest.games.universal import _matching

if TYPE_CHECKING:
    import cvxpy as cp


def _random(seed: int, users: int, outputs: int, k: int) -> UniversalGame:
    rng = np.random.default_rng(seed)
    return universal_game(np.argsort(rng.random((users, outputs)), axis=1), k, rng.dirichlet(np.ones(users)))


def _best_response(game: UniversalGame, policy: np.ndarray) -> float:
    """max_y f(y, π), by counting how many of the k opponents submit y itself: Σ_j C(k,j) b^j (1−a−b)^{k−j}/(j+1)."""
    best, k = 0.0, game.opponents
    for y in range(game.outputs):
        wins = 0.0
        for order, weight in zip(game.orders.tolist(), game.weights.tolist(), strict=True):
            below, same = float(policy[order[order.index(y) + 1 :]].sum()), float(policy[y])
            wins += weight * sum(comb(k, j) * same**j * below ** (k - j) / (j + 1) for j in range(k + 1))
        best = max(best, wins)
    return best


def _enumerated(game: UniversalGame, policy: list[Fraction], y: int) -> Fraction:
    total = Fraction(0)
    for drawn in product(range(game.outputs), repeat=game.opponents):
        chance = Fraction(1)
        for output in drawn:
            chance *= policy[output]
        for order, weight in zip(game.orders.tolist(), game.weights.tolist(), strict=True):
            best = min([y, *drawn], key=order.index)
            share = Fraction(1, 1 + drawn.count(y)) if best == y else Fraction(0)
            total += chance * Fraction(weight) * share
    return total


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_win_probabilities_by_enumeration_of_the_draws(k: int) -> None:
    game = universal_game([[0, 1, 2], [2, 0, 1], [1, 2, 0]], k, weights=[0.5, 0.25, 0.25])
    policy = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
    expected = [float(_enumerated(game, policy, y)) for y in range(3)]
    assert game.win_probabilities([float(p) for p in policy]) == pytest.approx(expected, abs=1e-15)
    assert max(expected) == pytest.approx(_best_response(game, np.array(policy, dtype=float)))


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.integers(1, 8))
def test_the_average_win_probability_is_one_share(seed: int, users: int, outputs: int, k: int) -> None:
    game = _random(seed, users, outputs, k)
    policy = np.random.default_rng(seed).dirichlet(np.full(outputs, 0.3))
    assert policy @ game.win_probabilities(policy) == pytest.approx(1 / (k + 1))  # theory.md §8
    assert game.gap(policy) >= -1e-12


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), st.floats(0, 1))
def test_proposition_5_win_probabilities_are_convex_in_the_policy(
    seed: int, users: int, n: int, k: int, t: float
) -> None:
    game, rng = _random(seed, users, n, k), np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
    chord = t * game.win_probabilities(p) + (1 - t) * game.win_probabilities(q)
    assert (game.win_probabilities(t * p + (1 - t) * q) <= chord + 1e-12).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))
def test_proposition_5_the_average_policy_has_at_most_the_average_regret(seed: int, users: int, n: int, k: int) -> None:
    game, regrets, policies = _random(seed, users, n, k), np.zeros(n), []
    for _ in range(40):
        policies.append(_matching(regrets))
        wins = game.win_probabilities(policies[-1])
        regrets = regrets + wins - policies[-1] @ wins
    assert game.gap(np.mean(policies, axis=0)) <= regrets.max() / 40 + 1e-12


@pytest.mark.slow
def test_self_play_closes_the_gap_in_two_hundred_games() -> None:
    rates = []
    for seed in range(200):
        users, outputs = np.random.default_rng(10_000 + seed).integers(5, 31, size=2)
        k = 1 + seed % 8
        game = _random(seed, int(users), int(outputs), k)
        found = self_play(game)
        assert found.gap <= 1e-3
        assert _best_response(game, found.policy) - 1 / (k + 1) == pytest.approx(found.gap, abs=1e-12)
        rates.append((game.worst_win_rate(found.policy) - k / (k + 1), game.best_repeated_output()[1] - k / (k + 1)))
    reached, baseline = np.array(rates).T
    assert (reached >= -1e-3).all()
    assert baseline.mean() < -0.2  # the best single output, repeated, is far from k/(k+1)


@pytest.mark.slow
def test_the_gap_that_self_play_reaches_is_the_least_there_is() -> None:
    import cvxpy as cp

    for seed in range(4):
        game = _random(seed, 6, 5, 3)
        p = cp.Variable(5)
        wins = [
            sum(
                float(w) * _tie_split(p, order.tolist(), y, 3)
                for order, w in zip(game.orders, game.weights, strict=True)
            )
            for y in range(5)
        ]
        program = cp.Problem(cp.Minimize(cp.maximum(*wins)), [cp.sum(p) == 1, p >= 0])
        program.solve(solver=cp.CLARABEL)
        assert program.value == pytest.approx(1 / 4, abs=1e-3)
        assert self_play(game, gap=1e-5).gap <= 1e-5


def _tie_split(p: cp.Variable, order: list[int], y: int, k: int) -> cp.Expression:
    """∫_0^1 (1 − a − s·b)^k ds by Simpson's rule, exact for k ≤ 3."""
    import cvxpy as cp

    place = order.index(y)
    low, high = sum(p[z] for z in order[place + 1 :]) + 0 * p[y], sum(p[z] for z in order[place:])
    return (cp.power(low, k) + 4 * cp.power((low + high) / 2, k) + cp.power(high, k)) / 6


@pytest.mark.parametrize(("samples", "k"), [(3, 1), (3, 2), (4, 3), (5, 5)])
def test_win_tables_are_unbiased_by_enumeration(samples: int, k: int) -> None:
    game = universal_game([[0, 1, 2], [2, 1, 0]], k, weights=[0.75, 0.25])
    policy = np.array([0.5, 0.3, 0.2])
    total = np.zeros(3)
    for drawn in product(range(3), repeat=samples):
        total += np.prod(policy[list(drawn)]) * estimate_win_probabilities(game, drawn)
    assert total == pytest.approx(game.win_probabilities(policy), abs=1e-14)


def test_without_ties_the_win_table_is_an_exact_table_of_the_library() -> None:
    # f = (1−a)^k at b = 0: the exact table of that polynomial, read at m = A, for N = K − 1 draws
    exact = polyest.load("polynomial(1,-3,3,-1)", 9).coefficients
    assert win_table(8, 3)[:, 0] == pytest.approx(exact, abs=1e-15)


def test_sampled_win_rates_agree_with_the_exact_ones() -> None:
    game, rng = _random(3, 7, 6, 4), np.random.default_rng(11)
    policy = self_play(game).policy
    draws = rng.choice(6, size=(4000, 12), p=policy)
    estimates = estimate_win_probabilities(game, draws)
    error = estimates.mean(axis=0) - game.win_probabilities(policy)
    assert (np.abs(error) <= 5.5 * estimates.std(axis=0) / np.sqrt(4000) + 1e-12).all()  # fails with probability 3e-7


def test_degenerate_games() -> None:
    single = universal_game([[0], [0]], 3)
    assert self_play(single).policy.tolist() == [1.0]
    assert single.win_probabilities([1.0]).tolist() == [0.25]
    agreed = universal_game([[1, 0, 2]] * 4, 2)
    assert self_play(agreed, gap=1e-9).policy == pytest.approx([0, 1, 0], abs=1e-4)
    assert agreed.best_repeated_output() == (1, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (([[0, 0]], 1), "`orders`"),
        (([0, 1], 1), "`orders`"),
        (([[0.0, 1.0]], 1), "`orders`"),
        (([[0, 1]], 0), "`opponents`"),
        (([[0, 1]], 1, [-1.0]), "`weights`"),
        (([[0, 1]], 1, [0.5, 0.5]), "`weights`"),
        (([[0, 1]], 1, ["a"]), "`weights`"),
        (([[0, 1], [1, 0]], 1, [1e308, 1e308]), "`weights`"),
        (([[0, 1], [1]], 1), "`orders`"),
        ((np.ma.array([[0, 1]], mask=[[1, 0]]), 1), "`orders`"),
        (([np.ma.array([0, 1], mask=[1, 0])], 1), "`orders` .* a masked array"),
    ],
)
def test_bad_games_are_refused(arguments: tuple[object, ...], reason: str) -> None:
    with pytest.raises(ArgumentError, match=reason):
        universal_game(*arguments)  # type: ignore[arg-type]


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ArgumentError, match="`samples`"):
        win_table(2, 3)
    with pytest.raises(ArgumentError, match=r"`samples` must be at most 1024.*\(N\+1\)² .* parts of the draws"):
        win_table(10**7, 2)
    for draws in ([0, 2], [0.0, 1.0], np.ma.array([0, 1], mask=[1, 0])):
        with pytest.raises(ArgumentError, match="`draws`"):
            estimate_win_probabilities(universal_game([[0, 1]], 1), draws)


@pytest.mark.parametrize(
    "policy", [[0.5], [0.5, 0.6], [np.nan, 1.0], [1.5, -0.5], np.ma.array([0.5, 0.5], mask=[1, 0])]
)
def test_what_is_no_policy_yields_no_number(policy: Any) -> None:
    game = universal_game([[0, 1], [1, 0]], 1)
    for ask in (game.win_probabilities, game.gap, game.worst_win_rate):
        with pytest.raises(ArgumentError, match="`policy`"):
            ask(policy)
    with pytest.raises(ArgumentError, match="`gap`"):
        self_play(game, gap=float("nan"))


def test_the_win_table_in_closed_form_is_the_mean_over_all_subsets() -> None:
    """Σ_j C(B, j)·C(N−A−B, k−j) / (C(N, k)·(j+1)), as its docstring defines it, in rational arithmetic."""
    N, k = 9, 4
    table = win_table(N, k)
    for above, same in product(range(N + 1), repeat=2):
        below = N - above - same
        if below >= 0:
            wins = sum(Fraction(comb(same, j) * comb(below, k - j), j + 1) for j in range(k + 1))
            assert table[above, same] == float(wins / comb(N, k))
