"""What other forms of input cost than integers in rows: hashable answers, groups of mixed sizes, rows in any order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import polyest
from benchmarks.rollout_groups import KINDS, groups_of, nanoseconds, race
from polyest.online.sorting import radix_sort

DIRICHLET = next(iter(KINDS))
LARGEST_BATCH = 10**6
SIZES = {8: (2, 14), 16: (4, 28), 17: (2, 31), 32: (8, 56), 64: (16, 112)}
HASHABLE: dict[str, Callable[[int, int, int], Any]] = {
    "12 strings": lambda prompt, answer, number: str(answer % 12),
    "strings, each prompt its own": lambda prompt, answer, number: f"{prompt}: {answer}",
    "strings, nearly all different": lambda prompt, answer, number: f"answer {number}",
    "strings and None": lambda prompt, answer, number: str(answer % 12) if answer % 5 else None,
    "12 Python integers": lambda prompt, answer, number: 1000 + answer % 12,
    "Python integers, nearly all different": lambda prompt, answer, number: 1000 + number,
    "12 tuples": lambda prompt, answer, number: (answer % 12, 1),
    "tuples, each prompt its own": lambda prompt, answer, number: (prompt, answer),
    "tuples, nearly all different": lambda prompt, answer, number: (number, 1),
    "tuples of two strings": lambda prompt, answer, number: (str(answer % 12), "x"),
    "frozen sets (which need a dictionary)": lambda prompt, answer, number: frozenset((answer, 1)),
}

__all__ = ["hashable", "ragged"]


def hashable(completions: int, repeats: int) -> None:
    """Strings and other hashable answers; those of shuffled rows are made in that order, as rollouts that arrive so."""
    total = min(completions, LARGEST_BATCH) // 16 * 16
    print(f"\nns per completion of rewards at K = 16, {total:,} hashable answers (bound: 150)")
    print(f"{'':40}{'nested lists':>14}{'flat, group ids':>17}{'shuffled rows':>15}")
    rng = np.random.default_rng(0)
    groups, different = np.repeat(np.arange(total // 16), 16), rng.integers(0, 10**6, total)
    columns, order = (groups, groups_of(DIRICHLET, total, 16).ravel(), different), rng.permutation(total)
    est, shuffled = polyest.load("log", 16, "harmonic"), groups[order]
    for name, make in HASHABLE.items():
        flat, mixed = (
            [*map(make, *(column.tolist() for column in some))]
            for some in (columns, [column[order] for column in columns])
        )
        nested = [[*map(make, *(column[i : i + 16].tolist() for column in columns))] for i in range(0, total, 16)]
        ways = [partial(est.rewards, nested)]
        ways += [
            partial(polyest.rewards, answers, ids, "log", "harmonic")
            for answers, ids in ((flat, groups), (mixed, shuffled))
        ]
        costs = race(ways, total, repeats)
        print(f"{name:40}{costs[0]:14.0f}{costs[1]:17.0f}{costs[2]:15.0f}")


def mixed_ids(total: int, least: int, most: int) -> NDArray[np.int64]:
    """Ids of groups of least..most completions that lie together, `total` completions in all."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(least, most + 1, total // least + 1)
    ends = sizes.cumsum()
    groups = int(np.searchsorted(ends, total))
    rest = total - int(ends[groups - 1]) if groups else total
    sizes = np.append(sizes[:groups], rest)
    return np.repeat(np.arange(groups + 1), sizes)


def namings(groups: int) -> tuple[NDArray[np.int64], ...]:
    """Ids of groups: 0, 1, …, a permutation of them, and any 64-bit integers."""
    rng = np.random.default_rng(0)
    return np.arange(groups), rng.permutation(groups), rng.integers(-(2**63), 2**63, groups)


def ragged(completions: int, repeats: int) -> None:
    """Mixed sizes, contiguous or shuffled, against the dense form and a radix sort of the group ids."""
    print(f"\nns per completion, {completions:,} completions; in brackets × dense (bound: 2); ids of groups that lie")
    print("together ascend, are a permutation of 0, 1, …, or any 64-bit integers; groups of K, or of mixed sizes")
    columns = "".join(f"{names:>14}" for names in ("ascending", "permuted", "64-bit") * 2)
    print(f"{'':22}{'of K':^42}{'mixed':^42}{'advantages':^22}")
    print(f"{'K':>4}{'sizes':>9}{'dense':>9}{columns}{'dense':>10}{'mixed':>14}")
    for size, (least, most) in SIZES.items():
        answers = groups_of(DIRICHLET, completions, size)
        flat, out, est = answers.ravel(), np.empty(answers.size), polyest.load("log", size, "harmonic")
        equal, mixed = np.repeat(np.arange(len(answers)), size), mixed_ids(flat.size, least, most)
        ids = [names[groups] for groups in (equal, mixed) for names in namings(groups[-1] + 1)]
        forms = [partial(est.rewards, answers, out=out.reshape(answers.shape))]
        forms += [partial(polyest.rewards, flat, groups, "log", "harmonic", out=out) for groups in ids]
        forms += [partial(est.advantages, answers, out=out.reshape(answers.shape))]
        forms += [partial(polyest.advantages, flat, mixed, "log", "harmonic", out=out)]
        dense, *rewards, slow, advantages = race(forms, flat.size, repeats)
        cells = "".join(f"{f'{cost:.2f} ({cost / dense:.2f})':>14}" for cost in rewards)
        last = f"{advantages:.2f} ({advantages / slow:.2f})"
        print(f"{size:4}{f'{least}..{most}':>9}{dense:9.2f}{cells}{slow:10.2f}{last:>14}")
    shuffled_rows(completions, repeats)


def shuffled_rows(completions: int, repeats: int) -> None:
    """Groups of 4 to 28 whose rows come in any order."""
    flat = groups_of(DIRICHLET, completions, 16).ravel()
    ids, out = np.random.default_rng(0).permutation(mixed_ids(flat.size, 4, 28)), np.empty(flat.size)
    wide, narrow = ((np.empty(flat.size, keys), np.arange(flat.size, dtype=keys)) for keys in (np.uint64, np.uint32))
    ways = {
        "radix sort of shuffled group ids": lambda: radix_sort(ids, *wide),
        "the same with 32-bit keys and places": lambda: radix_sort(ids, *narrow),
        "rewards of shuffled rows, groups of 4..28": partial(polyest.rewards, flat, ids, "log", "harmonic", out=out),
    }
    costs = race([*ways.values()], flat.size, repeats)
    print("\nns per completion; bound: 2 × radix sort")
    for name, cost in zip(ways, costs, strict=True):
        print(f"{name:44}{cost:8.2f}   {cost / costs[0]:.2f} × radix sort")
    stable = nanoseconds(partial(np.argsort, ids, kind="stable"), flat.size, 1)
    print(f"{'(numpy stable argsort of them)':44}{stable:8.2f}")
