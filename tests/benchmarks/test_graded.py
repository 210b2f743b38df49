"""The peers in benchmarks/graded.py are what their papers define, and the same estimators as ours."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from benchmarks import graded as benchmark

GROUPS = np.array([[1.0, 4, 2, 8, 5], [3, 1, 3, 0, 1], [-1, -1, -1, -1, 2]])


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_peers_are_means_over_subsets(n: int) -> None:
    pkpo, order_grad = benchmark.pkpo(GROUPS, n), benchmark.order_grad(GROUPS, n)
    for g, group in enumerate(GROUPS):
        for i in range(5):
            with_i = [[group[j] for j in s] for s in combinations(range(5), n) if i in s]
            rest = [x for j, x in enumerate(group) if j != i]
            without = [max(s, default=0.0) for s in combinations(rest, n - 1)]
            best = mean([max(s) for s in with_i])
            assert pkpo[g, i] == pytest.approx(n * (best - mean(without)), abs=1e-13)
            assert order_grad[g, i] == pytest.approx(n * (best - mean([*map(max, combinations(rest, n))])), abs=1e-13)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_peers_are_our_estimators(n: int) -> None:
    """docs/graded.md §3, ties included."""
    assert max(benchmark.disagreement(GROUPS, n)) < 1e-13


def test_the_tables_of_times_are_printed() -> None:
    assert all(cost > 0 for cost in benchmark.times(800, 8, 4, 1).values())
