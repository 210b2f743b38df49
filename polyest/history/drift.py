"""What pooling costs when the policy moves between visits (docs/convergence.md, section 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError

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
    c = np.asarray(coefficients, dtype=np.float64)
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
    c, d = (np.asarray(given, dtype=np.float64) for given in (coefficients, distances))
    N = len(c)
    if d.shape != (N - 1,) or not (d >= 0).all():
        raise ArgumentError(f"`distances` must be {N - 1} numbers ≥ 0, one for each of the others; got shape {d.shape}")
    total = np.minimum(d, 1.0).sum()
    return float(drift_bounds(np.array(N), total, np.array(drift_sensitivity(c)), np.array(np.ptp(c))))


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
    if len(first) < 2 or len(second) < 2:
        raise ArgumentError(
            f"`first` and `second` must have at least 2 answers each, got {len(first)} and {len(second)}"
        )
    a, b = (Counter(answer for answer in group if answer is not None) for group in (first, second))
    within = _collisions(a, len(first)) + _collisions(b, len(second))
    return within - 2 * sum(a[z] * b[z] for z in a) / (len(first) * len(second))


def _collisions(counts: Counter[Hashable], size: int) -> float:
    return sum(n * (n - 1) for n in counts.values()) / (size * (size - 1))
