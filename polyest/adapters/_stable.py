"""Answers as integers that are the same in every process: equal integers if and only if equal answers.

Python's own hash differs between processes. Here integers of up to 127 bits stand for themselves; everything else is
hashed by BLAKE2b to 128 bits, so that n distinct answers collide with probability below n²/2¹²⁹ (the birthday bound):
1.5e-27 for a million distinct answers.
"""

from __future__ import annotations

import hashlib
import numbers
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError
from polyest.online.dictionary import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

__all__ = ["HASHED", "INTEGER", "NOTHING", "labels", "rows_of_array", "rows_of_items"]

INTEGER, HASHED, NOTHING = 0, 1, 2


def rows_of_array(array: NDArray[Any]) -> Rows:
    """Integers of any width as rows (kind, high, low), shape (N, 3)."""
    rows = np.zeros((len(array), 3), np.int64)
    rows[:, 2] = array.view(np.int64) if array.dtype == np.uint64 else array
    if array.dtype.kind == "i":
        rows[:, 1] = rows[:, 2] >> 63
    return rows


def rows_of_items(items: list[Any], argument: str) -> Rows:
    """Hashable answers as rows (kind, high, low), shape (N, 3); None and NaN have the kind `NOTHING`.

    >>> rows_of_items([7, "7", 7.0, None], "answers")[:, 0].tolist()
    [0, 1, 0, 2]

    Raises:
        ArgumentError: an answer is unhashable, or of a type whose equality cannot be told from its parts.
    """
    codes, index = encode(items, argument)
    distinct = np.array([_row(item, argument) for item in index], np.int64).reshape(-1, 3)
    return distinct[codes]


def labels(rows: Rows) -> list[Any]:
    """Rows as hashable answers again: equal bytes for equal answers, None for no answer."""
    found: list[Any] = np.ascontiguousarray(rows).view("S24").ravel().tolist()
    for row in np.flatnonzero(rows[:, 0] == NOTHING).tolist():
        found[row] = None
    return found


def _row(item: Any, argument: str) -> tuple[int, int, int]:
    if item is None or _is_nan(item):
        return NOTHING, 0, 0
    number = _ratio(item)
    if number is not None and number[1] == 1 and number[0].bit_length() < 127:
        return INTEGER, *_halves(number[0].to_bytes(16, "big", signed=True))
    return HASHED, *_halves(hashlib.blake2b(_canonical(item, argument), digest_size=16).digest())


def _halves(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[:8], "big", signed=True), int.from_bytes(data[8:], "big", signed=True)


def _canonical(item: Any, argument: str) -> bytes:
    """Bytes that are equal if and only if the items are (Python equality)."""
    match item:
        case str():
            return b"s" + item.encode("utf-8", "surrogatepass")
        case bytes():
            return b"b" + item
        case tuple():
            return b"t" + b"".join(_sized(_canonical(part, argument)) for part in item)
        case frozenset():
            return b"f" + b"".join(sorted(_sized(_canonical(part, argument)) for part in item))
        case None:
            return b"n"
    ratio = _ratio(item)
    if ratio is None:
        raise ArgumentError(
            f"`{argument}` must be strings, bytes, numbers, None, or tuples and frozensets of these; "
            f"got {type(item).__name__}; turn it into a string that is equal where the answers are"
        )
    return b"r%d/%d" % ratio


def _ratio(item: Any) -> tuple[int, int] | None:
    """A real number as numerator and denominator in lowest terms; (±1, 0) for the infinities; None for what is none."""
    if isinstance(item, np.generic):
        item = item.item()
    if not isinstance(item, numbers.Real | Decimal) or not hasattr(item, "as_integer_ratio") or item != item:
        return None
    try:
        n, d = item.as_integer_ratio()
    except OverflowError:
        return (1, 0) if item == float("inf") else (-1, 0)
    return int(n), int(d)


def _is_nan(item: Any) -> bool:
    return isinstance(item, numbers.Number | np.generic) and bool(item != item)


def _sized(data: bytes) -> bytes:
    return b"%d:" % len(data) + data
