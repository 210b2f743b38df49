"""Advantages of weighted completions in numpy, theory.md §9; the twin of `weighted_kernels`, the same to the bit.

Sums over a group are taken in fixed-point integers, hence exact: permuting the completions changes no bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError
from polyest.online import engine, twin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Layout
    from polyest.online.lookup import Array

__all__ = ["advantages", "means", "read_weights"]

LARGEST = 1e200  # times a coefficient it stays finite
NONE = np.zeros(0, np.bool_)


def read_weights(weights: Any, shape: tuple[int, ...], ignored: NDArray[np.bool_] | None) -> Array:
    """One finite number for each completion, flat; 0 where there is no completion.

    Raises:
        ArgumentError: another shape than the answers', what are no real numbers, NaN, or sizes above 10^200.
    """
    try:
        given = np.asarray(weights)
        if given.dtype.kind in "cUSTMm":
            raise TypeError(f"{given.dtype} numbers")
        w = np.asarray(given, dtype=np.float64, order="C", copy=True if ignored is not None else None)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"`weights` must be real numbers, one for each completion; got {error}") from None
    if w.shape != shape:
        raise ArgumentError(
            f"`weights` must have the answers' shape {shape}, got {w.shape}; give one number for each completion"
        )
    if ignored is not None:
        w[ignored] = 0.0
    if w.size and not (w.min() >= -LARGEST and w.max() <= LARGEST):
        wrong = ~(np.abs(w) <= LARGEST)
        raise ArgumentError(
            f"`weights` must be finite and at most 1e200 in size, got {w[wrong][0]} (and {np.count_nonzero(wrong) - 1} "
            "more); give 0 to completions that count for nothing"
        )
    return w.reshape(-1)


def advantages(layout: Layout, weights: Array, absent: NDArray[np.bool_] | None, absent_pay: float, out: Any) -> None:
    """A_i = w_i c[m_i] − 1/(n−1) Σ_{j≠i} w_j c'[m_j − 1{z_j = z_i}]; NaN in a group of one, and outside all groups.

    Completions that are `absent` are paid `absent_pay` instead of c and c'.
    """
    out[...] = np.nan
    if engine.choose(layout.work) is not twin:
        _compiled(layout, weights, absent, absent_pay, out)
        return
    for size, _, rows in layout.blocks():
        codes, w = layout.codes[rows], weights[rows]
        counts, mine = twin.matches(codes), layout.tables.pay_of(size)
        others = layout.tables.weights_of(size) * layout.tables.scales[size]
        paid, rate = mine[counts], others[counts]
        if absent is not None:
            paid, rate = (np.where(absent[rows], absent_pay, x) for x in (paid, rate))
        rest = _rest(w * rate) - _same(codes, w) * (others[counts] - others[np.maximum(counts - 1, 0)])
        out[rows] = w * paid - rest / (size - 1)


def _compiled(layout: Layout, weights: Array, absent: NDArray[np.bool_] | None, absent_pay: float, out: Any) -> None:
    from polyest.online import weighted_kernels

    codes, gone, rows = layout.codes.astype(np.int64, copy=False), NONE if absent is None else absent, layout.rows
    if rows is None:
        weighted_kernels.advantages(codes, layout.starts, *layout.tables.arrays(), weights, gone, absent_pay, out)
        return
    scores, gone = np.full(len(rows), np.nan), gone if absent is None else gone[rows]
    rest = weights[rows], gone, absent_pay, scores
    weighted_kernels.advantages(codes[rows], layout.starts, *layout.tables.arrays(), *rest)
    out[rows] = scores


def _rest(values: Array) -> Array:
    """Σ_{j≠i} of each row, shape (G, n)."""
    integers, scales = _fixed(values)
    result: Array = (integers.sum(axis=1, keepdims=True) - integers) * scales
    return result


def _same(codes: NDArray[Any], weights: Array) -> Array:
    """Σ_{j≠i, z_j = z_i} w_j, shape (G, n)."""
    integers, scales = _fixed(weights)
    total = -integers
    for column in range(codes.shape[1]):
        total += np.where(codes == codes[:, column, None], integers[:, column, None], 0)
    result: Array = total * scales
    return result


def _fixed(values: Array) -> tuple[NDArray[np.int64], Array]:
    """Each row as integers × scale, so that no sum overflows."""
    exponents = np.frexp(np.abs(values).max(axis=1, keepdims=True))[1]
    shifts = np.minimum(62 - values.shape[1].bit_length() - exponents, 1000)
    integers = np.rint(values * np.ldexp(1.0, shifts)).astype(np.int64)
    return integers, np.ldexp(1.0, -shifts)


def means(layout: Layout, values: Array) -> Array:
    """The mean of each group's values, shape (G,); NaN for fewer than two completions."""
    result = np.full(len(layout.starts) - 1, np.nan)
    if engine.choose(layout.work) is not twin:
        from polyest.online import weighted_kernels

        weighted_kernels.means(values if layout.rows is None else values[layout.rows], layout.starts, result)
        return result
    for size, members, rows in layout.blocks():
        integers, scales = _fixed(values[rows])
        result[members] = integers.sum(axis=1) * scales[:, 0] / size
    return result
