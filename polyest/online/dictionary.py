"""Hashable answers as integers by Python's own means: a dictionary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import chain, count, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Groups = tuple[NDArray[Any] | None, NDArray[np.int64]]
    Codes = tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]

__all__ = ["by_dictionary", "encode"]

NEVER_MISSING = {str, bytes, int, bool, tuple, frozenset}
PIECE = 2048  # a dictionary of so many answers fits the cache; one of a million takes four times as long per answer


def encode(items: list[Any], argument: str) -> tuple[NDArray[np.int64], dict[Any, int]]:
    """Codes 0, 1, … in order of first appearance, equal where the items are (Python equality), and their index."""
    index: defaultdict[Any, int] = defaultdict(count().__next__)
    return _map(index.__getitem__, items, argument), dict(index)


def _map(function: Callable[..., int], items: list[Any], argument: str, *more: Iterable[int]) -> NDArray[np.int64]:
    try:
        return np.fromiter(map(function, items, *more), np.int64, len(items))
    except TypeError as error:
        raise ArgumentError(f"`{argument}` must be hashable, got {error}; use tuples or strings") from None


def by_dictionary(
    rows: list[list[Any]], size: int, padding_id: Hashable, argument: str, groups: Groups | None
) -> Codes:
    """Piece by piece, so that the objects of a piece come into the cache once; codes are places in the piece."""
    codes = np.empty(size, np.int64)
    missing, padding = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    pieces = _pieces(size, groups)
    places = range(size) if len(pieces) < 2 else [*range(max(piece.stop - piece.start for piece in pieces))]
    for piece in pieces:
        index: dict[Any, int] = {}
        codes[piece] = _map(index.setdefault, _items(rows, piece), argument, places)
        absent = _absent(index, argument)
        if absent:
            missing[piece] = np.isin(codes[piece], absent)
        if padding_id is not None and padding_id in index:
            padding[piece] = codes[piece] == index[padding_id]
    return codes, missing, padding


def _items(rows: list[list[Any]], piece: slice) -> list[Any]:
    """The answers of a piece, which divides no row if there are several."""
    if len(rows) == 1:
        return rows[0][piece]
    size = len(rows[0])
    return [*chain.from_iterable(rows[piece.start // size : piece.stop // size])]


def _pieces(size: int, groups: Groups | None) -> list[slice]:
    """Slices of about `PIECE` answers that divide no group; all answers if groups do not lie together."""
    starts = groups[1] if groups is not None and groups[0] is None else np.array([0, size])
    ends = starts[np.searchsorted(starts, np.arange(PIECE, size, PIECE))]
    return [slice(lo, hi) for lo, hi in pairwise([0, *ends.tolist(), size]) if lo < hi]


def _absent(index: Mapping[Any, int], argument: str) -> list[int]:
    """The codes of None and NaN."""
    kinds = set(map(type, index))
    for kind in kinds:
        if hasattr(kind, "__array__") and not issubclass(kind, np.generic):
            raise ArgumentError(
                f"`{argument}` must hold plain hashable answers, got {kind.__module__}.{kind.__name__} objects, which "
                "are not compared by value; pass one array, or call .tolist() first"
            )
    if kinds <= NEVER_MISSING:
        return []
    try:
        return [code for item, code in index.items() if item is None or bool(item != item)]
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"`{argument}` must compare equal or not, got a comparison that raises {error!r}; use None for no answer"
        ) from None
