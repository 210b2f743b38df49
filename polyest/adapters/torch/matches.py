"""Reading torch tensors of ids, and counting equal ones, without asking the host anything."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from polyest.errors import ArgumentError

__all__ = ["Groups", "check_ids", "count_matches", "read_groups"]

PAIRWISE = 32
SIGNED = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
UNSIGNED = (torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64)


class Groups(NamedTuple):
    """Groups of completions, ready for a look-up.

    Attributes:
        cells: where each completion's pay lies in a flattened look-up matrix, int64, shape (..., K).
        valid: which entries are completions, shape (..., K); None if all are.
        sizes: n, the number of completions, shape (..., 1), or one number for all.
    """

    cells: Tensor
    valid: Tensor | None
    sizes: Tensor | int


def check_ids(answers: Any, argument: str = "answers") -> Tensor:
    """`answers`, if it is a tensor of integers."""
    if not isinstance(answers, Tensor):
        raise ArgumentError(
            f"`{argument}` must be a torch tensor of integer ids, got {type(answers).__name__}; "
            "polyest.load(...) takes arrays, lists and strings"
        )
    if answers.dtype.is_floating_point or answers.dtype.is_complex:
        raise ArgumentError(f"`{argument}` must be integer ids, got {answers.dtype}; number what they stand for first")
    return answers


def read_groups(answers: Tensor, padding_id: int | None) -> Groups:
    """Cells n·K + m with padding, m without, for n completions and m matches."""
    ids, K = answers.view(SIGNED[answers.element_size()]), answers.shape[-1]
    matches = count_matches(ids)
    if padding_id is None:
        return Groups(matches, None, K)
    padding = _same_bits(padding_id, answers.dtype)
    valid = torch.ones_like(ids, dtype=torch.bool) if padding is None else ids != padding
    sizes = valid.sum(-1, keepdim=True)
    return Groups(matches + sizes * K, valid, sizes)


def count_matches(ids: Tensor) -> Tensor:
    """m_i = #{j ≠ i : z_j = z_i} along the last dimension, int64; memory per completion does not grow with K.

    Up to `PAIRWISE` completions all pairs are compared, one column at a time, which a compiler fuses into one kernel;
    above, equal ids are brought together by sorting.
    """
    return (_by_pairs if ids.shape[-1] <= PAIRWISE else _by_sorting)(ids)


def _by_pairs(ids: Tensor) -> Tensor:
    counts = torch.zeros_like(ids, dtype=torch.int16)  # compiled, uint8 was 50 times slower
    for column in range(ids.shape[-1]):
        counts += ids == ids[..., column, None]
    return counts.to(torch.int64) - 1


def _by_sorting(ids: Tensor) -> Tensor:
    ascending, order = torch.sort(ids, dim=-1)
    changes = (ascending[..., 1:] != ascending[..., :-1]).to(torch.int64)
    run = torch.nn.functional.pad(changes.cumsum(-1), (1, 0))
    others = torch.zeros_like(run).scatter_add(-1, run, torch.ones_like(run)) - 1
    return torch.zeros_like(run).scatter(-1, order, others.gather(-1, run))


def _same_bits(padding_id: int, dtype: torch.dtype) -> int | None:
    """The signed integer with the bits of `padding_id` in an array of `dtype`; None if it does not fit."""
    bits, unsigned = 8 * dtype.itemsize, dtype in UNSIGNED
    least, most = (0, (1 << bits) - 1) if unsigned else (-1 << bits - 1, (1 << bits - 1) - 1)
    if not least <= padding_id <= most:
        return None
    return padding_id - (1 << bits) if padding_id >= 1 << bits - 1 else padding_id
