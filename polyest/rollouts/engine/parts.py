"""The rows of a log, dealt by their group into parts of a size that memory holds, and numbers put back in their order.

What is dealt are 64 bits for each prompt and for each answer. Two prompts of G have the same with probability G²/2^65
(3e-8 for a million), two answers of a group of K with K²/2^65.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

import numpy as np

from polyest.rollouts.batch import Part, part_of
from polyest.rollouts.engine.arrays import as_numpy
from polyest.rollouts.engine.database import AT_ONCE
from polyest.rollouts.engine.rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Record = NDArray[np.void]

__all__ = ["FEW", "Dealt", "deal"]

BYTES_OF_ROW = 250  # of memory for a row of a part at work
SHARE = 0.25  # of all memory
FEW = 1 << 21  # rows that numpy scores sooner than numba is loaded, in parts for which it is not
PART_OF_FEW = 1 << 18


class Pile:
    """Records on disk, in a file without a name, written at the end and read from the front."""

    def __init__(self, file: IO[bytes], dtype: np.dtype[np.void]) -> None:
        self.file = file
        self.dtype, self.count, self.position = dtype, 0, 0

    def write(self, records: Record) -> None:
        self.file.write(np.ascontiguousarray(records).view(np.uint8).data)
        self.count += len(records)

    def read(self, count: int) -> Record:
        """The next ones; fewer at the end."""
        self.file.seek(self.position * self.dtype.itemsize)
        found = np.frombuffer(self.file.read(count * self.dtype.itemsize), self.dtype)
        self.position += len(found)
        return found


@dataclass
class Dealt:
    """The parts of a log: `piles` have ``row``, ``key``, ``answer``, ``missing`` and numbers of every row, in order.

    If they `fit` into memory together they are read once.
    """

    rows: Rows
    piles: list[Pile]
    group_size: int | None
    fit: bool
    _held: list[tuple[Part, Record]] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[Part, Record]]:
        """Every part with its records."""
        if not self.fit:
            return map(self._read, self.piles)
        self._held = self._held or [*map(self._read, self.piles)]
        return iter(self._held)

    def _read(self, pile: Pile) -> tuple[Part, Record]:
        pile.position = 0
        records = pile.read(pile.count)
        key, answer, missing = (np.ascontiguousarray(records[name]) for name in ("key", "answer", "missing"))
        return part_of(key, answer, missing, self.group_size), records

    def scores(self, names: Sequence[str]) -> Pile:
        """A pile for a part's numbers of these names."""
        return Pile(self.rows.database.file(), np.dtype([("row", "i8"), *((name, "f8") for name in names)]))


def in_order(piles: Sequence[Pile], count: int) -> Iterator[Record]:
    """The records of all piles in the order of their rows, which are 0 to count − 1; each pile is in order itself."""
    held = [pile.read(0) for pile in piles]
    for start in range(0, count, AT_ONCE):
        stop = min(start + AT_ONCE, count)
        found = np.empty(stop - start, piles[0].dtype)
        for i, pile in enumerate(piles):
            if not len(held[i]) or held[i]["row"][-1] < stop - 1:
                held[i] = np.concatenate([held[i], pile.read(AT_ONCE)])
            number = int(np.searchsorted(held[i]["row"], stop))
            found[held[i]["row"][:number] - start] = held[i][:number]
            held[i] = held[i][number:]
        yield found


def deal(rows: Rows, numbers: dict[str, str], group_size: int | None) -> Dealt:
    """The parts of a log.

    Args:
        numbers: more columns of the records, by name, as SQL for a number.
        group_size: prompts are cut, in order, into groups of so many.
    """
    dtype = np.dtype([("row", "i8"), ("key", "i8"), ("answer", "i8"), ("missing", "?"), *((n, "f8") for n in numbers)])
    most = max(int(SHARE * rows.database.memory / (BYTES_OF_ROW + 8 * len(numbers))), 1)
    largest = min(most, PART_OF_FEW) if rows.count <= FEW else most
    bits = max(-(-rows.count // largest) - 1, 0).bit_length()
    piles = [Pile(rows.database.file(), dtype) for _ in range(1 << bits)]
    row = 0
    for records in _hashed(rows, numbers, dtype):
        records["row"] = np.arange(row, row + len(records))
        row += len(records)
        of = records["key"].view("u8") >> np.uint64(64 - bits) if bits else None
        for i, pile in enumerate(piles):
            pile.write(records if of is None else records[of == i])
    return Dealt(rows, piles, group_size, rows.count <= most)


def _hashed(rows: Rows, numbers: dict[str, str], dtype: np.dtype[np.void]) -> Iterator[Record]:
    keys = ", ".join(rows.own_keys.get(key, key) for key in rows.keys.values())
    missing = f"coalesce({rows.absent}, true)" if rows.absent else "answer IS NULL"
    chosen = [f"hash({keys}) AS key", "hash(answer) AS answer", f"({missing})::UTINYINT AS missing"]
    chosen += [f"coalesce(({sql})::DOUBLE, 'NaN') AS {name}" for name, sql in numbers.items()]
    query = rows.connection.cursor().sql(f"SELECT {', '.join(chosen)} FROM rows")
    for batch in query.to_arrow_reader(AT_ONCE):
        records = np.zeros(len(batch), dtype)
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            values = as_numpy(column)
            records[name] = values.view("i8") if values.dtype == np.uint64 else values
        yield records
