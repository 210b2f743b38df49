"""What other forms of input cost than integers in rows: hashable answers, groups of mixed sizes, rows in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import polyest
from benchmarks.rollout_groups import DIRICHLET, groups_of, race

LARGEST_BATCH = 10**6
NAMINGS = ("ascending", "permuted", "64-bit")
SIZES = {8: (2, 14), 16: (4, 28), 17: (2, 31), 32: (8, 56), 64: (16, 112)}
CALLS = {
    "plain": ("rewards", True),
    "advantages": ("advantages", False),
    "plain advantages": ("advantages", True),
}
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

__all__ = ["hashable", "mixed_ids", "ragged"]


def hashable(completions: int, repeats: int) -> None:
    """Strings and other hashable answers, made anew for every call: a string computes its hash once.

    Those of shuffled rows are made in that order, as rollouts that arrive so.
    """
    total = min(completions, LARGEST_BATCH) // 16 * 16
    print(f"\nns per completion of rewards at K = 16, {total:,} hashable answers; bounds: 1.5 × the largest that")
    print("the README published before the runtime was simplified (5246a54): strings 153, 159 and 225, with None")
    print("136, 100 and 190; integers 82, 54 and 132")
    print(f"{'':40}{'nested lists':>14}{'flat, group ids':>17}{'shuffled rows':>15}")
    rng = np.random.default_rng(0)
    groups, different = np.repeat(np.arange(total // 16), 16), rng.integers(0, 10**6, total)
    columns, order = (groups, groups_of(DIRICHLET, total, 16).ravel(), different), rng.permutation(total)
    moved, est = [column[order] for column in columns], polyest.load("log", 16, "harmonic")
    rows = [[column[i : i + 16] for column in columns] for i in range(0, total, 16)]
    score = partial(polyest.rewards, target="log", method="harmonic")
    for name, make in HASHABLE.items():
        costs = [
            fresh_cost(lambda make=make: [answers_of(make, row) for row in rows], est.rewards, total, repeats),
            fresh_cost(partial(answers_of, make, columns), partial(score, groups=groups), total, repeats),
            fresh_cost(partial(answers_of, make, moved), partial(score, groups=groups[order]), total, repeats),
        ]
        print(f"{name:40}{costs[0]:14.0f}{costs[1]:17.0f}{costs[2]:15.0f}")


def answers_of(make: Callable[[int, int, int], Any], columns: Iterable[NDArray[np.int64]]) -> list[Any]:
    return [*map(make, *(column.tolist() for column in columns))]


def fresh_cost(make: Callable[[], Any], score: Callable[[Any], object], items: int, repeats: int) -> float:
    """The least time to score answers that were made for this call."""
    return min(race([partial(score, make())], items, 1, warm=False)[0] for _ in range(repeats))


def mixed_ids(total: int, least: int, most: int) -> NDArray[np.int64]:
    """Ids of groups of least..most completions that lie together, `total` in all; the last may be a little larger."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(least, most + 1, total // least + 1)
    ends = sizes.cumsum()
    groups = int(np.searchsorted(ends, total - most)) + 1
    rest = total - int(ends[groups - 1])
    if rest < least:
        sizes[groups - 1] += rest
    else:
        sizes[groups], groups = rest, groups + 1
    return np.repeat(np.arange(groups), sizes[:groups])


def namings(groups: int) -> tuple[NDArray[np.int64], ...]:
    """Ids of groups: 0, 1, …, a permutation of them, and any 64-bit integers."""
    rng = np.random.default_rng(0)
    return np.arange(groups), rng.permutation(groups), rng.integers(-(2**63), 2**63, groups)


def ragged(completions: int, repeats: int) -> None:
    """Mixed sizes, contiguous or shuffled, against the dense form and numpy's sort of the group ids."""
    print(f"\nns per completion, {completions:,} completions; in brackets × dense (bound: 2.5); ids of groups that lie")
    print("together ascend, are a permutation of 0, 1, …, or any 64-bit integers, as are those of the columns behind;")
    print("groups of K, or of mixed sizes; `out` is given, but where calls are plain")
    columns = "".join(f"{names:>14}" for names in NAMINGS * 2)
    print(f"{'':22}{'of K':^42}{'mixed':^42}" + "".join(f"{title:^24}" for title in CALLS))
    print(f"{'K':>4}{'sizes':>9}{'dense':>9}{columns}" + f"{'dense':>10}{'mixed':>14}" * len(CALLS))
    for size, (least, most) in SIZES.items():
        answers = groups_of(DIRICHLET, completions, size)
        flat, est = answers.ravel(), polyest.load("log", size, "harmonic")
        out = np.empty(flat.size)
        equal, mixed = np.repeat(np.arange(len(answers)), size), mixed_ids(flat.size, least, most)
        ids = [names[groups] for groups in (equal, mixed) for names in namings(groups[-1] + 1)]
        forms = [partial(est.rewards, answers, out=out.reshape(answers.shape))]
        forms += [partial(polyest.rewards, flat, groups, "log", "harmonic", out=out) for groups in ids]
        for kind, is_plain in CALLS.values():
            one, other = ({}, {}) if is_plain else ({"out": out.reshape(answers.shape)}, {"out": out})
            forms += [partial(getattr(est, kind), answers, **one)]
            forms += [partial(getattr(polyest, kind), flat, ids[-1], "log", "harmonic", **other)]
        dense, *costs = race(forms, flat.size, repeats)
        rewards, rest = costs[: len(ids)], costs[len(ids) :]
        cells = "".join(f"{f'{cost:.2f} ({cost / dense:.2f})':>14}" for cost in rewards)
        cells += "".join(
            f"{one:10.2f}{f'{other:.2f} ({other / one:.2f})':>14}"
            for one, other in zip(rest[::2], rest[1::2], strict=True)
        )
        print(f"{size:4}{f'{least}..{most}':>9}{dense:9.2f}{cells}")
    shuffled_rows(completions, repeats)


def shuffled_rows(completions: int, repeats: int) -> None:
    """Groups of 4 to 28 whose rows come in any order."""
    print("\nns per completion of shuffled rows, groups of 4..28; in brackets × numpy's stable argsort of the ids")
    print(f"{'ids':>16}{'rewards':>18}{'argsort':>10}")
    flat, groups = groups_of(DIRICHLET, completions, 16).ravel(), mixed_ids(completions // 16 * 16, 4, 28)
    order, out = np.random.default_rng(0).permutation(flat.size), np.empty(flat.size)
    for name, names in zip(NAMINGS, namings(groups[-1] + 1), strict=True):
        ids = names[groups][order]
        (rewards,) = race([partial(polyest.rewards, flat, ids, "log", "harmonic", out=out)], flat.size, repeats)
        (stable,) = race([partial(np.argsort, ids, kind="stable")], flat.size, 1)
        print(f"{name:>16}{f'{rewards:.2f} ({rewards / stable:.2f})':>18}{stable:10.2f}")
