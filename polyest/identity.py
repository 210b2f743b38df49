"""Answers as integers that are the same in every process: equal integers if and only if equal answers.

Python's own hash differs between processes. Here integers of up to 127 bits stand for themselves; everything else is
hashed by BLAKE2b to 128 bits, so that n distinct answers collide with probability below n²/2¹²⁹ (the birthday bound):
1.5e-27 for a million distinct answers. Of a number n/d its residue n·d⁻¹ modulo a fixed prime of 512 bits is hashed,
which takes no time for ``Decimal("1e10000000")`` either; numbers with the same residue have to be made for it.
"""

from __future__ import annotations

import hashlib
import math
import numbers
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from polyest.arrays import check_items
from polyest.errors import ArgumentError
from polyest.online.answers import Answers
from polyest.online.hashable_answers import encode

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Number: TypeAlias = int | float | Fraction | Decimal

__all__ = [
    "HASHED",
    "INTEGER",
    "NOTHING",
    "answers_of",
    "integers_of",
    "row_of",
    "rows_of_array",
    "rows_of_items",
    "without",
]

INTEGER, HASHED, NOTHING = 0, 1, 2
PRIME = int(  # the first after shake_128(b"polyest"), with its highest of 512 bits set
    "fb6fc3ef26376ce2380c84a9abc78b0f2567e747c0ae4a3d13155c4705caf025"
    "c5265f2456fe8f05f8174247c2a92f8ccf78acd7f06daf77ca3c3403bc135fd9",
    16,
)


def rows_of_array(array: NDArray[np.integer | np.bool_]) -> Rows:
    """Integers of any width as rows (kind, high, low), shape (N, 3)."""
    rows = np.zeros((len(array), 3), np.int64)
    rows[:, 2] = array.view(np.int64) if array.dtype == np.uint64 else array
    if array.dtype.kind == "i":
        rows[:, 1] = rows[:, 2] >> 63
    return rows


def rows_of_items(items: list[object], argument: str) -> Rows:
    """Hashable answers as rows (kind, high, low), shape (N, 3); None and NaN have the kind `NOTHING`.

    >>> rows_of_items([7, "7", 7.0, None], "answers")[:, 0].tolist()
    [0, 1, 0, 2]

    Raises:
        ArgumentError: an answer is unhashable, or of a type whose equality cannot be told from its parts.
    """
    codes, index = encode(items, argument)
    check_items(index, argument)
    distinct = np.array([row_of(item, argument) for item in index], np.int64).reshape(-1, 3)
    return distinct[codes]


def row_of(item: object, argument: str) -> tuple[int, int, int]:
    """One hashable answer as a row; see `rows_of_items`."""
    if not isinstance(item, str | bytes | tuple | frozenset):
        if item is None or _is_nan(item):
            return NOTHING, 0, 0
        small = _small_integer(item)
        if small is not None:
            return INTEGER, *_halves(small.to_bytes(16, "big", signed=True))
    try:
        return HASHED, *_halves(hashlib.blake2b(_canonical(item, argument), digest_size=16).digest())
    except RecursionError:
        raise ArgumentError(
            f"`{argument}` must be nested less deeply, got a {type(item).__name__} too deep to read; make it a string"
        ) from None


def integers_of(rows: Rows) -> NDArray[np.int64] | NDArray[np.uint64]:
    """Integers that are equal if and only if the rows are: the answers themselves where one 64-bit type holds all.

    Else the rank of each row among the distinct ones; nothing is hashed.

    >>> integers_of(rows_of_items([9, 7, 9], "groups")).tolist()
    [9, 7, 9]
    >>> sorted(integers_of(rows_of_items([9, "b", 9], "groups")).tolist())
    [0, 0, 1]
    """
    kind, high, low = rows.T
    if (kind == INTEGER).all():
        if (high == low >> 63).all():
            return np.ascontiguousarray(low)
        if not high.any():
            return np.ascontiguousarray(low).view(np.uint64)
    return _ranks(rows)


def answers_of(rows: Rows) -> Answers:
    """Rows as the runtime reads answers, shape (N,): the rank of each row; nothing is hashed.

    >>> read = answers_of(rows_of_items([9, "b", 9, None], "answers"))
    >>> bool(read.codes[0] == read.codes[2] != read.codes[1]), read.missing.tolist()
    (True, [False, False, False, True])
    """
    return without(Answers(_ranks(rows)), rows[:, 0] == NOTHING)


def without(answers: Answers, gone: NDArray[np.bool_]) -> Answers:
    """The answers, none of which has a negative code unless it is missing, with some more of them missing."""
    missing = gone if answers.missing is None else answers.missing | gone
    alone = -1 - np.arange(missing.size).reshape(missing.shape)
    return replace(answers, codes=np.where(missing, alone, answers.codes), missing=missing)


def _ranks(rows: Rows) -> NDArray[np.int64]:
    order = np.lexsort(rows.T)
    ranked = rows[order]
    ranks = np.zeros(len(rows), np.int64)
    ranks[order[1:]] = np.cumsum(np.any(ranked[1:] != ranked[:-1], axis=1))
    return ranks


def _halves(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[:8], "big", signed=True), int.from_bytes(data[8:], "big", signed=True)


def _canonical(item: object, argument: str) -> bytes:
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
    residue = _residue(item)
    if residue is None:
        raise ArgumentError(
            f"`{argument}` must be strings, bytes, numbers, None, or tuples and frozensets of these; "
            f"got {type(item).__name__}; turn it into a string that is equal where the answers are"
        )
    return b"r" + residue


def _small_integer(item: object) -> int | None:
    """An integer, of whatever type, of less than 127 bits."""
    number = _real(item)
    if number is None or not -(2**126) < number < 2**126:
        return None
    whole = int(number)
    return whole if whole == number else None


def _residue(item: object) -> bytes | None:
    """A real number modulo `PRIME`, or the sign of an infinity; None for what is none."""
    number = _real(item)
    if number is None:
        return None
    if number in (math.inf, -math.inf):
        return b"+" if number > 0 else b"-"
    if isinstance(number, Decimal):
        sign, digits, exponent = number.as_tuple()
        n, d = int(Decimal((sign, digits, 0))), pow(10, -int(exponent), PRIME)
    else:
        n, d = map(int, number.as_integer_ratio())
    if d % PRIME == 0:
        return b"0"
    return (n * pow(d, -1, PRIME) % PRIME).to_bytes(64, "big")


def _real(item: object) -> Number | None:
    """The number that an item is; None for what is none, and for NaN."""
    if isinstance(item, np.generic):
        item = item.item()
    is_real = isinstance(item, numbers.Real | Decimal) and hasattr(item, "as_integer_ratio")
    return cast("Number", item) if is_real and item == item else None


def _is_nan(item: object) -> bool:
    return isinstance(item, numbers.Number | np.generic) and bool(item != item)


def _sized(data: bytes) -> bytes:
    return b"%d:" % len(data) + data
