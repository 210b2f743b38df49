"""A batch as verl hands it to an advantage estimator."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import verl
from packaging.specifiers import SpecifierSet

from polyest.adapters.ragged import rows_by_size
from polyest.errors import ArgumentError
from polyest.online.answers import read_answers

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Uids = Sequence[Hashable] | NDArray[np.object_]

__all__ = ["TESTED", "Batch", "check_version"]

TESTED = "==0.9.*"


@dataclass(frozen=True)
class Batch:
    """The completions of a batch, without verl's padding: without the groups that have no token to train.

    Attributes:
        rewards: the sum of each completion's token-level rewards, shape (N,).
        groups: an integer for each group, shape (N,).
        rows: where the completions stand in verl's batch of B, shape (N,).
        mask: 1 at tokens to train, 0 elsewhere, shape (B, T).
    """

    rewards: Array
    groups: NDArray[np.int64]
    rows: NDArray[np.int64]
    mask: torch.Tensor

    @classmethod
    def of(cls, token_level_rewards: torch.Tensor, response_mask: torch.Tensor, index: Uids | None) -> Batch:
        """What verl passes, read; see `polyest.adapters.verl.answers.advantages`."""
        groups = _groups(index, len(token_level_rewards))
        rows = np.flatnonzero(np.isin(groups, groups[response_mask.any(dim=-1).cpu().numpy()]))
        sums: Array = token_level_rewards.double().sum(dim=-1).cpu().numpy()
        mask = response_mask.to(torch.promote_types(token_level_rewards.dtype, torch.float32))
        return cls(sums[rows], groups[rows], rows, mask)

    def by_size(self) -> dict[int, NDArray[np.int64]]:
        """For each group size n, the places of the groups of that size among the N completions, shape (groups, n)."""
        return rows_by_size(self.groups)

    def spread(self, advantages: Array) -> tuple[torch.Tensor, torch.Tensor]:
        """The advantages, shape (N,), at each token of their completions, as verl wants them: twice, shape (B, T)."""
        result = np.zeros(len(self.mask))
        result[self.rows] = advantages
        spread = torch.from_numpy(result).to(self.mask).unsqueeze(-1) * self.mask
        return spread, spread.clone()


def check_version() -> None:
    """Warn if verl is of a version that polyest was not tested with."""
    if verl.__version__ not in SpecifierSet(TESTED):
        warnings.warn(
            f"polyest.adapters.verl was tested with verl{TESTED} only, and {verl.__version__} is installed: what it "
            "passes to advantage estimators may differ; check a batch by hand, or install the tested version",
            stacklevel=3,
        )


def _groups(index: Uids | None, rows: int) -> NDArray[np.int64]:
    """An integer for each group."""
    if index is None or len(index) != rows:
        came = "None" if index is None else f"{len(index)} for {rows} completions"
        raise ArgumentError(
            f"`index` must hold the uid of each completion, got {came}; pass data.non_tensor_batch['uid']"
        )
    uids = read_answers(index, argument="index")
    if uids.missing is not None:
        raise ArgumentError(
            f"`index` must hold the uid of each completion, got None for {np.count_nonzero(uids.missing)} of {rows}; "
            "give every completion that of its prompt"
        )
    return uids.codes.astype(np.int64)
