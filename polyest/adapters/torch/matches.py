"""Reading torch tensors of ids, and adding up over equal ones, without asking the host anything."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from polyest.errors import ArgumentError

__all__ = ["Groups", "check_ids", "count_matches", "read_groups", "same_answer_sums"]

PAIRWISE = 32
SIGNED = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
UNSIGNED = (torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64)


class Groups(NamedTuple):
    """Groups of completions, ready to be counted.

    Attributes:
        ids: signed integers, shape (..., K).
        usable: which entries may match others, shape (..., K); None if all may.
        valid: which entries are completions, shape (..., K); None if all are.
        sizes: n, the number of completions, shape (..., 1), or one number for all.
    """

    ids: Tensor
    usable: Tensor | None
    valid: Tensor | None
    sizes: Tensor | int

    def matches(self) -> Tensor:
        """m_i, int64, shape (..., K)."""
        if self.usable is None:
            return count_matches(self.ids)
        return same_answer_sums(self.ids, self.usable.to(torch.int64))[0]

    def matches_and_weights(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """m_i and Σ_{j≠i, z_j=z_i} w_j; the weights of entries that are no completions are 0."""
        ones = torch.ones_like(self.ids, dtype=torch.int64) if self.usable is None else self.usable.to(torch.int64)
        counts, same = same_answer_sums(self.ids, ones, weights)
        return counts, same

    def cells(self, matches: Tensor) -> Tensor:
        """Where each completion's pay lies in a flattened look-up matrix: n·K + m if it has rows for all n, else m."""
        return matches if isinstance(self.sizes, int) else matches + self.sizes * self.ids.shape[-1]

    def sum(self, values: Tensor) -> Tensor:
        """The sum over each group's completions, shape (..., 1)."""
        return (values if self.valid is None else torch.where(self.valid, values, 0)).sum(-1, keepdim=True)


def check_ids(answers: object, argument: str = "answers") -> Tensor:
    """`answers`, if it is a tensor of integers."""
    if not isinstance(answers, Tensor):
        raise ArgumentError(
            f"`{argument}` must be a torch tensor of integer ids, got {type(answers).__name__}; "
            "polyest.load(...) takes arrays, lists and strings"
        )
    if answers.dtype.is_floating_point or answers.dtype.is_complex:
        raise ArgumentError(f"`{argument}` must be integer ids, got {answers.dtype}; number what they stand for first")
    return answers


def read_groups(answers: Tensor, padding_id: int | None, usable: Tensor | None = None) -> Groups:
    """Groups of K completions; of fewer where entries are padding or not usable."""
    ids, valid = answers.view(SIGNED[answers.element_size()]), usable
    if padding_id is not None:
        padding = _same_bits(padding_id, answers.dtype)
        present = torch.ones_like(ids, dtype=torch.bool) if padding is None else ids != padding
        valid = present if usable is None else present & usable
    return Groups(ids, usable, valid, ids.shape[-1] if valid is None else valid.sum(-1, keepdim=True))


def count_matches(ids: Tensor) -> Tensor:
    """m_i = #{j ≠ i : z_j = z_i} along the last dimension, int64; memory per completion does not grow with K.

    Up to `PAIRWISE` completions all pairs are compared, one column at a time, which a compiler fuses into one kernel;
    above, equal ids are brought together by sorting.
    """
    if ids.shape[-1] > PAIRWISE:
        return same_answer_sums(ids, torch.ones_like(ids, dtype=torch.int64))[0]
    counts = torch.zeros_like(ids, dtype=torch.int16)  # compiled, uint8 was 50 times slower
    for column in range(ids.shape[-1]):
        counts += ids == ids[..., column, None]
    return counts.to(torch.int64) - 1


def same_answer_sums(ids: Tensor, *values: Tensor) -> list[Tensor]:
    """Σ_{j≠i, z_j=z_i} v_j along the last dimension, for each of several v.

    Equal ids are given one place of their group, where their values are added up; a compiler, for which that is slow,
    gets all pairs of up to `PAIRWISE` completions instead.
    """
    size = ids.shape[-1]
    if size <= PAIRWISE and torch.compiler.is_compiling():
        return _by_pairs(ids, values)
    places = _first_places(ids) if size <= PAIRWISE else _runs(ids)
    return [torch.zeros_like(v).scatter_add(-1, places, v).gather(-1, places) - v for v in values]


def _by_pairs(ids: Tensor, values: tuple[Tensor, ...]) -> list[Tensor]:
    sums = [-v for v in values]
    for column in range(ids.shape[-1]):
        is_same = ids == ids[..., column, None]
        sums = [s + torch.where(is_same, v[..., column, None], 0) for s, v in zip(sums, values, strict=True)]
    return sums


def _first_places(ids: Tensor) -> Tensor:
    """Where the first equal id of the group is, comparing all pairs of one distance at a time: long vectors on a CPU."""
    columns = ids.movedim(-1, 0).contiguous()
    back = torch.zeros_like(columns, dtype=torch.uint8)
    for distance in range(1, len(columns)):
        is_same = (columns[distance:] == columns[:-distance]).to(torch.uint8)
        back[distance:] = torch.maximum(back[distance:], distance * is_same)
    return torch.arange(len(columns), device=ids.device) - back.to(torch.int64).movedim(0, -1)


def _runs(ids: Tensor) -> Tensor:
    """The number of the run of equal ids when the group is sorted."""
    ascending, order = torch.sort(ids, dim=-1)
    changes = (ascending[..., 1:] != ascending[..., :-1]).to(torch.int64)
    run = torch.nn.functional.pad(changes.cumsum(-1), (1, 0))
    return torch.zeros_like(run).scatter(-1, order, run)


def _same_bits(padding_id: int, dtype: torch.dtype) -> int | None:
    """The signed integer with the bits of `padding_id` in an array of `dtype`; None if it does not fit."""
    bits, unsigned = 8 * dtype.itemsize, dtype in UNSIGNED
    least, most = (0, (1 << bits) - 1) if unsigned else (-1 << bits - 1, (1 << bits - 1) - 1)
    if not least <= padding_id <= most:
        return None
    return padding_id - (1 << bits) if padding_id >= 1 << bits - 1 else padding_id
