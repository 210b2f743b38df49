"""What the ragged functions are given, as flat numpy arrays."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from polyest.adapters.lookup import check_padding_id
from polyest.adapters.torch.checks import check_dense
from polyest.adapters.torch.gather import Completions
from polyest.adapters.torch.matches import check_ids
from polyest.arrays import read_ids, read_mask
from polyest.errors import ArgumentError
from polyest.identity import NOTHING, rows_of_array, rows_of_items
from polyest.online.extras import read_probabilities, read_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = Tensor | NDArray[np.generic] | Sequence[Hashable]
    Numbers = Tensor | NDArray[np.generic] | Sequence[float]
    Booleans = Tensor | NDArray[np.bool_] | Sequence[bool]

__all__ = ["Columns"]


@dataclass(frozen=True)
class Columns:
    """The completions of this process, as they were given."""

    answers: Column
    groups: Column
    reference: Numbers | None
    weights: Numbers | None
    usable: Booleans | None
    padding_id: Hashable

    def read(self, settings: str) -> Completions:
        """Those that count, checked."""
        _ = self.device
        groups, reference = _read_column(self.groups, "groups"), _read_reference(self.reference)
        lengths = [len(rows) for rows in (self._rows, groups, reference) if rows is not None]
        if len(set(lengths)) > 1:
            raise ArgumentError(f"`answers`, `groups` and `reference` must have equal lengths, got {lengths}")
        if np.any(groups[:, 0] == NOTHING):
            raise ArgumentError("`groups` must name the group of every completion, got None or NaN; drop these rows")
        kept, counts = self.kept, self._counts
        weights = None if self.weights is None else _read_weights(self.weights, counts.shape)[kept]
        some = None if reference is None else reference[kept]
        return Completions(groups[kept], self._rows[kept], some, weights, settings)

    def group_ids(self, rows: NDArray[np.int64]) -> Column:
        """The groups of some completions, as they were given."""
        if isinstance(self.groups, Tensor | np.ndarray):
            return self.groups[rows]
        return [self.groups[row] for row in rows.tolist()]

    @property
    def size(self) -> int:
        return len(self.answers)

    @property
    def kept(self) -> NDArray[np.int64]:
        """Where the completions are that count."""
        return np.flatnonzero(self._counts)

    @property
    def device(self) -> torch.device:
        """The one device of all tensors given."""
        given = ("answers", "groups", "reference", "weights", "usable")
        values = {name: getattr(self, name) for name in given}
        found = {name: value.device for name, value in values.items() if isinstance(value, Tensor)}
        if len(set(found.values())) > 1:
            places = ", ".join(f"`{name}` on {device}" for name, device in found.items())
            raise ArgumentError(f"all tensors must be on one device, got {places}; move them with .to(device)")
        return next(iter(found.values()), torch.device("cpu"))

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        return _read_column(self.answers, "answers")

    @cached_property
    def _counts(self) -> NDArray[np.bool_]:
        """Which completions are neither padding nor lost."""
        mask = _read_mask(self.usable, len(self._rows))
        if self.padding_id is None:
            return mask
        padding_id = check_padding_id(self.padding_id) if isinstance(self.answers, Tensor) else self.padding_id
        counts: NDArray[np.bool_] = mask & np.any(self._rows != rows_of_items([padding_id], "padding_id"), axis=1)
        return counts


def _read_column(values: Column, argument: str) -> NDArray[np.int64]:
    """A flat tensor of integers, or a flat list or array of hashable items, as rows of `polyest.identity`."""
    if isinstance(values, Tensor):
        check_dense(argument, values)
        no_rows = values.shape == (0,)  # torch.tensor([]) is float32
        values = [] if no_rows else _on_host(check_ids(values, argument), argument)
    if isinstance(values, list):
        return rows_of_items(values, argument)
    array = read_ids(values, argument)
    if array.ndim != 1:
        raise ArgumentError(
            f"`{argument}` must be flat, got shape {array.shape}; for an array of equal groups use load(...)"
        )
    if array.dtype.kind in "iub":
        return rows_of_array(cast("NDArray[np.integer | np.bool_]", array))
    return rows_of_items(array.tolist(), argument)


def _on_host(tensor: Tensor, argument: str) -> NDArray[np.generic]:
    """Its numbers in numpy; those of a tensor of real numbers in float64."""
    if tensor.dtype.is_complex:
        raise ArgumentError(f"`{argument}` must be a tensor of real numbers, got {tensor.dtype}; pass their real parts")
    check_dense(argument, tensor)
    try:
        found = tensor.detach().cpu()
        numbers: NDArray[np.generic] = (found.double() if found.is_floating_point() else found).numpy()
    except (RuntimeError, TypeError) as error:  # of the meta device, and of subclasses
        came = f"a {type(tensor).__name__} on {tensor.device}: {' '.join(str(error).split())}"
        raise ArgumentError(f"`{argument}` must be readable by numpy, got {came}; pass a plain tensor") from None
    return numbers


def _read_reference(reference: Numbers | None) -> NDArray[np.float64] | None:
    """q as a flat float64 array."""
    if reference is None:
        return None
    q = read_probabilities(_on_host(reference, "reference") if isinstance(reference, Tensor) else reference)
    if q.ndim != 1:
        raise ArgumentError(
            f"`reference` must be flat, one probability for each answer; got shape {q.shape}; flatten it"
        )
    return q


def _read_weights(weights: Numbers, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """w as a flat float64 array."""
    return read_weights(_on_host(weights, "weights") if isinstance(weights, Tensor) else weights, shape)


def _read_mask(usable: Booleans | None, size: int) -> NDArray[np.bool_]:
    """Which completions are usable, a flat array."""
    if usable is None:
        return np.ones(size, np.bool_)
    return read_mask(_on_host(usable, "usable") if isinstance(usable, Tensor) else usable, (size,))
