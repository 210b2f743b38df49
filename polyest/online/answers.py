"""What a user calls answers, as integers: equal integers if and only if equal answers."""

from __future__ import annotations

import math
import operator
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, SupportsIndex, TypeAlias, cast

import numpy as np

from polyest.arrays import common_type, read_ids, read_nested
from polyest.errors import ArgumentError, shortened
from polyest.online import backend
from polyest.online.hashable_answers import by_dictionary, by_small_dictionary, rekeyed
from polyest.problems.problem import LARGEST_GROUP

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.arrays import AnyArray
    from polyest.online.hashable_answers import Codes, Groups, Items
    from polyest.online.layout import Codes as SignedCodes

    AnswersLike: TypeAlias = "ArrayLike | Sequence[object] | Answers"

__all__ = ["Answers", "read_answers"]


@dataclass(frozen=True)
class Answers:
    """Answers as integers.

    Attributes:
        codes: native signed integers; a completion without an answer has a code that no other completion has.
        missing: which completions have no answer; None if all have one.
        padding: which entries are no completions at all; None if there are none.
    """

    codes: SignedCodes
    missing: NDArray[np.bool_] | None = None
    padding: NDArray[np.bool_] | None = None


def read_answers(
    answers: AnswersLike,
    padding_id: Hashable = None,
    argument: str = "answers",
    groups: Groups | None = None,
) -> Answers:
    """Integer codes for an integer array, a string or object array, or nested lists of hashable answers.

    `Answers` are returned as they are: what an adapter has encoded once is not encoded again.

    Codes are comparable within a row (last axis), or, of flat answers, within `groups`: (order, starts) as in
    `polyest.online.numpy_backend.arrange`; without them all codes of flat answers are comparable.

    Raises:
        ArgumentError: an array of floats, unhashable answers, rows of unequal length, or what is no array.
    """
    if isinstance(answers, Answers):
        return answers
    if isinstance(answers, list):
        rows, shape = read_nested(answers, argument, "pass flat answers and group ids to polyest.rewards")
        return _from_objects(rows, shape, padding_id, argument, groups)
    array = read_ids(answers, argument)
    if array.dtype.kind in "iub":
        return Answers(_signed(array), padding=_integer_padding(array, padding_id))
    return _from_objects([array.reshape(-1).tolist()], array.shape, padding_id, argument, groups)


def _from_objects(
    rows: list[Items],
    shape: tuple[int, ...],
    padding_id: Hashable,
    argument: str,
    groups: Groups | None,
) -> Answers:
    """`rows` are all answers in order, in one list or several."""
    size = math.prod(shape)
    try:
        hash(padding_id)
    except Exception:  # noqa: BLE001  (it may raise anything)
        raise ArgumentError(
            f"`padding_id` must be hashable, as the answers are, got {shortened(padding_id)}; use a string or a tuple"
        ) from None
    if len(shape) > 1 and shape[-1]:
        groups = None, np.arange(0, size + 1, shape[-1])
    if groups is not None and (groups[1][-1] != size or np.diff(groups[1]).max(initial=0) > LARGEST_GROUP):
        groups = None  # refused later, unless what is too much is padding
    if (integers := _integers(rows, size, padding_id)) is not None:
        return Answers(integers.reshape(shape), padding=_integer_padding(integers.reshape(shape), padding_id))
    rows, (padding_id,) = rekeyed(rows, padding_id) or (rows, (padding_id,))
    found = None if groups is None else _quickly(rows, size, padding_id, argument, groups)
    codes, missing, padding = found or by_dictionary(rows, size, padding_id, argument, groups)
    codes[missing] = np.arange(-1, -1 - np.count_nonzero(missing), -1)
    masks = [mask.reshape(shape) if mask.any() else None for mask in (missing, padding)]
    return Answers(codes.reshape(shape), *masks)


def _integers(rows: list[Items], size: int, padding_id: Hashable) -> NDArray[np.int64] | None:
    """The answers themselves where all are Python's integers of at most 64 bits."""
    are_likely = rows[0] and type(rows[0][0]) is int and type(padding_id) in (int, NoneType)
    if not are_likely or common_type(chain.from_iterable(rows)) is not int:
        return None
    try:
        return np.fromiter(cast(Iterator[int], chain.from_iterable(rows)), np.int64, size)
    except OverflowError:
        return None


def _quickly(rows: list[Items], size: int, padding_id: Hashable, argument: str, groups: Groups) -> Codes | None:
    """Without a dictionary too large for the cache, where that can be."""
    found = by_small_dictionary(rows, size, padding_id, argument)
    if found or padding_id is not None:
        return found
    codes = backend.choose(backend.ROW_WORK * size).read_strings(rows, *groups)
    return None if codes is None else (codes, *np.zeros((2, size), np.bool_))


def _signed(array: AnyArray) -> SignedCodes:
    """The same bits as native signed integers: equality is kept."""
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return native.view(f"i{array.dtype.itemsize}")


def _integer_padding(array: AnyArray, padding_id: object) -> NDArray[np.bool_] | None:
    if padding_id is None:
        return None
    try:
        ids = array.view(np.uint8) if array.dtype.kind == "b" else array
        padding = ids == operator.index(cast("SupportsIndex", padding_id))
    except TypeError:
        raise ArgumentError(
            f"`padding_id` must be an integer where the answers are integers, got {shortened(padding_id)}"
        ) from None
    return np.asarray(padding) if np.any(padding) else None
