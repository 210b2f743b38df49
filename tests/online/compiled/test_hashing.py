"""Groups that lie together, whatever their ids: found without sorting, and equal ids are found, however they hash."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from polyest.online import compiled, numpy_backend
from polyest.online.compiled import hashing

UNGOLDEN, UNOTHER = (np.uint64(pow(int(factor), -1, 1 << 64)) for factor in (hashing.GOLDEN, hashing.OTHER))


def crowded(count: int) -> np.ndarray:
    """Ids that all share a slot of the first hash: mixed, they are 0, 1, 2, …"""
    mixed = np.arange(count, dtype=np.uint64)
    folded = mixed * UNOTHER
    product = np.bitwise_xor.reduce([folded >> np.uint64(shift) for shift in (0, 16, 32, 48)])
    ids = product * UNGOLDEN
    np.testing.assert_array_equal([hashing.mixed(key) for key in ids], mixed)
    return ids.view(np.int64)


def permuted(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.permutation(count) - count // 2


NAMES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "permuted": permuted,
    "descending": lambda rng, count: np.arange(count)[::-1] - 5,
    "permuted and far apart": lambda rng, count: permuted(rng, count) * 1000,
    "permuted in the upper half": lambda rng, count: permuted(rng, count) * 2**32,
    "any": lambda rng, count: rng.integers(-(2**63), 2**63, count),
    "crowded": lambda rng, count: rng.permutation(crowded(count)),
    "the ends": lambda rng, count: np.array([2**63 - 1, -(2**63), 0, *range(3, count)], np.int64)[:count],
}
named = pytest.mark.parametrize("name", NAMES)


def assert_arranged_like_the_numpy(ids: np.ndarray) -> None:
    """The same rows in each group, in order; groups may come in any."""
    (order, starts), (slow_order, slow_starts) = compiled.arrange(ids), numpy_backend.arrange(ids)
    if order is None:
        assert slow_order is None
        np.testing.assert_array_equal(starts, slow_starts)
        return
    assert slow_order is not None
    np.testing.assert_array_equal(np.sort(order), np.arange(len(ids)))
    of_row, first = np.repeat(np.arange(len(starts) - 1), np.diff(starts)), ids[order[starts[:-1]]]
    np.testing.assert_array_equal(ids[order], first[of_row])
    assert len(np.unique(first)) == len(first)
    assert (np.diff(order.astype(np.int64)) > 0)[np.diff(of_row) == 0].all()


@pytest.mark.slow
@named
@pytest.mark.parametrize("count", [1, 2, 3, 70, 3000])
@pytest.mark.parametrize("sizes", [(1, 1), (1, 2), (2, 2), (1, 60), (64, 65), (2, 200)])
def test_groups_that_lie_together_are_not_moved(name: str, count: int, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(count)
    groups = np.repeat(NAMES[name](rng, count), rng.integers(*sizes, count, endpoint=True))
    assert_arranged_like_the_numpy(groups)
    assert compiled.arrange(groups)[0] is None


@pytest.mark.slow
@named
@pytest.mark.parametrize("count", [2, 3, 70, 3000])
def test_one_group_that_comes_back_is_joined(name: str, count: int) -> None:
    """Its second part lies far away, next to the first but for one group, or at the end."""
    rng = np.random.default_rng(count)
    ids = NAMES[name](rng, count)
    for back in {0, (count - 1) // 2, count - 2}:
        for place in {back + 2, count}:
            groups = np.repeat(np.insert(ids, place, ids[back]), rng.integers(2, 9, count + 1))
            assert_arranged_like_the_numpy(groups)
            assert compiled.arrange(groups)[0] is not None


@pytest.mark.slow
@pytest.mark.parametrize("where", [1, 2, 63, 64, 65, 127, 128, 129, 255, 256, 320, 384, 385, 399])
@pytest.mark.parametrize("size", [1, 2, 8, 50])
@pytest.mark.parametrize("new", [-1, 3])
def test_ids_may_stop_ascending_anywhere(where: int, size: int, new: int) -> None:
    """In the first word of 64 comparisons, at the border of two, or behind the last; with a new id, or an old one."""
    ids = np.arange(400) // size
    ids[where:] += 10
    ids[where] = new
    assert_arranged_like_the_numpy(ids)
    ids[where:] = new
    assert_arranged_like_the_numpy(ids)


keys = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.slow
@given(st.lists(keys, max_size=40), st.integers(0, 3000), st.integers(0, 50), st.randoms())
@example([], 0, 2, None)
@example([2**63 - 1, -(2**63)], 0, 0, None)
@example([], 2500, 50, None)
def test_equal_ids_are_always_found(some: list[int], more: int, crowd: int, random) -> None:
    spread = np.random.default_rng(more).integers(-(2**63), 2**63, more)
    ids = np.unique(np.concatenate([np.array(some, np.int64), spread, crowded(crowd)]))
    if random is not None:
        random.shuffle(ids)
    if len(ids) == 0:
        return
    assert hashing.are_distinct(ids.copy()) or crowd > 1 or more < 1000
    for equal in (0, len(ids) // 2, len(ids) - 1):
        assert not hashing.are_distinct(np.append(ids, ids[equal]))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 10, 1000, 100_000])
@pytest.mark.parametrize("stride", [1, 3, 1000, 4096, 10**6, 2**32, 2**40, 2**44, 2**45 + 1])
def test_different_ids_are_told_apart_without_sorting(count: int, stride: int) -> None:
    ids = permuted(np.random.default_rng(0), count) * stride
    assert hashing.are_distinct(ids.copy())
    assert not hashing.are_distinct(np.append(ids, ids[-1:]))
