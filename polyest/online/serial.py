"""Hashable answers as integers, read in the order in which they lie in memory.

A dictionary of a million answers touches them out of order, which costs a cache miss each. `marshal` writes them end to
end instead, and everything after that is arithmetic on its bytes: an answer's code is a hash of its bytes, and within a
group answers with equal codes are compared byte by byte. What has no bytes of its own that are equal if and only if the
answers are (sets, instances of classes, a mixture of 1, 1.0 and True) is left to a dictionary.
"""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.online.records import BOOLEAN, INTEGER, REAL, codes_identify, read

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

__all__ = ["serialize"]

FORMAT = 2  # of marshal: the last one that writes no references to objects written before
TAIL = bytes(8)  # words may be read beyond the last answer; it is no answer that can be read
SAMPLE = 256  # answers tried first, where those of one list are many


def serialize(
    lists: list[list[Any]], padding_id: Hashable, order: NDArray[Any] | None, starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]] | None:
    """See `polyest.online.twin.serialize`."""
    size = int(starts[-1])
    head = lists[0][:SAMPLE]
    if _written([head], padding_id, len(head)) is None:
        return None
    written = _written(lists, padding_id, size)
    if written is None:
        return None
    data, codes, marks, missing = written
    padding = np.zeros(size, np.bool_) if padding_id is None else codes[:-1] == codes[-1]
    padded = np.append(np.flatnonzero(padding), size)
    order = np.arange(size) if order is None else order
    for rows, groups in ((order, starts), (padded, np.array([0, len(padded)]))):
        if not codes_identify(data, marks, rows, groups):
            return None
    return codes[:-1], missing[:-1], padding


def _written(lists: list[list[Any]], padding_id: Hashable, size: int) -> tuple[NDArray[Any], ...] | None:
    """The bytes of all answers and of the padding id; of each its code, its mark, and whether it is missing."""
    try:
        data = np.frombuffer(marshal.dumps([lists, padding_id, TAIL], FORMAT), np.uint8)
    except ValueError:
        return None
    codes, marks = np.empty(size + 1, np.int64), np.empty((size + 1, 2), np.uint64)
    missing = np.empty(size + 1, np.bool_)
    found, kinds = read(data, codes, marks, missing)
    is_readable = found == len(lists) + 2 and kinds in (0, INTEGER, BOOLEAN, REAL)
    if not is_readable or (padding_id is not None and missing[-1]):
        return None
    return data, codes, marks, missing
