"""Graded rewards on torch tensors: best of n and other L-statistics, where the rewards are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from polyest.adapters.torch.checks import check_dtype
from polyest.errors import ArgumentError
from polyest.graded import Objective
from polyest.graded.tables import KINDS

__all__ = ["GradedObjective"]


class GradedObjective(torch.nn.Module):
    """An objective of `polyest.graded` for groups of K completions, as a module.

    Every method takes `rewards` of shape (..., K), a tensor of real numbers on the module's device, and returns a
    tensor on that device: those of `polyest.graded`, computed in float64 (float32 on MPS) and rounded once to `dtype`.
    Nothing waits for the device, no shape depends on data, ``torch.compile(fullgraph=True)`` works, and no gradient
    flows. Because of that a NaN or ±inf is no error here: it is not ranked either, its whole group scores NaN.

    Attributes:
        objective: what is estimated.
        dtype: of the results, torch.float32 or torch.float64.

    >>> from polyest.graded import best_of
    >>> module = GradedObjective(best_of(3, group_size=5))
    >>> module.advantages(torch.tensor([[1.0, 4, 2, 8, 5]]))
    tensor([[-1.3750, -0.8750, -1.3750, 10.6250,  0.5000]])
    """

    def __init__(self, objective: Objective, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        if not isinstance(objective, Objective) or objective.group_size is None:
            raise ArgumentError(
                f"`objective` must be made by polyest.graded with a group_size, got {objective!r:.60}; "
                "for instance best_of(4, group_size=16)"
            )
        self.objective = objective
        self.dtype = check_dtype(dtype)
        self._place(None)

    def forward(self, rewards: Tensor) -> Tensor:
        """`advantages`, or with a baseline `rewards`."""
        return self.rewards(rewards) if self.objective.baseline else self.advantages(rewards)

    def rewards(self, rewards: Tensor) -> Tensor:
        """`polyest.graded.Objective.rewards`, shape (..., K)."""
        return self._scores("rewards", rewards)

    def advantages(self, rewards: Tensor) -> Tensor:
        """`polyest.graded.Objective.advantages`, shape (..., K)."""
        if self.objective.baseline is not None:
            self.objective.pay("advantages")  # raises the reason why there are none
        return self._scores("advantages", rewards)

    def values(self, rewards: Tensor) -> Tensor:
        """`polyest.graded.Objective.values`, shape (...,)."""
        x = self._read(rewards)
        up, down = self._sums("values", x.sort(dim=-1).values)
        return _or_nan(up[..., -1] - down[..., 0], x, keepdim=False).to(self.dtype)

    def extra_repr(self) -> str:
        return f"{self.objective.name}, group_size={self.objective.group_size}, dtype={self.dtype}"

    def _scores(self, kind: str, rewards: Tensor) -> Tensor:
        x = self._read(rewards)
        ranked, order = x.sort(dim=-1)
        up, down = self._sums(kind, ranked)
        pay = (up - down).gather(-1, _first_of_ties(ranked))
        return _or_nan(torch.zeros_like(pay).scatter(-1, order, pay), x, keepdim=True).to(self.dtype)

    def _sums(self, kind: str, ranked: Tensor) -> tuple[Tensor, Tensor]:
        """See `polyest.graded.scoring`."""
        row = KINDS.index(kind)
        y, z = (ranked.clamp(min=0), ranked.clamp(max=0)) if self._is_split[row] else (ranked, ranked)
        zero = torch.zeros_like(ranked[..., :1])
        up = (torch.diff(y, dim=-1, prepend=zero) * self.pay[row, 0]).cumsum(-1)
        down = (torch.diff(z, dim=-1, append=zero) * self.pay[row, 1]).flip(-1).cumsum(-1).flip(-1)
        return up, down

    def _read(self, rewards: Tensor) -> Tensor:
        if not isinstance(rewards, Tensor) or rewards.dtype.is_complex:
            came = rewards.dtype if isinstance(rewards, Tensor) else type(rewards).__name__
            raise ArgumentError(f"`rewards` must be a torch tensor of real numbers, got {came}; use torch.as_tensor")
        if rewards.ndim == 0 or rewards.shape[-1] != self.objective.group_size:
            raise ArgumentError(
                f"`rewards` must have shape (..., {self.objective.group_size}), the group size of this "
                f"{self.objective.name}; got {tuple(rewards.shape)}; make an objective for that size"
            )
        if rewards.device != self.pay.device:
            raise ArgumentError(
                f"`rewards` must be on the module's device {self.pay.device}, got {rewards.device}; "
                "move one of them with .to(device)"
            )
        return rewards.detach().to(self.pay.dtype)

    def _place(self, device: torch.device | None) -> None:
        """The pay of every kind on a device, shape (3, 2, K)."""
        device = torch.empty(0, device=device).device
        kinds = [kind if kind != "advantages" or not self.objective.baseline else "rewards" for kind in KINDS]
        found = [self.objective.pay(kind) for kind in kinds]
        rows = [[pay.up.tolist(), pay.down.tolist()] for pay in found]
        self._is_split = [pay.is_split for pay in found]
        dtype = torch.float32 if device.type == "mps" else torch.float64
        self.register_buffer("pay", torch.tensor(rows, dtype=dtype, device=device), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> GradedObjective:
        """What ``.to``, ``.cuda``, ``.double`` … call: the tables change device only, and are never rounded."""
        asked = fn(torch.empty(0, dtype=self.dtype, device=self.pay.device))
        self.dtype = torch.float64 if asked.dtype == torch.float64 else torch.float32
        if asked.device != self.pay.device:
            self._place(asked.device)
        return self

    pay: Any


def _first_of_ties(ranked: Tensor) -> Tensor:
    """For every rank the first one with an equal reward: a parallel sum may round equal rewards differently."""
    ranks = torch.arange(ranked.shape[-1], device=ranked.device).expand(ranked.shape)
    new = torch.ones_like(ranked, dtype=torch.bool)
    new[..., 1:] = ranked[..., 1:] != ranked[..., :-1]
    return torch.where(new, ranks, 0).cummax(-1).values


def _or_nan(scores: Tensor, rewards: Tensor, keepdim: bool) -> Tensor:
    """The scores of groups whose rewards are finite; no negative zeros."""
    return torch.where(rewards.isfinite().all(-1, keepdim=keepdim), scores + 0.0, torch.nan)
