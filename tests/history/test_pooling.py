"""Repeated prompts and inverse binomial sampling against enumeration (theory.md §7; docs/convergence.md, section 5)."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyest
from polyest.errors import ArgumentError, TableNotFoundError
from polyest.history import (
    InverseBinomial,
    PromptHistory,
    cap_for,
    drift_bias,
    drift_sensitivity,
    recurrences,
    squared_drift,
)
from polyest.offline.build import solve
from polyest.polynomials import bernstein
from polyest.problems.problem import make_problem
from polyest.storage import store

ANSWERS = st.lists(st.one_of(st.none(), st.integers(-2, 3), st.sampled_from("abc")), min_size=4, max_size=4)


def _harmonic(**options: object) -> PromptHistory:
    return PromptHistory("log", 4, "harmonic", **options)  # type: ignore[arg-type]


@pytest.mark.slow
@given(st.lists(ANSWERS, min_size=1, max_size=7), st.integers(1, 5))
def test_a_pool_is_scored_as_one_group(groups: list[list[object]], visits: int) -> None:
    history = _harmonic(visits=visits)
    for turn, group in enumerate(groups):
        pooled = history.score("p", group)
        pool = [answer for past in groups[max(0, turn + 1 - visits) : turn + 1] for answer in past]
        table = polyest.load("log", len(pool), method="harmonic")
        assert pooled.group_size == len(pool) == sum(pooled.sizes)
        assert pooled.rewards.tolist() == table.rewards(_objects(pool))[-4:].tolist()
        assert pooled.advantages.tolist() == table.advantages(_objects(pool))[-4:].tolist()


def _objects(answers: list[object]) -> np.ndarray:
    array = np.empty(len(answers), dtype=object)
    array[:] = answers
    return array


@pytest.mark.slow
@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(["p", "q", 7]), ANSWERS), min_size=2, max_size=12),
    st.integers(0, 11),
    st.sampled_from([0.5, 1.0]),
)
def test_a_restored_history_goes_on_as_if_never_saved(
    visits: list[tuple[str | int, list[object]]], cut: int, forgetting: float
) -> None:
    history = _harmonic(visits=3, forgetting=forgetting, drift=0.01, max_prompts=2, seed=5)
    for prompt, group in visits[:cut]:
        history.score(prompt, group)
    text = json.dumps(history.state())
    restored = PromptHistory.restore(json.loads(text))
    assert json.dumps(restored.state()) == text
    for prompt, group in visits[cut:]:
        first, second = history.score(prompt, group), restored.score(prompt, group)
        assert first.rewards.tolist() == second.rewards.tolist()
        assert (first.sizes, first.squared_drift) == (second.sizes, second.squared_drift)
    assert history.state() == restored.state()


def test_memory_is_bounded_and_the_least_recent_prompt_goes_first() -> None:
    history = _harmonic(visits=3, max_prompts=2)
    for prompt in ["p", "q", "p", "r", *["r"] * 9]:
        history.score(prompt, [1, 2, 3, 4])
    assert len(history) == 2
    assert ("p" in history, "q" in history, "r" in history) == (True, False, True)
    held = {prompt: sum(map(len, visits)) for prompt, visits in history.state()["prompts"]}
    assert held == {"p": 8, "r": 12}  # never more than visits × group_size
    history.forget("p")
    assert "p" not in history


@pytest.mark.slow
def test_forgetting_keeps_each_old_completion_with_the_stated_probability() -> None:
    history = PromptHistory("log", 8, "harmonic", visits=4, forgetting=0.5, seed=3)
    sizes = [history.score("p", [1, 2, 3, 4, 5, 6, 7, 8]).group_size for _ in range(4000)]
    expected = 8 * (1 - 0.5**4) / 0.5
    # N − K is a sum of three binomials of variance 8·(¼ + 3/16 + 7/64), correlated over three visits: the mean's
    # standard error is at most √(3·4.4/4000) < 0.06; fails with probability below 1e-6
    assert np.mean(sizes) == pytest.approx(expected, abs=0.3)
    assert max(sizes) <= 32


@pytest.mark.slow
def test_nothing_is_remembered_when_the_pool_has_no_table() -> None:
    store.write(solve(make_problem("power(0.37)", 4, bias_budget=9)), store.user_folder())
    history = PromptHistory("power(0.37)", 4, visits=2, bias_budget=9)
    history.score("p", [1, 2, 3, 4])
    before = history.state()["prompts"]
    with pytest.raises(TableNotFoundError, match="K=8"):
        history.score("p", [1, 2, 3, 4])
    assert history.state()["prompts"] == before


@pytest.mark.slow
@pytest.mark.parametrize("visits", [1, 2, 4, 8])
def test_the_bias_falls_as_stated_while_the_policy_stands_still(visits: int) -> None:
    """Measured from draws: the mean reward of an answer is Q_N(p), whose bias is within β_N, which falls like 1/N."""
    rng, p, trials = np.random.default_rng(visits), 0.05, 1600 // visits
    rewards = []
    history = PromptHistory("log", 8, "harmonic", visits=visits, drift=0.0)
    for trial in range(trials):
        for visit in range(visits):
            drawn = np.where(rng.random(8) < p, 0, 1 + rng.integers(0, 5, size=8))
            if visit == visits - 1:
                drawn[0] = 0  # the completion whose reward is measured
            pooled = history.score(trial, drawn)
        rewards.append(pooled.rewards[0])
    N = 8 * visits
    expected = float(bernstein.mean(polyest.load("log", N, method="harmonic").coefficients, [p])[0])
    error = abs(np.mean(rewards) - expected)
    assert error <= 5.5 * np.std(rewards) / math.sqrt(trials)  # fails with probability 4e-8
    assert p * abs(expected - math.log(p)) <= pooled.worst_case_bias == pooled.bias_bound
    assert pooled.worst_case_bias <= InverseBinomial(N).remaining_bias  # 0.2815/(N − ½)


def _mean_reward(c: np.ndarray, probabilities: list[float]) -> float:
    """E c[m], m the number of successes of independent trials, by convolution."""
    distribution = np.ones(1)
    for q in probabilities:
        distribution = np.convolve(distribution, [1 - q, q])
    return float(distribution @ c)


@pytest.mark.slow
@settings(max_examples=300)
@given(
    st.integers(2, 24),
    st.floats(1e-4, 1),
    st.floats(0, 0.3),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["harmonic", "plug_in"]),
    st.sampled_from([-1.0, 0.0, 1.0]),
)
def test_proposition_4_holds_for_any_drift(N: int, p: float, size: float, seed: int, method: str, side: float) -> None:
    rng = np.random.default_rng(seed)
    moves = rng.uniform(-1, 1, size=N - 1) if side == 0 else np.full(N - 1, side)
    others = np.clip(p + size * moves * (rng.random(N - 1) < 0.7), 0, 1)
    table = polyest.load("log", N, method=method)
    c = table.coefficients
    still = p * abs(_mean_reward(c, [p] * (N - 1)) - math.log(p))
    assert still <= table.certificate.worst_case_bias.upper + 1e-14
    drifted = p * abs(_mean_reward(c, others.tolist()) - _mean_reward(c, [p] * (N - 1)))
    assert drifted <= drift_bias(c, np.abs(others - p)) + 1e-12


@pytest.mark.slow
def test_the_bound_is_honest_when_the_policy_drifts_and_the_pool_shrinks_when_it_drifts_fast() -> None:
    sizes = []
    for drift in (0.0, 1e-4, 1e-3, 1e-2, 0.1):
        history = PromptHistory("log", 8, "harmonic", visits=8, drift=drift)
        for _ in range(8):
            pooled = history.score("p", list(range(8)))
        visits = len(pooled.sizes)
        for p in np.geomspace(1e-3, 0.9, 60):
            for direction in (-1, 1):
                ages = np.repeat(np.arange(visits - 1, -1, -1), 8)[:-1]
                past = np.clip(p + direction * drift * ages, 0, 1)
                bias = p * abs(_mean_reward(pooled.estimator.coefficients, past.tolist()) - math.log(p))
                assert bias <= pooled.bias_bound
        sizes.append(pooled.group_size)
        assert pooled.bias_bound <= polyest.load("log", 8, method="harmonic").certificate.worst_case_bias.upper
    assert sizes[0] == 64
    assert sizes[-1] == 8
    assert sizes == sorted(sizes, reverse=True)


def test_without_a_drift_nothing_is_promised_about_several_visits() -> None:
    history = _harmonic(visits=2)
    assert history.score("p", [1, 2, 3, 4]).bias_bound > 0
    pooled = history.score("p", [1, 2, 3, 4])
    assert pooled.worst_case_bias > 0
    with pytest.raises(ArgumentError, match="`drift` is required"):
        _ = pooled.bias_bound


def test_the_sensitivity_of_the_harmonic_table_is_one() -> None:
    for K in (2, 5, 40):
        assert drift_sensitivity(polyest.load("log", K, method="harmonic").coefficients) == pytest.approx(1)
    assert drift_sensitivity([3.0]) == 0


def test_squared_drift_is_unbiased_by_enumeration() -> None:
    first, second = [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]
    total = 0.0
    for a in itertools.product(range(3), repeat=2):
        for b in itertools.product(range(3), repeat=3):
            total += math.prod(first[z] for z in a) * math.prod(second[z] for z in b) * squared_drift(a, b)
    assert total == pytest.approx(0.09 + 0.01 + 0.16, abs=1e-14)
    assert squared_drift([None, None], [None, None]) == 0


@given(st.integers(2, 9), st.fractions(Fraction(1, 50), 1))
def test_inverse_binomial_rewards_have_the_mean_of_the_harmonic_table(K: int, p: Fraction) -> None:
    rule, harmonic = InverseBinomial(K), polyest.load("log", K, method="harmonic")
    chances = [(1 - p) ** (L - 1) * p for L in range(1, K)] + [(1 - p) ** (K - 1)]
    mean = sum(float(q) * r for q, r in zip(chances, rule.rewards(np.arange(1, K + 1)), strict=True))
    assert mean == pytest.approx(float(bernstein.mean(harmonic.coefficients, [float(p)])[0]), abs=1e-13)
    assert float(p) * (mean - math.log(p)) == pytest.approx(float(rule.bias(float(p))), abs=1e-13)
    draws = sum(float(q) * min(L, K - 1) for L, q in enumerate(chances, 1))
    assert draws == pytest.approx(float(rule.expected_draws(float(p))), abs=1e-12)


@pytest.mark.parametrize("K", [2, 3, 5, 6])
def test_the_harmonic_table_is_the_conditional_expectation_given_the_matches(K: int) -> None:
    harmonic, rule = polyest.load("log", K, method="harmonic"), InverseBinomial(K)
    for m in range(K):
        orders = set(itertools.permutations([1] * m + [0] * (K - 1 - m)))
        rewards = [rule.rewards(recurrences([1, *order]))[0] for order in orders]
        assert np.mean(rewards) == pytest.approx(harmonic.coefficients[m], abs=1e-13)


@pytest.mark.parametrize("cap", [2, 3, 8, 16, 64])
def test_the_remaining_bias_is_bounded_and_the_bound_is_close(cap: int) -> None:
    rule = InverseBinomial(cap)
    certified = rule.certificate.worst_case_bias
    assert certified.upper <= rule.remaining_bias <= (1 + 0.32 / cap) * certified.lower  # proved by python-flint
    assert rule.bias(np.geomspace(1e-6, 1, 2000)).max() <= certified.upper * (1 + 1e-9)


@given(st.floats(1e-4, 1))
def test_the_cap_is_the_least_that_keeps_the_bias(bias: float) -> None:
    cap = cap_for(bias)
    assert InverseBinomial(cap).remaining_bias <= bias
    assert cap == 2 or InverseBinomial(cap - 1).remaining_bias > bias


@pytest.mark.slow
def test_drawing_stops_at_the_recurrence_or_at_the_cap() -> None:
    rng, rule, p = np.random.default_rng(0), InverseBinomial(12), 0.2
    drawn = [rule.draw(0, lambda: int(rng.random() >= p)) for _ in range(20_000)]
    rewards, draws = np.array(drawn).T
    expected = math.log(p) + float(rule.bias(p)) / p
    assert abs(rewards.mean() - expected) <= 5.5 * rewards.std() / math.sqrt(20_000)  # fails with probability 4e-8
    assert abs(draws.mean() - float(rule.expected_draws(p))) <= 5.5 * draws.std() / math.sqrt(20_000)
    assert draws.max() == 11


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"visits": 0}, "`visits`"),
        ({"forgetting": 0.0}, "`forgetting`"),
        ({"forgetting": 1.5}, "`forgetting`"),
        ({"drift": -0.1}, "`drift`"),
        ({"drift": math.nan}, "`drift`"),
        ({"max_prompts": 0}, "`max_prompts`"),
        ({"seed": "x"}, "`seed`"),
        ({"seed": -1}, "`seed`"),
        ({"baseline": "group_mean"}, "`baseline`"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ArgumentError, match=reason):
        _harmonic(**options)


@pytest.mark.parametrize(
    ("prompt", "answers", "reason"),
    [
        ("p", np.ma.array([1, 1, 2, 3], mask=[1, 1, 0, 0]), "not be a masked array; pass np.where.* for no answer"),
        ("p", [1, np.ma.masked, 2, 3], "restored exactly; got masked"),
        ("p", [1, 2, 3], "the group size"),
        ("p", "abcd", "must be a list"),
        ("p", [1, 2, 3, 4.5], "restored exactly"),
        ("p", [1, 2, 3, (4,)], "restored exactly"),
        ("p", [True, 2, 3, 4], "restored exactly"),
        (("p",), [1, 2, 3, 4], "`prompt`"),
    ],
)
def test_bad_visits_are_refused_and_not_remembered(prompt: object, answers: object, reason: str) -> None:
    history = _harmonic()
    with pytest.raises(ArgumentError, match=reason):
        history.score(prompt, answers)  # type: ignore[arg-type]
    assert len(history) == 0


def test_bad_numbers_are_refused() -> None:
    rule, masked = InverseBinomial(4), np.ma.array([1, 2], mask=[1, 0])
    calls: list[tuple[str, Callable[[Any], object], list[Any]]] = [
        ("`cap`", InverseBinomial, [1, "x", 2.5]),
        ("`further_draws`", rule.rewards, [[0], [1.0], ["a"], masked, [[1], [1, 2]]]),
        ("`p`", rule.bias, [math.nan, 1.5, "x", masked / 2]),
        ("`p`", rule.expected_draws, [0.0, math.nan, -0.5]),
        ("`bias`", cap_for, [0.0, "x", math.nan, math.inf, True, 5e-324]),
        ("`answers`", recurrences, [[0.5, 1.0], [1], "ab", masked, [masked], [[1, 2], [1]]]),
        ("`coefficients`", drift_sensitivity, [[math.nan, 1.0], "ab", [[1.0, 2.0]], masked]),
        ("`coefficients`", lambda c: drift_bias(c, [0.1]), [[math.nan, 1.0], [1.0], masked]),
        ("`distances`", lambda d: drift_bias([0.0, 1.0], d), [[0.1, 0.1], [-0.1], [math.nan], "a", masked]),
        ("`first` .* at least 2", lambda group: squared_drift(group, [1, 2]), [[1], 5, [[1], [2]], "ab", masked]),
        ("`second` .* at least 2", lambda group: squared_drift([1, 2], group), [[1], None]),
    ]
    for words, call, values in calls:
        for value in values:
            with pytest.raises(ArgumentError, match=words):
                call(value)
