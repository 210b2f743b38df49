"""Reading torch tensors of ids, and adding up over equal ones, without asking the host anything."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from polyest.adapters.torch.checks import check_dense
from polyest.errors import ArgumentError

__all__ = ["Groups", "check_ids", "count_matches", "read_groups"]

PAIRWISE = 32
BY_COLUMNS = 25  # completions for whose keys 32 bits are enough
VECTOR = 16  # float32 numbers in a register of AVX-512
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
        return count_matches(self.ids) if self.usable is None else self.matches_and_weights()[0]

    def matches_and_weights(self, *weights: Tensor) -> list[Tensor]:
        """m_i, and W_i = Σ_{z_j=z_i} w_j for each of some weights, which are 0 where there is no completion."""
        if self.ids.shape[-1] <= PAIRWISE and torch.compiler.is_compiling():
            return _by_pairs(self.ids, self.usable, *weights)
        matches, places = _find_equal(self.ids)
        if self.usable is not None:
            matches = _totals(places, self.usable.to(torch.int64)) - self.usable.to(torch.int64)
        return [matches, *(_totals(places, w) for w in weights)]

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
    check_dense(argument, answers)
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
        return _find_equal(ids)[0]
    counts = torch.zeros_like(ids, dtype=torch.int16)  # compiled, uint8 was 50 times slower
    for column in ids[..., None].unbind(-2):
        counts += ids == column
    return counts.to(torch.int64) - 1


def _by_pairs(ids: Tensor, usable: Tensor | None, *weights: Tensor) -> list[Tensor]:
    """For a compiler, which fuses it: m_i among the usable, and W_i of each weights."""
    widest = VECTOR // 2 if weights else VECTOR - 1  # of a group whose loop is not vectorised, unless masks widen it
    narrow = ids.shape[-1] <= widest and not (weights and usable is not None)
    dtype = torch.int16 if narrow else torch.int64
    matches, sums = torch.zeros_like(ids, dtype=dtype), [torch.zeros_like(w) for w in weights]
    for j in range(ids.shape[-1]):
        is_same = ids == ids[..., j, None]
        matches = matches + (is_same if usable is None else is_same & usable[..., j, None])
        sums = [s + torch.where(is_same, w[..., j, None], 0) for s, w in zip(sums, weights, strict=True)]
    own: Tensor | int = 1 if usable is None else usable.to(torch.int64)
    return [matches.to(torch.int64) - own, *sums]


def _totals(places: Tensor, values: Tensor) -> Tensor:
    """The sum of the values of each answer, at each of its completions."""
    return torch.zeros_like(values).scatter_add_(-1, places, values).gather(-1, places)


def _find_equal(ids: Tensor) -> tuple[Tensor, Tensor]:
    """m_i, and a place in the group that equal ids have in common and others do not, 0..K−1."""
    has_float64 = ids.device.type != "mps"
    return (_by_columns if ids.shape[-1] <= BY_COLUMNS and has_float64 else _by_sorting)(ids)


def _by_columns(ids: Tensor) -> tuple[Tensor, Tensor]:
    """By keys that have their number below bit 6 and bit 6 + j for every equal id at place j; the last is the place."""
    keys = torch.full_like(ids, -1, dtype=torch.int32)
    for place, column in enumerate(ids[..., None].unbind(-2)):
        keys.add_(ids == column, alpha=1 + (64 << place))
    exponents = keys.to(torch.float64).view(torch.int64).bitwise_right_shift_(52)
    return keys.bitwise_and_(63), exponents.sub_(1023 + 6)


def _by_sorting(ids: Tensor) -> tuple[Tensor, Tensor]:
    """The place is the number of the run of equal ids when the group is sorted."""
    ascending, order = torch.sort(ids, dim=-1)
    changes = (ascending[..., 1:] != ascending[..., :-1]).to(torch.int64)
    run = torch.nn.functional.pad(changes.cumsum(-1), (1, 0))
    places = torch.zeros_like(run).scatter(-1, order, run)
    return _totals(places, torch.ones_like(run)) - 1, places


def _same_bits(padding_id: int, dtype: torch.dtype) -> int | None:
    """The signed integer with the bits of `padding_id` in an array of `dtype`; None if it does not fit."""
    bits, unsigned = 8 * dtype.itemsize, dtype in UNSIGNED
    least, most = (0, (1 << bits) - 1) if unsigned else (-1 << bits - 1, (1 << bits - 1) - 1)
    if not least <= padding_id <= most:
        return None
    return padding_id - (1 << bits) if padding_id >= 1 << bits - 1 else padding_id
