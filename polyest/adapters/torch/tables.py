"""An estimator's look-up matrices as tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from polyest.adapters.lookup import Matrices
from polyest.adapters.torch.matches import Groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64] | NDArray[np.int64]

__all__ = ["Tables", "arrays", "constant", "finite", "wide_dtype"]

F = TypeVar("F", bound=Callable[..., object])


class Tables(NamedTuple):
    """`polyest.adapters.lookup.Matrices` on a device; integers × scales stand for numbers in fixed point.

    Attributes:
        reward_table: c, shape (R, K).
        shares, share_scales: c in fixed point, of values.
        advantage_table: a of A_i = a[m_i] − T/(n−1); None, as the next ones, if there are no advantages.
        weights, weight_scales: c' in fixed point, of T.
        weighted_tables: see `Matrices.weighted`, shape (3, R, K).
    """

    reward_table: Tensor
    shares: Tensor
    share_scales: Tensor
    advantage_table: Tensor | None = None
    weights: Tensor | None = None
    weight_scales: Tensor | None = None
    weighted_tables: Tensor | None = None

    @classmethod
    def place(cls, arrays: dict[str, Numbers], device: torch.device) -> Tables:
        """The arrays as tensors on a device."""
        wide = wide_dtype(device)
        return cls(**{
            name: torch.tensor(array, dtype=torch.int64 if array.dtype.kind == "i" else wide, device=device)
            for name, array in arrays.items()
        })  # fmt: skip

    def rewards(self, groups: Groups) -> Tensor:
        """c[m_i], shape (..., K)."""
        return _look_up(self.reward_table, groups.cells(groups.matches()))

    def value(self, groups: Groups) -> Tensor:
        """The mean of c[m_i] over each group, shape (..., 1)."""
        return _total(self.shares, self.share_scales, groups, groups.cells(groups.matches())) / groups.sizes

    def advantages(self, groups: Groups) -> Tensor:
        """a[m_i] − T/(n−1), T = Σ_j c'[m_j]."""
        assert self.advantage_table is not None
        assert self.weights is not None
        assert self.weight_scales is not None
        cells = groups.cells(groups.matches())
        total = _total(self.weights, self.weight_scales, groups, cells)
        return _look_up(self.advantage_table, cells) - total / (groups.sizes - 1)

    def weighted_advantages(self, groups: Groups, weights: Tensor) -> Tensor:
        """w_i a[m_i] + W_i e[m_i] − Σ_j w_j d[m_j]; W_i is the weight of all with the answer of i."""
        assert self.weighted_tables is not None
        matches, same = groups.matches_and_weights(weights)
        cells = groups.cells(matches).reshape(-1)
        own, step, rate = self.weighted_tables.flatten(1).unbind()
        total = finite(groups.sum(_picked(rate, cells, weights)))
        return _picked(own, cells, weights).add_(_picked(step, cells, same)).sub_(total)


def constant(function: F) -> F:
    """`torch.compiler.assume_constant_result`, which loads all of the compiler: that takes as long as torch itself."""
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


def wide_dtype(device: torch.device) -> torch.dtype:
    """The widest floats of a device: MPS has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def arrays(matrices: Matrices) -> dict[str, Numbers]:
    """The fields of `Tables`; those for advantages only if there are advantages."""
    found: dict[str, Numbers] = {"reward_table": matrices.rewards}
    found |= {"shares": matrices.shares.integers, "share_scales": matrices.shares.scales}
    if matrices.advantages is not None and matrices.weights is not None and matrices.weighted is not None:
        found |= {"advantage_table": matrices.advantages, "weighted_tables": matrices.weighted}
        found |= {"weights": matrices.weights.integers, "weight_scales": matrices.weights.scales}
    return found


def _look_up(table: Tensor, cells: Tensor) -> Tensor:
    return table.reshape(-1)[cells]


def finite(scores: Tensor) -> Tensor:
    """NaN in place of ±inf, which come of weights that are not finite."""
    return scores.sub(scores).add_(scores)


def _look_up_flat(table: Tensor, cells: Tensor, shaped: Tensor) -> Tensor:
    """The numbers at flat cells, in another tensor's shape; a plain index would take twice as long."""
    return table.index_select(0, cells).view_as(shaped)


def _picked(table: Tensor, cells: Tensor, factors: Tensor) -> Tensor:
    """The numbers at flat cells, times factors."""
    return _look_up_flat(table, cells, factors).mul_(factors)


def _total(integers: Tensor, scales: Tensor, groups: Groups, cells: Tensor) -> Tensor:
    """The exact sum of fixed-point numbers over each group, shape (..., 1), rounded once."""
    exact = groups.sum(_look_up(integers, cells))
    return exact.to(scales.dtype) * scales[0 if isinstance(groups.sizes, int) else groups.sizes]
