"""What scores should be, in plain Python: one group, one completion, one addition at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from polyest.online import backend

BACKENDS = ("numpy", "compiled")


@contextmanager
def using(name: str) -> Iterator[None]:
    """Score every batch with the numpy twin, or with numba."""
    before = backend.COLD_WORK, backend.WARM_WORK
    backend.COLD_WORK = backend.WARM_WORK = {"numpy": 1 << 60, "compiled": 0}[name]
    try:
        yield
    finally:
        backend.COLD_WORK, backend.WARM_WORK = before


def is_missing(answer: Any) -> bool:
    return answer is None or answer != answer


def matches(group: Sequence[Any]) -> list[int]:
    """m_i = #{j ≠ i : z_j = z_i}, 0 for no answer."""
    counts = Counter(answer for answer in group if not is_missing(answer))
    return [0 if is_missing(answer) else counts[answer] - 1 for answer in group]


def rewards(group: Sequence[Any], c: Sequence[float]) -> list[float]:
    return [c[m] for m in matches(group)]


def fixed_point(weights: Sequence[float]) -> tuple[list[int], int]:
    """The weights times 2^shift as integers: as fine as sums of that many of them fit 62 bits."""
    shift = 62 - len(weights).bit_length() - math.frexp(max(abs(w) for w in weights))[1]
    return [round(Fraction(w) * Fraction(2) ** shift) for w in weights], shift


def total(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Σ_i w[m_i], summed exactly in fixed point, rounded once."""
    integers, shift = fixed_point(weights)
    return float(sum(integers[m] for m in counts)) * 2.0**-shift


def value(group: Sequence[Any], c: Sequence[float]) -> float:
    return total(matches(group), c) / len(group)


def advantage_pay(c: Sequence[float], others: Sequence[float]) -> list[float]:
    """theory.md §5: A_i = c[m] − (T − c'[m] − m c'[m] + m c'[m−1])/(K−1), without its T, rounded once."""
    integers, shift = fixed_point([*others, 0.0])
    n, other = len(c) - 1, [Fraction(w, 1) / Fraction(2) ** shift for w in integers]
    return [float(Fraction(c[m]) - (-other[m] - m * other[m] + m * other[m - 1] * (m > 0)) / n) for m in range(n + 1)]


def advantages(group: Sequence[Any], c: Sequence[float], others: Sequence[float]) -> list[float]:
    """To the bit: a[m_i] − T/(K−1)."""
    m, pay = matches(group), advantage_pay(c, others)
    mean = total(m, [*others, 0.0]) / (len(c) - 1)
    return [pay[k] - mean for k in m]


def exact_advantages(group: Sequence[Any], c: Sequence[Any], others: Sequence[Any]) -> list[Fraction]:
    """By definition: the reward minus the mean reward of the others, scored as a group of K−1 without i."""
    result = []
    for i, m in enumerate(matches(group)):
        rest = [*group[:i], *group[i + 1 :]]
        baseline = sum(Fraction(others[k]) for k in matches(rest)) / len(rest)
        result.append(Fraction(c[m]) - baseline)
    return result
