"""Matches, and sums over equal answers, in numpy: pair by pair, all pairs in one call, or by sorting every group."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from polyest.online import numpy_backend
from polyest.online.numpy_backend import AT_ONCE, FEW, LARGE, matches

SHAPES = [(1, 1), (5, 2), (FEW - 1, LARGE), (FEW, LARGE), (3, LARGE - 1), (2, 300), (AT_ONCE // 49 + 1, 7), (0, 40)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("answers", [1, 3, 2**62])
def test_matches_are_those_of_a_counter(shape: tuple[int, int], answers: int) -> None:
    rng = np.random.default_rng(0)
    for kind in (np.int64, np.int8):
        block = (rng.integers(0, answers, shape) - answers // 2).astype(kind)
        counts = [Counter(group) for group in block.tolist()]
        expected = [[count[z] - 1 for z in group] for count, group in zip(counts, block.tolist(), strict=True)]
        found = matches(block)
        assert found.dtype == np.int64
        assert found.tolist() == expected


@pytest.mark.parametrize("size", [2, 23, 24, 70, 257])
def test_each_way_counts_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    block, found = np.random.default_rng(size).integers(0, 5, (9, size)), []
    for at_once, large in ((0, 1000), (1 << 30, 1000), (0, 0)):
        monkeypatch.setattr(numpy_backend, "AT_ONCE", at_once)
        monkeypatch.setattr(numpy_backend, "LARGE", large)
        found.append(matches(block).tolist())
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("size", [2, LARGE - 1, LARGE, 70, 257])
def test_weights_are_summed_over_equal_answers(size: int) -> None:
    rng = np.random.default_rng(size)
    ids, weights = rng.integers(0, 5, (size, 9)), rng.integers(-99, 99, (size, 9)) / 64
    m, same, _ = numpy_backend._matches_and_sums(ids, weights)
    for column in range(9):
        equal = ids[:, column, None] == ids[:, column]
        assert (m[:, column] == equal.sum(axis=0) - 1).all()
        assert (same[:, column] == equal @ weights[:, column] - weights[:, column]).all()
