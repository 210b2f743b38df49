"""Hashable answers as integers by Python's own means: a dictionary, kept fast where hashes collide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import chain, count, islice, pairwise
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import check_items
from polyest.errors import ArgumentError, shortened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Integers

    Items = list[object]
    Groups = tuple[Integers | None, NDArray[np.int64]]
    Codes = tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]

__all__ = ["by_dictionary", "by_small_dictionary", "encode", "rekeyed"]

NEVER_MISSING = {str, bytes, int, bool, tuple, frozenset}
REMEDIES: dict[type, str] = {
    dict: "use json.dumps(answer, sort_keys=True) or tuple(sorted(answer.items()))",
    set: "use frozenset(answer)",
    bytearray: "use bytes(answer)",
    Decimal: "use None for no answer",
    list: "use tuple(answer), or, if each cell of the column is a whole group, nested lists: column.tolist() (pandas), "
    ".to_list() (polars), .to_pylist() (arrow)",
}
MANY = 256  # a dictionary is small if it holds at most one in so many answers
FEWEST = 1024  # answers whose chain would cost time
ONE_IN, LARGEST_SAMPLE = 16, 2048  # answers whose hashes are looked at
NUMBERS = (int, float, Fraction, Decimal)
SECRET = {str, bytes, type(None)}
TOLERATED = 8  # collisions in a sample: −1 and −2 collide anyway
MOST_DIGITS = 10_000  # of a decimal that is written as a fraction
PIECE = 2048  # a dictionary of so many answers fits the cache; one of a million takes four times as long per answer


def encode(items: Items, argument: str) -> tuple[NDArray[np.int64], Items]:
    """Codes 0, 1, … in order of first appearance, equal where the items are (Python equality), and the item of each."""
    index: defaultdict[object, int] = defaultdict(count().__next__)
    keys = rekeyed([items])
    codes = _map(index.__getitem__, argument, keys[0][0] if keys else items)
    if keys is None:
        return codes, [*index]
    return codes, [items[row] for row in np.unique(codes, return_index=True)[1].tolist()]


def _map(function: Callable[..., int], argument: str, items: Items, *others: Iterable[int]) -> NDArray[np.int64]:
    try:
        return np.fromiter(map(function, items, *others), np.int64, len(items))
    except MemoryError:
        raise
    except Exception as error:
        raise _refused(argument, error, items) from error


def by_small_dictionary(rows: list[Items], size: int, padding_id: Hashable, argument: str) -> Codes | None:
    """With one dictionary, which stays in the cache; None if it does not stay small."""
    index: defaultdict[object, int] = defaultdict(iter(range(size // MANY)).__next__)  # ends the map when used up
    try:
        codes = np.fromiter(map(index.__getitem__, chain.from_iterable(rows)), np.int64, size)
    except Exception:  # noqa: BLE001  (too few codes, or an answer that the next way refuses too)
        return None
    return codes, *_masks(codes, index, padding_id, argument)


def by_dictionary(rows: list[Items], size: int, padding_id: Hashable, argument: str, groups: Groups | None) -> Codes:
    """Piece by piece, so that the objects of a piece come into the cache once; codes are places in the piece."""
    codes, missing, padding = np.empty(size, np.int64), np.empty(size, np.bool_), np.empty(size, np.bool_)
    pieces = _pieces(size, groups)
    places = range(size) if len(pieces) < 2 else [*range(max(piece.stop - piece.start for piece in pieces))]
    for piece in pieces:
        index: dict[object, int] = {}
        codes[piece] = _map(index.setdefault, argument, _items(rows, piece), places)
        missing[piece], padding[piece] = _masks(codes[piece], index, padding_id, argument)
    return codes, missing, padding


def rekeyed(rows: list[Items], *others: object) -> tuple[list[Items], Items] | None:
    """Keys of the items in rows of equal lengths, and of others, equal if and only if the items are.

    Python hashes a number n to n mod 2^61 − 1, always: thousands of multiples of it, or tuples of such, lie in one
    chain of a dictionary, which takes time quadratic in their number. Strings are hashed with a secret.

    None if the items' own hashes do not collide in numbers, or an item's equality cannot be told from its parts.

    >>> rekeyed([[1, "a"] * 1000]) is None
    True
    >>> [keys], _ = rekeyed([[(2**61 - 1) * n for n in range(2000)]])
    >>> len(set(map(hash, keys))) == len(keys)
    True
    """
    if not _collide(_sample(rows)):
        return None
    try:
        return [[*map(_key, row)] for row in rows], [*map(_key, others)]
    except (TypeError, RecursionError):
        return None


def _sample(rows: list[Items]) -> Items:
    """Items at equal distances, none of few."""
    size = len(rows) * len(rows[0]) if rows else 0
    step = max(ONE_IN, size // LARGEST_SAMPLE) | 1
    if size < FEWEST:
        return []
    return rows[0][::step] if len(rows) == 1 else [*islice(chain.from_iterable(rows[::step]), LARGEST_SAMPLE)]


def _collide(sample: Items) -> bool:
    """Whether different items have equal hashes more than by chance."""
    if set(map(type, sample)) <= SECRET:
        return False
    first: dict[int, object] = {}
    try:
        others = map(first.setdefault, map(hash, sample), sample)
        collisions = sum(other is not item and other != item for other, item in zip(others, sample, strict=True))
        return bool(collisions > TOLERATED)
    except Exception:  # noqa: BLE001  (unhashable or incomparable: said where all items are read)
        return False


def _key(item: object) -> Hashable:
    """Numbers as ("number", …), in lowest terms, tuples as ("tuple", …): neither equals a key of the other kind."""
    item = item.item() if isinstance(item, np.generic) else item
    if isinstance(item, tuple):
        return "tuple", *map(_key, item)
    if isinstance(item, frozenset):
        return frozenset(map(_key, item))
    if isinstance(item, Decimal) and item.is_finite() and abs(item.adjusted()) > MOST_DIGITS:
        raise TypeError("as a fraction it is too long")
    if isinstance(item, NUMBERS):
        try:
            return "number", *map(hex, item.as_integer_ratio())
        except (ValueError, OverflowError):  # not a number, or infinite
            return item
    if item is not None and not isinstance(item, str | bytes):
        raise TypeError("its equality is its own")
    return item


def _masks(
    codes: NDArray[np.int64], index: Mapping[object, int], padding_id: Hashable, argument: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which answers are missing, None and NaN, and which are padding."""
    are_plain, absent, none = check_items(index, argument) <= NEVER_MISSING, [], np.zeros(len(codes), np.bool_)
    try:
        if not are_plain:
            absent = [code for item, code in index.items() if item is None or bool(item != item)]
        padding = None if padding_id is None else index.get(padding_id)
    except Exception as error:
        raise _incomparable(argument, error) from error
    is_absent = none.copy()
    is_absent[absent] = True
    return is_absent[codes] if absent else none, none if padding is None else codes == padding


