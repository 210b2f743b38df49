"""The expected update of a pool of which only the new completions are trained on, by enumeration of every history.

docs/convergence.md, section 5: propositions 4 to 6.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from math import comb, log
from typing import Any

import numpy as np
import pytest

import polyest
from polyest.history import TrainingHistory, drift_bias
from polyest.polynomials import bernstein

NU = np.array([0.6, 0.3, 0.1])
MOVED = np.array([0.5, 0.25, 0.25])
K, TARGET = 2, "log"
WEIGHTS = np.array([[1.0, 2.0], [0.5, 0.5], [3.0, 0.0]])  # of an answer, and of a coin that is thrown with it


def groups(size: int) -> np.ndarray:
    """All groups of answers, shape (3^size, size)."""
    return np.array([*itertools.product(range(3), repeat=size)])


def update(nu: np.ndarray, earlier: Sequence[Sequence[int]], weighted: bool = False) -> np.ndarray:
    """E over the new group of (1/K) Σ_i A_i ∇log ν(z_i), ∇ by the logits: `TrainingHistory` after these visits."""
    new = groups(K)
    coins = [*itertools.product(range(2), repeat=K)] if weighted else [(0,) * K]
    total = np.zeros(3)
    for coin in coins:
        history = TrainingHistory(TARGET, "harmonic", visits=1 + len(earlier))
        prompts = np.arange(len(new))
        for visit in earlier:
            past = np.tile(visit, (len(new), 1))
            history.score(prompts, past, weights=WEIGHTS[past, 0] if weighted else None)
        paid = history.score(prompts, new, weights=WEIGHTS[new, coin] if weighted else None).advantages
        scores = np.eye(3)[new] - nu
        total += np.einsum("g,gk,gka->a", nu[new].prod(axis=1), paid, scores) / K / len(coins)
    return total


def expected(nu: np.ndarray, pay: Callable[[int, float], float]) -> np.ndarray:
    """Σ_z ∇ν(z)·pay(z, ν(z))."""
    return sum(p * pay(z, p) * (np.eye(3)[z] - nu) for z, p in enumerate(nu))


def over_histories(nu: np.ndarray, before: Sequence[np.ndarray], weighted: bool = False) -> np.ndarray:
    """The update of the policy ν, averaged over visits of the policies before."""
    total = np.zeros(3)
    for visits in itertools.product(groups(K), repeat=len(before)):
        probability = np.prod([old[visit].prod() for old, visit in zip(before, visits, strict=True)])
        total += probability * update(nu, [visit.tolist() for visit in visits], weighted)
    return total


@pytest.mark.slow
@pytest.mark.parametrize("visits", [1, 2, 3])
def test_a_policy_that_stands_still_climbs_the_surrogate_of_the_pools_table(visits: int) -> None:
    c = polyest.load(TARGET, K * visits, "harmonic").coefficients
    found = over_histories(NU, [NU] * (visits - 1))
    np.testing.assert_allclose(found, expected(NU, lambda _, p: bernstein_value(c, p)), atol=1e-13)
    assert np.abs(found).max() > 0.02


def bernstein_value(c: np.ndarray, p: float) -> float:
    return float(bernstein.mean(c, [p])[0])


@pytest.mark.slow
def test_weights_of_the_new_completions_multiply_what_they_are_paid() -> None:
    """E[w(y) Q_N(ν(z)) ∇log π(y)], whatever the weights of one answer; those of earlier ones cancel."""
    c = polyest.load(TARGET, 2 * K, "harmonic").coefficients
    found = over_histories(NU, [NU], weighted=True)
    mean = WEIGHTS.mean(axis=1)
    np.testing.assert_allclose(found, expected(NU, lambda z, p: mean[z] * bernstein_value(c, p)), atol=1e-13)


def given(c: np.ndarray, count: int, p: float) -> float:
    """g_H(z): the mean of c[n_H(z) + B], B ~ Binomial(K−1, p)."""
    return sum(comb(K - 1, b) * p**b * (1 - p) ** (K - 1 - b) * c[count + b] for b in range(K))


@pytest.mark.parametrize("earlier", [[[0, 0]], [[1, 2]], [[2, 2], [0, 1]]])
def test_given_the_history_any_policy_climbs_the_game_that_the_history_sets(earlier: list[list[int]]) -> None:
    """Also one that depends on the history: here it moves away from what was said."""
    counts = np.bincount(np.ravel(earlier), minlength=3)
    c = polyest.load(TARGET, K * (1 + len(earlier)), "harmonic").coefficients
    moved = NU * np.exp(-0.4 * counts)
    moved /= moved.sum()
    found = update(moved, earlier)
    np.testing.assert_allclose(found, expected(moved, lambda z, p: given(c, counts[z], p)), atol=1e-13)


def bias_of_reward(nu: np.ndarray, before: np.ndarray, z: int) -> float:
    """p·|E c[M] − log p| by enumeration of the earlier visit."""
    c = polyest.load(TARGET, 2 * K, "harmonic").coefficients
    mean = sum(before[list(v)].prod() * given(c, v.count(z), nu[z]) for v in itertools.product(range(3), repeat=K))
    return float(nu[z] * abs(mean - log(nu[z])))


@pytest.mark.parametrize("z", range(3))
def test_a_policy_that_moved_is_within_the_bound_of_proposition_4(z: int) -> None:
    table = polyest.load(TARGET, 2 * K, "harmonic")
    d = abs(NU[z] - MOVED[z])
    bound = table.certificate.worst_case_bias.upper + drift_bias(table.coefficients, [d] * K + [0.0] * (K - 1))
    found = bias_of_reward(MOVED, NU, z)
    assert bias_of_reward(MOVED, MOVED, z) <= table.certificate.worst_case_bias.upper
    assert found <= bound


@pytest.mark.parametrize("step", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("z", range(3))
def test_a_policy_that_depends_on_the_pool_is_within_the_bound_of_proposition_6(z: int, step: float) -> None:
    """One visit of ν, then a step of the logits against what was said; H enumerated."""
    c = polyest.load(TARGET, 2 * K, "harmonic").coefficients
    histories = [*itertools.product(range(3), repeat=K)]
    weights = np.array([NU[list(h)].prod() for h in histories])
    policies = np.array([against(h, step) for h in histories])
    p = policies[:, z]
    g = np.array([given(c, h.count(z), q) for h, q in zip(histories, p, strict=True)])
    x = p * (1 - p)  # what multiplies g in the update of the logit of z
    found = abs(weights @ (g * x) - bernstein_value(c, NU[z]) * (weights @ x))
    assert found <= proposition_6(c, weights, p - NU[z], g, x)
    assert found > 5e-4 * step


def against(answers: Sequence[int], step: float) -> np.ndarray:
    moved = NU * np.exp(-step * np.bincount(answers, minlength=3) / K)
    return moved / moved.sum()


def proposition_6(c: np.ndarray, weights: np.ndarray, moved: np.ndarray, g: np.ndarray, x: np.ndarray) -> Any:
    """L·D·|E X| + σ(g)·σ(X); the earlier completions have p̄ exactly, the K−1 others of the visit moved."""
    steepness, D = np.abs(np.diff(c)).max(), (K - 1) * np.abs(moved).max()
    deviations = [np.sqrt(weights @ v**2 - (weights @ v) ** 2) for v in (g, x)]
    return steepness * D * abs(weights @ x) + deviations[0] * deviations[1]
