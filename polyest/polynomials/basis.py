"""The Bernstein basis in FLINT's numbers: the only mathematics that solver and proof share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flint import arb

__all__ = ["bernstein_basis"]


def bernstein_basis(n: int, p: arb) -> list[arb]:
    """B_{0,n}(p) … B_{n,n}(p), from the nearer end: B_m = B_{m−1}·p/(1−p)·(n−m+1)/m, in numbers or balls of FLINT's."""
    if p > 1 - p:
        return bernstein_basis(n, 1 - p)[::-1]
    values, odds = [(1 - p) ** n], p / (1 - p)
    for m in range(1, n + 1):
        values.append(values[-1] * odds * (n - m + 1) / m)
    return values
