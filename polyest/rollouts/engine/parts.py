"""The rows of a log, dealt by their group into parts of a size that memory holds.

What is dealt are 64 bits for each prompt and for each answer (`codes`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from polyest.errors import ArgumentError
from polyest.online.numpy_backend import arrange
from polyest.rollouts.batch import Part, arranged_part, part_of
from polyest.rollouts.engine.ahead import ahead
from polyest.rollouts.engine.arrays import as_numpy
from polyest.rollouts.engine.codes import answer_codes, prompt_codes, prompt_hash
from polyest.rollouts.engine.database import AT_ONCE, OWN
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.sheet import Held, HeldSheet, Pile, PiledSheet, Stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.engine.database import Database
    from polyest.rollouts.engine.sheet import Block, Sheet

    Record: TypeAlias = Mapping[str, NDArray[Any]]
    Whole = NDArray[np.int64]

__all__ = ["FEW", "Dealt", "deal"]

BYTES_OF_ROW = 250  # of memory for a row of a part at work
BYTES_COUNTED = 60  # of memory for a row of a prompt whose groups are counted
BYTES_OF_GROUP = 1100  # of memory for the measures of a group, which may be a part of its own
BYTES_HELD = 83  # of memory for a row of a log that is held, besides its record
SHARE = 0.25  # of all memory
FEW = 1 << 21  # rows that numpy scores sooner than numba is loaded, in parts for which it is not
PART_OF_FEW = 1 << 18


@dataclass(frozen=True)
class Dealt:
    """The parts of a log, each with records of its rows: ``row``, ``key``, ``answer``, ``missing`` and numbers.

    They are in memory, `held`, or on disk, in piles (with a field ``code``), in order, and are read whenever they are
    needed. Those of a shelf together have all rows of their prompts, if that was asked for.
    """

    rows: Rows
    group_size: int | None
    held: Sequence[tuple[Part, Record]] = ()
    shelves: Sequence[Sequence[Pile]] = ()

    def __iter__(self) -> Iterator[tuple[Part, Record]]:
        """Every part with its records."""
        return iter(self.held) if self.held else ahead(map(self.read, self._piles))

    def records(self) -> Iterator[Record]:
        """Those of every part."""
        return (records for _, records in self.held) if self.held else (_columns(pile.all()) for pile in self._piles)

    @property
    def _piles(self) -> Iterator[Pile]:
        return chain.from_iterable(self.shelves)

    def read(self, pile: Pile) -> tuple[Part, Record]:
        """The part that is in a pile."""
        records = _columns(pile.all())
        return part_of(np.ascontiguousarray(records["key"]), *_answers(records), self.group_size), records

    def kept(self, records: NDArray[np.void]) -> Block:
        """More records, in memory as the parts are, or on disk."""
        return Held(records) if self.held else self.stack.put(records)

    @cached_property
    def stack(self) -> Stack:
        """What is kept on disk."""
        return Stack(self.rows.database.file())

    def sheet(self, names: Sequence[str]) -> Sheet:
        """Where numbers of these names are put for all rows."""
        count = self.rows.count
        return HeldSheet(names, count) if self.held else PiledSheet(self.rows.database, names, count)


def deal(rows: Rows, numbers: dict[str, str], group_size: int | None, by_prompt: bool = False) -> Dealt:
    """The parts of a log.

    Args:
        numbers: more columns of the records, by name, as SQL for a number.
        group_size: prompts are cut, in order, into groups of so many.
        by_prompt: a shelf has all groups of its prompts, whatever the run and the step.
    """
    dtype = np.dtype([("row", "i8"), ("key", "i8"), ("answer", "i8"), ("missing", "?"), *((n, "f8") for n in numbers)])
    most, chosen = int(SHARE * rows.database.memory), _chosen(rows, numbers)
    groups = _number_of_groups(rows, chosen["key"], group_size) if by_prompt else 0
    if rows.count * (dtype.itemsize + BYTES_HELD) + groups * BYTES_OF_GROUP <= most:
        held = {name: np.empty(rows.count, dtype[name]) for name in dtype.names or ()}
        for _ in _coded(rows, chosen, held):
            pass
        return Dealt(rows, group_size, [*_cut(held, group_size)])
    needed = rows.count * (BYTES_OF_ROW + 8 * len(numbers)) + groups * BYTES_OF_GROUP
    bits = max(-(-needed // most) - 1, 1).bit_length()
    dtype = np.dtype([*dtype.descr, ("code", "u4")])
    piles = [Pile(rows.database, dtype) for _ in range(1 << bits)]
    code = prompt_hash(rows) if by_prompt else chosen["key"]
    chosen["code"] = f"(({code}) >> 32)::UINTEGER"
    records = np.empty(AT_ONCE, dtype)
    for place in _coded(rows, chosen, _columns(records)):
        _put(records[place], (records["code"][place] >> 32 - bits).astype(np.uint16), piles)
    rows.database.make_room_for_parts()
    shelves = [*_shelves(piles, bits, max(most * rows.count // needed, 1), rows.database)]
    dealt = Dealt(rows, group_size, shelves=shelves)
    _check_room(dealt, BYTES_OF_ROW + 8 * len(numbers), by_prompt)
    return dealt


def _number_of_groups(rows: Rows, key: str, group_size: int | None) -> int:
    """About a tenth more than there are, so that it is hardly ever fewer; the rows where these are few."""
    if rows.count * BYTES_OF_GROUP <= SHARE * rows.database.memory / 2:
        return rows.count
    (found,) = rows.connection.sql(f"SELECT approx_count_distinct({key}) FROM rows").fetchall()[0]
    return min(int(1.1 * found) + (rows.count // group_size if group_size else 0), rows.count)


def _put(records: NDArray[np.void], pile_of: NDArray[np.uint16], piles: Sequence[Pile]) -> None:
    order = np.argsort(pile_of, kind="stable")
    ends = np.cumsum(np.bincount(pile_of, minlength=len(piles)))
    dealt = records.take(order)  # ten times as fast as records[order]
    for pile, own in zip(piles, np.split(dealt, ends[:-1]), strict=True):
        pile.write(own)


def _shelves(piles: Sequence[Pile], bits: int, most: int, database: Database) -> Iterator[list[Pile]]:
    """A shelf for each pile; of one with more rows for some of its prompts, cut into whole groups if it must be."""
    for pile in piles:
        if pile.count <= most:
            yield from [[pile]] if pile.count else []
            continue
        more = (pile.count // most).bit_length() + 2
        for piece in _split(pile, "code", 32 - bits - more, 1 << more, database):
            pieces = 1 << (piece.count // most).bit_length()
            yield [piece] if piece.count <= most else _split(piece, "key", 0, pieces, database)


def _split(pile: Pile, field: str, shift: int, pieces: int, database: Database) -> list[Pile]:
    """The pieces of a pile, which is used up, by some bits of a field; those that are not empty."""
    found = [Pile(database, pile.dtype) for _ in range(pieces)]
    while len(records := pile.read(AT_ONCE)):
        code = records[field].astype(np.uint64) >> np.uint64(shift)
        _put(records, (code % np.uint64(pieces)).astype(np.uint16), found)
    pile.file.close()
    return [piece for piece in found if piece.count]


def _check_room(dealt: Dealt, bytes_of_row: int, by_prompt: bool) -> None:
    """Whether memory holds what is worked on together.

    Raises:
        ArgumentError: a prompt has too many completions at one step, or, if that was asked for, at all its steps.
    """
    memory = dealt.rows.database.memory
    found = [
        (pile.count, pile.count * bytes_of_row, "a prompt at one step") for shelf in dealt.shelves for pile in shelf
    ]
    for shelf in dealt.shelves if by_prompt else ():
        count = sum(pile.count for pile in shelf)
        needed = count * (BYTES_COUNTED + BYTES_OF_GROUP)
        if needed > memory - OWN:
            groups = sum(len(dealt.read(pile)[0].sizes) for pile in shelf)
            needed = count * BYTES_COUNTED + groups * BYTES_OF_GROUP
        found.append((count, needed, "a prompt at all its steps"))
    count, needed, what = max(found, key=lambda one: one[1])
    if needed > memory - OWN:
        raise ArgumentError(
            f"`--memory` must be enough for the completions of {what}; got {memory / 1e9:.3g}GB and {count:,} of them; "
            f"give {math.ceil((OWN + needed) / 1e8) / 10}GB"
        )


def _chosen(rows: Rows, numbers: dict[str, str]) -> dict[str, str]:
    """SQL for the fields of a record but its row."""
    missing = f"coalesce({rows.absent}, true)" if rows.absent else f"{rows.own.get('answer', 'answer')} IS NULL"
    chosen = {"key": prompt_codes(rows), "answer": answer_codes(rows), "missing": f"({missing})::UTINYINT"}
    return chosen | {name: f"coalesce(({sql})::DOUBLE, 'NaN')" for name, sql in numbers.items()}


def _columns(records: NDArray[np.void]) -> Record:
    return {name: records[name] for name in records.dtype.names or ()}


def _cut(records: Record, group_size: int | None) -> Iterator[tuple[Part, Record]]:
    """Parts of about `PART_OF_FEW` rows."""
    order, starts = arrange(records["key"])
    records = records if order is None else {name: column[order] for name, column in records.items()}
    cuts = np.searchsorted(starts, np.arange(0, len(records["row"]), PART_OF_FEW))
    for first, last in pairwise(dict.fromkeys([*cuts.tolist(), len(starts) - 1])):
        own = {name: column[starts[first] : starts[last]] for name, column in records.items()}
        begins = starts[first : last + 1] - starts[first]
        yield arranged_part(np.arange(len(own["row"])), begins, *_answers(own), group_size), own


def _answers(records: Record) -> tuple[Whole, NDArray[np.bool_]]:
    return np.ascontiguousarray(records["answer"]), np.ascontiguousarray(records["missing"])


def _coded(rows: Rows, chosen: dict[str, str], into: Record) -> Iterator[slice]:
    """Put the records of all rows there in order, one batch after the other, and anew where it is full; says where."""
    columns = ", ".join(f"{sql} AS {name}" for name, sql in chosen.items())
    query, row, place = rows.connection.cursor().sql(f"SELECT {columns} FROM rows"), 0, 0
    room = len(into["row"])
    is_held = room >= rows.count  # at once all threads work, which one after the other they do not
    for batch in query.to_arrow_table().to_batches() if is_held else ahead(query.to_arrow_reader(AT_ONCE)):
        first = place if place + len(batch) <= room else 0
        place = first + len(batch)
        into["row"][first:place] = np.arange(row, row := row + len(batch))
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            values = as_numpy(column)
            into[name][first:place] = values.view("i8") if values.dtype == np.uint64 else values
        yield slice(first, place)
