"""What pooling costs when the policy moves between visits (docs/convergence.md, section 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import is_masked, read_numbers
from polyest.errors import ArgumentError, shortened

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Numbers = NDArray[np.integer]

__all__ = ["drift_bias", "drift_bounds", "drift_sensitivity", "squared_drift"]


def drift_sensitivity(coefficients: ArrayLike) -> float:
    """A = max_m (m+1)·|c_{m+1} − c_m|: how strongly a table reacts to one more match; exactly 1 for harmonic.

    >>> drift_sensitivity([-1.5, -0.5, 0.0])
    1.0
    """
    return _sensitivity(_read(coefficients, "coefficients"))


def _sensitivity(c: Array) -> float:
    return float((np.arange(1, len(c)) * np.abs(np.diff(c))).max()) if len(c) > 1 else 0.0


def drift_bias(coefficients: ArrayLike, distances: ArrayLike) -> float:
    """How much drift can add to the bias p·|E c[m] − r(p)| of a pooled completion, whatever p is.

    With D = Σ_j d_j over the N−1 others, A·D·(D/(N−2) + 1/(N−1)), and never more than max c − min c.

    Args:
        coefficients: the table of the pool's size N, shape (N,).
        distances: d_j ≥ |p_j − p|, one for each of the N−1 others (0 for those of the same visit), shape (N−1,).

    Returns:
        The bound; add the certificate's worst-case bias at N for the whole bias.

    Raises:
        ArgumentError: a wrong shape or a negative distance.

    Source: docs/convergence.md, proposition 4; it holds for drift that does not depend on the pooled answers.

    >>> drift_bias([-1.5, -0.5, 0.0], [0.0, 0.01])
    0.0051
    """
    c, d = _read(coefficients, "coefficients"), _read(distances, "distances")
    N = len(c)
    if N < 2:
        raise ArgumentError(f"`coefficients` must be of a pool of 2 or more, got {N}; a single one is not compared")
    if d.shape != (N - 1,) or not (d >= 0).all():
        raise ArgumentError(
            f"`distances` must be {N - 1} numbers ≥ 0, one for each of the others; got {shortened(distances)}; give 0 "
            "for those of the same visit"
        )
    total = np.minimum(d, 1.0).sum()
    return float(drift_bounds(np.array(N), total, np.array(_sensitivity(c)), np.array(np.ptp(c))))


def drift_bounds(sizes: Numbers, totals: Array, sensitivities: Array, spreads: Array) -> Array:
    """`drift_bias` of tables of N ≥ 2 with their A and max c − min c, from D = Σ_j d_j; elementwise."""
    mean = np.where(sizes > 2, np.minimum(totals / np.maximum(sizes - 2, 1), 1.0), np.sign(totals))
    return np.minimum(sensitivities * totals * (mean + 1 / (sizes - 1)), spreads)


def squared_drift(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """An unbiased estimate of Σ_z (ν_1(z) − ν_2(z))² from a group of each; None matches nothing. May be negative.

    It is a diagnosis, not a bound: one pair of groups says little.

    >>> squared_drift([1, 1], [2, 2])
    2.0
    """
    a, b = _counts(first, "first"), _counts(second, "second")
    within = _collisions(a, len(first)) + _collisions(b, len(second))
    return within - 2 * sum(a[z] * b[z] for z in a) / (len(first) * len(second))


def _counts(group: Sequence[Hashable], argument: str) -> Counter[Hashable]:
    is_group = isinstance(group, Sequence | np.ndarray) and not isinstance(group, str | bytes) and not is_masked(group)
    try:
        if not is_group or len(group) < 2:
            raise TypeError
        return Counter(answer for answer in group if answer is not None)
    except TypeError:
        raise ArgumentError(
            f"`{argument}` must be a list of at least 2 hashable answers, got {shortened(group)}; pass a group of each "
            "visit"
        ) from None


def _read(values: ArrayLike, argument: str) -> Array:
    """Finite numbers, flat."""
    required = "a flat array of finite numbers"
    array = read_numbers(values, argument, required, "one for each")
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ArgumentError(f"`{argument}` must be {required}, got {shortened(values)}; give one for each")
    return array


def _collisions(counts: Counter[Hashable], size: int) -> float:
    return sum(n * (n - 1) for n in counts.values()) / (size * (size - 1))
