"""Linear systems with a symmetric positive definite matrix of multi-precision numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polyest.errors import SolveError

__all__ = ["cholesky"]


def cholesky(matrix: Any) -> Callable[[Any], Any]:
    """A function that solves matrix·x = r for x; one factorisation L·D·Lᵀ serves every r.

    Args:
        matrix: symmetric and positive definite, shape (N, N), numpy's object arrays included.

    Raises:
        SolveError: a pivot is not positive.

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 3.0]]))(np.array([8.0, 8.0])).tolist()
    [1.0, 2.0]
    """
    lower, n = matrix.copy(), len(matrix)
    for i in range(n):
        if not lower[i, i] > 0:
            raise SolveError(f"the matrix is not positive definite at the working precision (pivot {i} of {n})")
        column = lower[i + 1 :, i].copy()
        lower[i + 1 :, i] = column / lower[i, i]
        for j in range(len(column)):
            lower[i + 1 + j, i + 1 : i + 2 + j] -= lower[i + 1 + j, i] * column[: j + 1]

    def solve(r: Any) -> Any:
        x = r.copy()
        for i in range(n):
            x[i + 1 :] -= lower[i + 1 :, i] * x[i]
        x = x / np.diag(lower)
        for i in range(n - 1, -1, -1):
            x[:i] -= lower[i, :i] * x[i]
        return x

    return solve
