"""Keys for answers whose Python hashes collide, so that dictionaries stay fast.

Python hashes a number n to n mod 2^61 − 1, always: thousands of ids that are multiples of it, or tuples of such, lie in
one chain of a dictionary, which takes time quadratic in their number. Strings and bytes are hashed with a secret.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from decimal import Decimal
from fractions import Fraction
from itertools import chain, islice
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    Items = list[object]

__all__ = ["rekeyed"]

FEWEST = 1024  # answers whose chain would cost time
ONE_IN, LARGEST = 16, 2048  # sample of the answers
SECRET = {str, bytes, type(None)}
TOLERATED = 8  # collisions in a sample: −1 and −2 collide anyway
MOST_DIGITS = 10_000  # of a decimal that is written as a fraction


def rekeyed(rows: list[Items], *others: object) -> tuple[list[Items], Items] | None:
    """Keys of the items in rows of equal lengths, and of others, equal if and only if the items are.

    None if the items' own hashes do not collide in numbers, or an item's equality cannot be told from its parts.

    >>> rekeyed([[1, "a"] * 1000]) is None
    True
    >>> [keys], _ = rekeyed([[(2**61 - 1) * n for n in range(2000)]])
    >>> len(set(map(hash, keys))) == len(keys)
    True
    """
    if not _collide(rows):
        return None
    try:
        return [[*map(_key, row)] for row in rows], [*map(_key, others)]
    except (TypeError, RecursionError):
        return None


def _collide(rows: list[Items]) -> bool:
    """Whether different items of a sample have equal hashes more than by chance."""
    sample = _sample(rows)
    if set(map(type, sample)) <= SECRET:
        return False
    first: dict[int, object] = {}
    try:
        others = map(first.setdefault, map(hash, sample), sample)
        collisions = sum(other is not item and other != item for other, item in zip(others, sample, strict=True))
        return bool(collisions > TOLERATED)
    except (TypeError, ValueError):
        return False  # unhashable or incomparable: said where all items are read


def _sample(rows: list[Items]) -> Items:
    """Items at equal distances, none of few."""
    size = len(rows) * len(rows[0]) if rows else 0
    step = max(ONE_IN, size // LARGEST) | 1
    if size < FEWEST:
        return []
    return rows[0][::step] if len(rows) == 1 else [*islice(chain.from_iterable(rows[::step]), LARGEST)]


def _key(item: object) -> Hashable:
    """Numbers as ("number", bytes), tuples as ("tuple", ...): neither equals a key of the other kind."""
    item = item.item() if isinstance(item, np.generic) else item
    if item is None or isinstance(item, str | bytes):
        return item
    if isinstance(item, tuple):
        return "tuple", *map(_key, item)
    if isinstance(item, frozenset):
        return frozenset(map(_key, item))
    if (isinstance(item, float) and not math.isfinite(item)) or (isinstance(item, Decimal) and not item.is_finite()):
        return item
    return "number", *(n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True) for n in _ratio(item))


def _ratio(number: object) -> tuple[int, int]:
    """In lowest terms."""
    if isinstance(number, Integral):
        return int(number), 1
    if isinstance(number, Decimal) and max(abs(number.adjusted()), -int(number.as_tuple().exponent)) > MOST_DIGITS:
        raise TypeError("as a fraction it is too long")
    if isinstance(number, float | Fraction | Decimal):
        return number.as_integer_ratio()
    raise TypeError("not a number that is known")