def _items(rows: list[Items], piece: slice) -> Items:
    """The answers of a piece, which divides no row if there are several."""
    size = len(rows[0])
    return rows[0][piece] if len(rows) == 1 else [*chain.from_iterable(rows[piece.start // size : piece.stop // size])]


def _pieces(size: int, groups: Groups | None) -> list[slice]:
    """Slices of about `PIECE` answers that divide no group; all answers if groups do not lie together."""
    starts = groups[1] if groups is not None and groups[0] is None else np.array([0, size])
    ends = starts[np.searchsorted(starts, np.arange(PIECE, size, PIECE))]
    return [slice(lo, hi) for lo, hi in pairwise([0, *ends.tolist(), size]) if lo < hi]


def _refused(argument: str, error: Exception, items: Items) -> ArgumentError:
    """What came, and what would do in its place."""
    item, came = next(((item, reason) for item in items if (reason := _why_unhashable(item))), (None, ""))
    if not came:
        return _incomparable(argument, error)
    remedy = next((text for kinds, text in REMEDIES.items() if isinstance(item, kinds)), "use tuples or strings")
    if hasattr(item, "__array__"):
        remedy = REMEDIES[list] if getattr(item, "shape", ()) else "use answer.item(), and None for no answer"
    return ArgumentError(f"`{argument}` must be hashable, got {came}, as in {shortened(item)}; {remedy}")


def _why_unhashable(item: object) -> str:
    """In the words of all versions of Python; empty if it can be hashed."""
    try:
        hash(item)
    except Exception as error:  # noqa: BLE001  (it may raise anything)
        return str(error) if type(error) is TypeError else repr(error)
    return ""


def _incomparable(argument: str, error: Exception) -> ArgumentError:
    return ArgumentError(
        f"`{argument}` must compare equal or not, got a comparison that raises {error!r}; use None for no answer"
    )
