"""How fast graded advantages are, next to what PKPO and OrderGrad compute, and whether these are the same numbers.

    python -m benchmarks.graded

Peers are written here from their formulas, in numpy, with their weights computed beforehand: group by group, as their
code is called, and for all groups at once as a product with a K × K matrix. The floor is one argsort of the rewards.
Best of 4; times are the least of a few runs, one thread, in nanoseconds per completion.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import lru_cache, partial
from math import comb

import numpy as np
from numpy.typing import NDArray

from benchmarks.rollout_groups import race
from polyest import graded
from polyest.online import backend

Array = NDArray[np.float64]

__all__ = ["best_with", "best_without", "by_group", "order_grad", "pkpo"]


@lru_cache
def best_with(K: int, n: int) -> Array:
    """The mean over the n-subsets that contain rank i of their greatest reward, as weights of ranks j: shape (K, K)."""
    weights = np.zeros((K, K))
    for i in range(K):
        weights[i, i] = comb(i, n - 1)
        weights[i, i + 1 :] = [comb(j - 1, n - 2) if n > 1 else 0 for j in range(i + 1, K)]
    return weights / comb(K - 1, n - 1)


@lru_cache
def best_without(K: int, n: int) -> Array:
    """The same over the n-subsets that do not contain rank i; n = 0 is worth 0."""
    weights = np.zeros((K, K))
    for i in range(K) if n else ():
        weights[i, :i] = [comb(j, n - 1) for j in range(i)]
        weights[i, i + 1 :] = [comb(j - 1, n - 1) for j in range(i + 1, K)]
    return weights / comb(K - 1, n)


@lru_cache
def pkpo_weights(K: int, n: int) -> Array:
    """K times s^(loo−1) of arXiv 2505.15201, Σ_{S∋i} (max S − max S∖i)/C(K, n)."""
    return n * (best_with(K, n) - best_without(K, n - 1))


@lru_cache
def order_grad_weights(K: int, n: int) -> Array:
    """n times OrderGrad's advantage (arXiv 2606.06096): the mean of max S over S∋i, less that over S∌i, n < K."""
    return n * (best_with(K, n) - best_without(K, n))


def by_matrix(weights: Array, rewards: Array) -> Array:
    """All groups at once."""
    order = np.argsort(rewards, axis=1)
    result = np.empty_like(rewards)
    np.put_along_axis(result, order, np.take_along_axis(rewards, order, 1) @ weights.T, 1)
    return result


def by_group(weights: Array, rewards: Array) -> Array:
    """Group by group."""
    result = np.empty_like(rewards)
    for group, row in zip(rewards, result, strict=True):
        order = np.argsort(group)
        row[order] = weights @ group[order]
    return result


def pkpo(rewards: Array, n: int) -> Array:
    return by_matrix(pkpo_weights(rewards.shape[1], n), rewards)


def order_grad(rewards: Array, n: int) -> Array:
    return by_matrix(order_grad_weights(rewards.shape[1], n), rewards)


def disagreement(rewards: Array, n: int) -> tuple[float, float]:
    """How far K·PKPO is from the gap rewards above the group's least, and n·OrderGrad from the centred proof table."""
    K = rewards.shape[1]
    raised = rewards - rewards.min(axis=1, keepdims=True)
    proof = graded.best_of(n, K, baseline="leave_one_out_mean").rewards(rewards)
    centred = proof - (proof.sum(axis=1, keepdims=True) - proof) / (K - 1)
    ours = graded.best_of(n, K).rewards(raised)
    return float(np.abs(ours - pkpo(rewards, n)).max()), float(np.abs(centred - order_grad(rewards, n)).max())


def ways(rewards: Array, n: int) -> dict[str, Callable[[], object]]:
    groups, K = rewards.shape
    objective, flat, ids = graded.best_of(n, K), rewards.ravel(), np.repeat(np.arange(groups), K)
    some, weights = rewards[: max(groups // 50, 1)], (pkpo_weights(K, n), order_grad_weights(K, n))
    return {
        "argsort": partial(np.argsort, rewards, axis=1),
        "values": partial(objective.values, rewards),
        "rewards": partial(objective.rewards, rewards),
        "advantages": partial(objective.advantages, rewards),
        "ragged adv.": partial(graded.advantages, flat, ids, objective),
        "PKPO, matrix": partial(by_matrix, weights[0], rewards),
        "OrderGrad, m.": partial(by_matrix, weights[1], rewards),
        "PKPO, groups*": partial(by_group, weights[0], some),
        "OrderGrad, g.*": partial(by_group, weights[1], some),
    }


def times(completions: int, K: int, n: int, repeats: int) -> dict[str, float]:
    """Nanoseconds per completion of each way; those with a star run on a fiftieth of the groups."""
    rewards = np.random.default_rng(0).normal(size=(completions // K, K))
    functions = ways(rewards, n)
    found = dict(zip(functions, race([*functions.values()], 1, repeats), strict=True))
    return {
        name: cost / (max(len(rewards) // 50, 1) * K if name.endswith("*") else rewards.size)
        for name, cost in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completions", type=int, default=1 << 18)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    for name, work in {"numpy": 1 << 62, "numba (up to K = 48)": 0}.items():
        backend.COLD_WORK = backend.WARM_WORK = work
        print(f"\n{name}: ns per completion, {options.completions:,} completions, best of 4")
        for K in (8, 16, 32, 64):
            row = times(options.completions, K, 4, options.repeats)
            if K == 8:
                print(f"{'K':>4}" + "".join(f"{way:>16}" for way in row))
            print(f"{K:4}" + "".join(f"{cost:16.1f}" for cost in row.values()))
    for K, n in ((8, 2), (8, 4), (16, 8)):
        apart = disagreement(np.random.default_rng(1).normal(size=(1000, K)), n)
        print(f"K = {K}, n = {n}: K·PKPO differs by {apart[0]:.1e}, n·OrderGrad by {apart[1]:.1e}")


if __name__ == "__main__":
    main()
