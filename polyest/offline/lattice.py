"""Lattices in exact integers: a reduced basis, and the lattice vector that Babai's nearest plane finds.

The integral form of the LLL algorithm (de Weger; Cohen 1993, *A Course in Computational Algebraic Number Theory*,
alg. 2.6.7) keeps d_i, the Gram determinant of the first i rows, and λ_ij = d_{j+1} μ_ij with the Gram–Schmidt
coefficients μ_ij; all of them are integers. So what comes out depends on the input alone, on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import gmpy2
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Basis", "reduced"]

Integers: TypeAlias = NDArray[np.object_]  # gmpy2's


class Basis:
    """Independent integer rows, one after the other, with their integral Gram–Schmidt coefficients."""

    def __init__(self) -> None:
        self.rows: list[Integers] = []  # b_i
        self.d: list[gmpy2.mpz] = [gmpy2.mpz(1)]  # the Gram determinants
        self.factors: list[Integers] = []  # λ_ij at [i][j], j < i

    def append(self, row: ArrayLike) -> None:
        """One more row; the last one may depend on the others."""
        vector, factors = _integers(np.asarray(row, object)), np.zeros(len(self.rows), dtype=object)
        for j, other in enumerate(self.rows):
            factors[j] = self._projected(vector @ other, factors[:j], self.factors[j])
        self.d.append(self._projected(vector @ vector, factors, factors))
        self.rows.append(vector)
        self.factors.append(factors)

    def _projected(self, product: gmpy2.mpz, a: Integers, b: Integers) -> gmpy2.mpz:
        """d_n times the scalar product of two vectors orthogonal to the first n rows; a, b: their λ along these."""
        for i in range(len(a)):
            product = (self.d[i + 1] * product - a[i] * b[i]) // self.d[i]
        return product

    def shorten(self, k: int, j: int) -> None:
        """Subtract the multiple of row j from row k that leaves |μ_kj| ≤ ½."""
        d, factors = self.d[j + 1], self.factors[k]
        times = (2 * factors[j] + d) // (2 * d)
        if times:
            self.rows[k] = self.rows[k] - times * self.rows[j]
            factors[:j] -= times * self.factors[j]
            factors[j] -= times * d

    def is_ordered(self, k: int) -> bool:
        """Lovász's condition at rows k − 1 and k: ‖b*_k‖² ≥ (¾ − μ²)·‖b*_{k−1}‖²."""
        d = self.d
        return k == 0 or bool(4 * (d[k + 1] * d[k - 1] + self.factors[k][k - 1] ** 2) >= 3 * d[k] ** 2)

    def swap(self, k: int) -> None:
        """Exchange rows k − 1 and k."""
        d, factor = self.d, self.factors[k][k - 1]
        self.rows[k - 1], self.rows[k] = self.rows[k], self.rows[k - 1]
        before, after = self.factors[k - 1], self.factors[k]
        self.factors[k - 1], self.factors[k] = after[:-1], np.append(before, factor)
        smaller = (d[k - 1] * d[k + 1] + factor**2) // d[k]
        for row in self.factors[k + 1 :]:
            first = (d[k + 1] * row[k - 1] - factor * row[k]) // d[k]
            row[k - 1], row[k] = (smaller * row[k] + factor * first) // d[k + 1], first
        d[k] = smaller

    def nearest_plane(self, target: ArrayLike) -> Integers:
        """The target less a lattice vector, along no Gram–Schmidt vector longer than half of that (Babai 1986).

        >>> reduced([[2, 0], [1, 3]]).nearest_plane([12, 4]).astype(int).tolist()
        [-1, 1]
        """
        n = len(self.rows)
        self.append(target)
        for j in reversed(range(n)):
            self.shorten(n, j)
        del self.d[-1], self.factors[-1]
        return self.rows.pop()


def reduced(rows: Sequence[ArrayLike] | Integers) -> Basis:
    """An LLL-reduced basis (δ = ¾) of the lattice that independent integer rows span.

    >>> np.array(reduced([[1, 0, 4], [0, 1, 7]]).rows).astype(int).tolist()
    [[-2, 1, -1], [-1, 1, 3]]
    """
    basis, k = Basis(), 0
    while k < len(rows):
        if k == len(basis.rows):
            basis.append(rows[k])
        if k > 0:
            basis.shorten(k, k - 1)
        if basis.is_ordered(k):
            for j in reversed(range(k - 1)):
                basis.shorten(k, j)
            k += 1
        else:
            basis.swap(k)
            k -= 1
    return basis


_integers = np.frompyfunc(gmpy2.mpz, 1, 1)
