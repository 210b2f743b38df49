"""Graded rewards on torch tensors: best of n and other L-statistics, where the rewards are."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from polyest.adapters.gaps import check_objective, pay_by_size
from polyest.adapters.torch.checks import check_dense, check_device, check_dtype, check_usable
from polyest.adapters.torch.tables import wide_dtype
from polyest.errors import ArgumentError
from polyest.graded import Objective
from polyest.graded.reading import check_missing
from polyest.graded.tables import KINDS

__all__ = ["GradedObjective"]


class GradedObjective(torch.nn.Module):
    """An objective of `polyest.graded` for groups of K completions, as a module.

    Every method takes `rewards` of shape (..., K), a tensor of real numbers on the module's device, and returns a
    tensor on that device: those of `polyest.graded`, computed in float64 (float32 on MPS) and rounded once to `dtype`.
    Nothing waits for the device, no shape depends on data, ``torch.compile(fullgraph=True)`` works, and no gradient
    flows. Because of that a NaN or ±inf is no error here: it is not ranked either, its whole group scores NaN. With
    ``missing="drop"`` a completion whose reward is NaN is left out instead, as one that is not `usable` is (booleans of
    the rewards' shape): it scores NaN, and its group is scored by the table of as many as are left, or NaN where these
    are too few. The first such call makes these tables.

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
        self.objective = check_objective(objective)
        self._by_size: dict[tuple[str, torch.device], Tensor] = {}
        self.dtype = check_dtype(dtype)
        self._place(None)

    def forward(self, rewards: Tensor, missing: str | None = None, usable: Tensor | None = None) -> Tensor:
        """`advantages`, or with a baseline `rewards`."""
        return (self.rewards if self.objective.baseline else self.advantages)(rewards, missing, usable)

    def rewards(self, rewards: Tensor, missing: str | None = None, usable: Tensor | None = None) -> Tensor:
        """`polyest.graded.Objective.rewards`, shape (..., K)."""
        return self._scores("rewards", rewards, missing, usable)

    def advantages(self, rewards: Tensor, missing: str | None = None, usable: Tensor | None = None) -> Tensor:
        """`polyest.graded.Objective.advantages`, shape (..., K)."""
        if self.objective.baseline is not None:
            self.objective.pay("advantages")  # raises the reason why there are none
        return self._scores("advantages", rewards, missing, usable)

    def values(self, rewards: Tensor, missing: str | None = None, usable: Tensor | None = None) -> Tensor:
        """`polyest.graded.Objective.values`, shape (...,)."""
        x, absent = self._read(rewards, missing, usable)
        up, down = self._sums("values", *_sorted(x, absent)[::2])
        return _or_nan(up[..., -1] - down[..., 0], x, keepdim=False).to(self.dtype)

    def extra_repr(self) -> str:
        return f"{self.objective.name}, group_size={self.objective.group_size}, dtype={self.dtype}"

    def _scores(self, kind: str, rewards: Tensor, missing: str | None, usable: Tensor | None) -> Tensor:
        x, absent = self._read(rewards, missing, usable)
        ranked, order, sizes = _sorted(x, absent)
        up, down = self._sums(kind, ranked, sizes)
        pay = (up - down).gather(-1, _first_of_ties(ranked))
        scores = _or_nan(torch.zeros_like(pay).scatter(-1, order, pay), x, keepdim=True).to(self.dtype)
        return scores if absent is None else torch.where(absent, torch.nan, scores)

    def _sums(self, kind: str, ranked: Tensor, sizes: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `polyest.graded.scoring`."""
        row = KINDS.index(kind)
        rates = self.pay[row] if sizes is None else self._sized(kind)[:, sizes]
        y, z = (ranked.clamp(min=0), ranked.clamp(max=0)) if self._is_split[row] else (ranked, ranked)
        zero = torch.zeros_like(ranked[..., :1])
        up = (torch.diff(y, dim=-1, prepend=zero) * rates[0]).cumsum(-1)
        down = (torch.diff(z, dim=-1, append=zero) * rates[1]).flip(-1).cumsum(-1).flip(-1)
        return up, down

    def _sized(self, kind: str) -> Tensor:
        """The pay of one kind in groups of 0..K, shape (2, K + 1, K)."""
        if torch.compiler.is_compiling():
            from polyest.adapters.torch.constants import constant

            made: Tensor = constant(self, GradedObjective._size, kind)
            return made
        return self._size(kind)

    def _size(self, kind: str) -> Tensor:
        key = kind, self.pay.device
        if key not in self._by_size:
            self._by_size[key] = torch.tensor(pay_by_size(self.objective, kind), dtype=self.pay.dtype, device=key[1])
        return self._by_size[key]

    def _read(self, rewards: Tensor, missing: str | None, usable: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The rewards, 0 where they are absent, and which are: a mask, or None if all are there."""
        check_missing(missing)
        if not isinstance(rewards, Tensor) or rewards.dtype.is_complex:
            came = rewards.dtype if isinstance(rewards, Tensor) else type(rewards).__name__
            raise ArgumentError(f"`rewards` must be a torch tensor of real numbers, got {came}; use torch.as_tensor")
        if rewards.ndim == 0 or rewards.shape[-1] != self.objective.group_size:
            raise ArgumentError(
                f"`rewards` must have shape (..., {self.objective.group_size}), the group size of this "
                f"{self.objective.name}; got {tuple(rewards.shape)}; make an objective for that size"
            )
        check_dense("rewards", rewards)
        check_device("rewards", rewards, self.pay)
        if usable is not None:
            check_usable(usable, rewards)
        x, absent = rewards.detach().to(self.pay.dtype), None if usable is None else ~usable
        if missing is not None:
            absent = x.isnan() if absent is None else absent | x.isnan()
        return x if absent is None else torch.where(absent, 0.0, x), absent

    def _place(self, device: torch.device | None) -> None:
        """The pay of every kind on a device, shape (3, 2, K)."""
        device = torch.empty(0, device=device).device
        kinds = [kind if kind != "advantages" or not self.objective.baseline else "rewards" for kind in KINDS]
        found = [self.objective.pay(kind) for kind in kinds]
        rows = [[pay.up.tolist(), pay.down.tolist()] for pay in found]
        self._is_split = [pay.is_split for pay in found]
        self.register_buffer("pay", torch.tensor(rows, dtype=wide_dtype(device), device=device), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> GradedObjective:
        """What ``.to``, ``.cuda``, ``.double`` … call: the tables change device only, and are never rounded."""
        asked = fn(torch.empty(0, dtype=self.dtype, device=self.pay.device))
        self.dtype = torch.float64 if asked.dtype == torch.float64 else torch.float32
        if asked.device != self.pay.device:
            self._place(asked.device)
        return self

    pay: Tensor


def _sorted(x: Tensor, absent: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """The rewards of each group in ascending order, then zeros for those that are absent; whose they are; n."""
    if absent is None:
        return *x.sort(dim=-1), None
    ranked, order = torch.where(absent, torch.inf, x).sort(dim=-1)
    sizes = (~absent).sum(-1)
    ranks = torch.arange(x.shape[-1], device=x.device)
    return torch.where(ranks < sizes[..., None], ranked, 0.0), order, sizes


def _first_of_ties(ranked: Tensor) -> Tensor:
    """For every rank the first one with an equal reward: a parallel sum may round equal rewards differently."""
    ranks = torch.arange(ranked.shape[-1], device=ranked.device).expand(ranked.shape)
    new = torch.ones_like(ranked, dtype=torch.bool)
    new[..., 1:] = ranked[..., 1:] != ranked[..., :-1]
    return torch.where(new, ranks, 0).cummax(-1).values


def _or_nan(scores: Tensor, rewards: Tensor, keepdim: bool) -> Tensor:
    """The scores of groups whose rewards are finite; no negative zeros."""
    return torch.where(rewards.isfinite().all(-1, keepdim=keepdim), scores + 0.0, torch.nan)
