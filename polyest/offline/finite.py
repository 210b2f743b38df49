"""The fast twin of `polyest.offline.specification.least_norm`: minimise ‖y‖ subject to |offset + rows·y| ≤ 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from polyest.errors import SolveError

__all__ = ["least_distance"]


def least_distance(rows: Any, offset: Any, norm: float) -> tuple[Any, Any]:
    """y and the multipliers λ, y = −rowsᵀλ/2, by non-negative least squares (Lawson & Hanson 1974, ch. 23).

    Args:
        rows, offset: the constraints, shapes (P, r) and (P,).
        norm: about ‖y‖, for the scale; within an order of magnitude will do.

    Raises:
        SolveError: the constraints contradict each other, or rounding makes them appear to.
    """
    from scipy.optimize import nnls

    if len(rows) == 0:  # scipy's would end the process
        return np.zeros(rows.shape[1]), np.zeros(0)
    sides = np.vstack([-rows, rows]) * norm
    bounds = np.concatenate([offset - 1, -1 - offset])
    image = np.zeros(rows.shape[1] + 1)
    image[-1] = 1.0
    try:
        u, _ = nnls(np.vstack([sides.T, bounds]), image, maxiter=50 * len(bounds))
    except RuntimeError as error:
        raise SolveError(f"non-negative least squares failed: {error}") from None
    scale = 1 - bounds @ u
    if scale <= 0:
        raise SolveError("the bias budget is below the least bias: no table meets it")
    multipliers = 2 * norm**2 * u / scale
    upper, lower = np.split(multipliers, 2)
    return norm * (sides.T @ u) / scale, upper - lower
