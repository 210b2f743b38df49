"""vote@k against all draws, one by one."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest.rollouts.measures.vote import vote


def slow(counts: list[int], shares: list[float], missing: int, k: int) -> float:
    """Over all subsets of k completions; a tie is shared."""
    completions = [z for z, n in enumerate(counts) for _ in range(n)] + [None] * missing
    total, number = 0.0, 0
    for drawn in combinations(completions, k):
        votes = Counter(z for z in drawn if z is not None)
        winners = [z for z, n in votes.items() if n == max(votes.values())]
        total += sum(shares[z] for z in winners) / max(len(winners), 1)
        number += 1
    return total / number


GROUP = st.tuples(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 3))


@pytest.mark.slow
@given(GROUP, st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=4, max_size=4))
def test_all_draws_are_counted(group: tuple[list[int], int], shares: list[float]) -> None:
    counts, missing = group
    size = min(sum(counts) + missing, 9)
    padded, right = [*counts, 0, 0], [*shares[: len(counts)], 0.0, 0.0]
    ks = [*range(1, size + 1)]
    found = vote(np.array([padded]), np.array([right]), np.array([missing]), ks)[0]
    assert found == pytest.approx([slow(counts, shares, missing, k) for k in ks], abs=1e-12)


@pytest.mark.slow
def test_all_of_the_group_vote_once() -> None:
    """Groups of 128: the winner is certain with k = K; float64 holds C(128, 64)."""
    counts = np.array([[100, 28], [28, 100], [64, 64]])
    found = vote(counts, np.array([[1.0, 0.0]] * 3), np.zeros(3, np.int64), [1, 128])
    np.testing.assert_allclose(found[:, 1], [1.0, 0.0, 0.5], atol=1e-12)
    np.testing.assert_allclose(found[:, 0], [100 / 128, 28 / 128, 0.5])
