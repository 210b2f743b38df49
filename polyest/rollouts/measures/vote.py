"""vote@k: that the most frequent answer among k of a group's completions is correct, exactly, from counts.

Of all C(K, k) ways to draw k completions, the share in which the winner is correct. Ties are shared evenly among the
answers that tie; completions without an answer do not vote, and nothing wins where none votes.

The answers that come exactly j times win if all others come less often. With A_z(x) = Σ_{i<j} C(n_z, i) x^i and
B_z = C(n_z, j) x^j the number of ways is the coefficient of x^k in Σ_j ∫_0^1 Σ_z w_z B_z Π_{y≠z} (A_y + t B_y) dt, w_z
the share of correct ones among those that gave z: the integral over t divides by the number of answers that tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["cost", "vote"]

AT_ONCE = 1 << 20  # numbers of an array


def vote(counts: Whole, shares: Array, missing: Whole, ks: Sequence[int]) -> Array:
    """The probabilities for every k, shape (G, len(ks)), of groups of one size.

    Args:
        counts: of the distinct answers, 0 where a group has fewer, shape (G, D).
        shares: of correct ones among those that gave it, shape (G, D).
        missing: completions without an answer, shape (G,).
        ks: none above the size of the groups.

    >>> vote(np.array([[2, 1]]), np.array([[1.0, 0.0]]), np.array([0]), [1, 2, 3]).round(4).tolist()
    [[0.6667, 0.6667, 1.0]]
    """
    size, last = int(counts[0].sum() + missing[0]), max(ks)
    ways = _binomials(size, last)
    step = max(AT_ONCE // (last * (last // 2 + 1)), 1)
    pieces = [slice(start, start + step) for start in range(0, len(counts), step)]
    won = np.concatenate([_won(counts[piece], shares[piece], missing[piece], ways) for piece in pieces])
    return np.asarray(won[:, list(ks)] / ways[size, list(ks)])


def cost(size: int) -> int:
    """Multiplications that a group of this size takes, at most."""
    return 2 * size * (size + 1) * sum(size // (2 * j) + 1 for j in range(1, size + 1))


def _binomials(size: int, last: int) -> Array:
    """C(n, i), n = 0..size, i = 0..last."""
    ways = np.zeros((size + 1, last + 1))
    ways[:, 0] = 1.0
    for n in range(1, size + 1):
        ways[n, 1:] = ways[n - 1, 1:] + ways[n - 1, :-1]
    return ways


def _won(counts: Whole, shares: Array, missing: Whole, ways: Array) -> Array:
    """The number of ways in which the winner is correct, k = 0..last, shape (G, last + 1)."""
    last = ways.shape[1] - 1
    won = np.zeros((len(counts), last + 1))
    for j in range(1, min(int(counts.max(initial=0)), last) + 1):
        nodes, weights = np.polynomial.legendre.leggauss(last // (2 * j) + 1)
        won += _with_top(j, counts, shares, ways[missing], ways, (nodes + 1) / 2) @ (weights / 2)
    return won


def _with_top(j: int, counts: Whole, shares: Array, others: Array, ways: Array, t: Array) -> Array:
    """Those of them in which it has j votes, at each node t, shape (G, last + 1, nodes)."""
    product = np.repeat(others[:, :, None], len(t), axis=2)
    chosen = np.zeros_like(product)
    for z in np.flatnonzero(counts.any(axis=0)).tolist():
        terms = ways[counts[:, z]][:, : j + 1, None]
        winner = shares[:, z, None, None] * terms[:, j, None] * product[:, : product.shape[1] - j]
        product, chosen = _times(product, terms, t), _times(chosen, terms, t)
        chosen[:, j:] += winner
    return chosen


def _times(polynomial: Array, terms: Array, t: Array) -> Array:
    """The product with Σ_{i<j} terms_i x^i + t·terms_j x^j, terms_0 = 1."""
    j, length = terms.shape[1] - 1, polynomial.shape[1]
    result = polynomial.copy()
    for i in range(1, j + 1):
        result[:, i:] += (terms[:, i, None] * (t if i == j else 1.0)) * polynomial[:, : length - i]
    return result
