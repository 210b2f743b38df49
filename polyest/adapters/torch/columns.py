"""What the ragged functions are given, as flat numpy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from polyest.adapters.identity import rows_of_array, rows_of_items
from polyest.adapters.torch.matches import check_ids
from polyest.errors import ArgumentError
from polyest.online.answers import read_array
from polyest.online.reference_term import read_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_column", "read_reference"]


def read_column(values: Any, argument: str) -> NDArray[np.int64]:
    """A flat tensor of integers, or a flat list or array of hashable items, as rows of `polyest.adapters.identity`."""
    if isinstance(values, Tensor):
        no_rows = values.shape == (0,)  # torch.tensor([]) is float32
        values = [] if no_rows else check_ids(values, argument).cpu().numpy()
    if isinstance(values, list):
        return rows_of_items(values, argument)
    array = read_array(values, argument)
    if array.ndim != 1:
        raise ArgumentError(
            f"`{argument}` must be flat, got shape {array.shape}; for an array of equal groups use load(...)"
        )
    if array.dtype.kind in "iub":
        return rows_of_array(array)
    if array.dtype.kind in "OUST":
        return rows_of_items(array.tolist(), argument)
    raise ArgumentError(
        f"`{argument}` must be integers, strings or hashable objects, got an array of {array.dtype}; "
        "map each of them to an integer or a string first"
    )


def read_reference(reference: Any) -> NDArray[np.float64] | None:
    """q as a flat float64 array."""
    if reference is None:
        return None
    if isinstance(reference, Tensor):
        reference = reference.detach().to("cpu", torch.float64).numpy()
    q = read_probabilities(reference)
    if q.ndim != 1:
        raise ArgumentError(
            f"`reference` must be flat, one probability for each answer; got shape {q.shape}; flatten it"
        )
    return q
