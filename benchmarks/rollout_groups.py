"""Groups of completions to time, as int64 ids spread over all 64 bits, and the clock to time them with."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
PATTERN = 1 << 20

__all__ = ["DIRICHLET", "KINDS", "dirichlet", "groups_of", "nanoseconds", "race"]


def dirichlet(rng: np.random.Generator, groups: int, size: int, alphabet: int = 12) -> tuple[Ids, NDArray[np.float64]]:
    """Answers 0..alphabet−1 with probabilities ~ Dirichlet(½) drawn for every group, and these probabilities."""
    probabilities = rng.dirichlet(np.full(alphabet, 0.5), groups)
    ends, draws = probabilities.cumsum(axis=1), rng.random((groups, size))
    answers = np.zeros((groups, size), np.int64)
    for end in ends[:, :-1].T:
        answers += draws > end[:, None]
    return answers, probabilities


def _dirichlet_ids(rng: np.random.Generator, groups: int, size: int) -> Ids:
    labels = rng.integers(-(2**62), 2**62, 1000)
    return labels[dirichlet(rng, groups, size)[0] + rng.integers(0, 988, (groups, 1))]


KINDS: dict[str, Callable[[np.random.Generator, int, int], Ids]] = {
    "12 answers ~ Dirichlet(1/2)": _dirichlet_ids,
    "all different": lambda rng, groups, size: rng.integers(-(2**62), 2**62, (groups, size)),
    "all the same": lambda rng, groups, size: np.full((groups, size), 7),
}

DIRICHLET = next(iter(KINDS))


def groups_of(kind: str, completions: int, size: int, seed: int = 0) -> Ids:
    """About that many completions in groups of `size`; beyond 2^20 completions the groups repeat."""
    total = max(completions // size, 1)
    distinct = min(total, max(PATTERN // size, 1))
    block = KINDS[kind](np.random.default_rng(seed), distinct, size)
    return np.ascontiguousarray(np.resize(block, (total, size)))


def nanoseconds(function: Callable[[], object], items: int, repeats: int = 5) -> float:
    """The least wall time of a few calls, per item."""
    return race([function], items, repeats, time.perf_counter_ns)[0]


def race(
    functions: Sequence[Callable[[], object]],
    items: int,
    repeats: int = 5,
    clock: Callable[[], int] = time.thread_time_ns,
    warm: bool = True,
) -> list[float]:
    """The least time of each function, per item, called in turns: other work on the machine hits them alike.

    Each is called once before, unless that is not wanted.

    The clock is that of the calling thread: on an idle machine it agrees with the wall's for work in one thread.
    """
    least = [math.inf] * len(functions)
    for function in functions if warm else ():
        function()
    for _ in range(repeats):
        for i, function in enumerate(functions):
            start = clock()
            function()
            least[i] = min(least[i], clock() - start)
    return [nanosecond / items for nanosecond in least]
