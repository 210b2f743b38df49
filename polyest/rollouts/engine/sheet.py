"""Numbers of all rows, put in part by part and taken out in order: in memory where they fit, else on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import SEEK_END
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np

from polyest.rollouts.engine.database import AT_ONCE, Database

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Record = NDArray[np.void]

__all__ = ["Block", "Held", "HeldSheet", "Lot", "Pile", "PiledSheet", "Sheet", "Stack"]

ROWS_AHEAD = 1 << 21  # of all blocks together


class Sheet(Protocol):
    """Columns of numbers, one for each row of a log."""

    def put(self, rows: Whole, columns: Mapping[str, Array]) -> None:
        """The numbers of a part's rows."""
        ...

    def batches(self) -> Iterator[Mapping[str, Array]]:
        """Those of all rows in order, so many at a time."""
        ...


class HeldSheet:
    """In memory."""

    def __init__(self, names: Sequence[str], count: int) -> None:
        self.columns, self.count = {name: np.empty(count) for name in names}, count

    def put(self, rows: Whole, columns: Mapping[str, Array]) -> None:
        first, last = int(rows[0]), int(rows[-1]) + 1
        places = slice(first, last) if np.array_equal(rows, np.arange(first, last)) else rows
        for name, numbers in columns.items():
            self.columns[name][places] = numbers

    def batches(self) -> Iterator[Mapping[str, Array]]:
        for start in range(0, self.count, AT_ONCE):
            yield {name: numbers[start : start + AT_ONCE] for name, numbers in self.columns.items()}


class Pile:
    """Records on disk, in a file without a name, made with the first; written at the end, read from the front."""

    def __init__(self, database: Database, dtype: np.dtype[np.void]) -> None:
        self.database = database
        self.dtype, self.count, self.position = dtype, 0, 0

    @cached_property
    def file(self) -> IO[bytes]:
        return self.database.file()

    def write(self, records: Record) -> None:
        if len(records):
            self.file.write(np.ascontiguousarray(records).view(np.uint8).data)
            self.count += len(records)

    def read(self, count: int) -> Record:
        """The next ones; fewer at the end."""
        self.file.seek(self.position * self.dtype.itemsize)
        found = np.frombuffer(self.file.read(count * self.dtype.itemsize), self.dtype)
        self.position += len(found)
        return found

    def all(self) -> Record:
        """All of them."""
        self.position = 0
        return self.read(self.count)


class Block(Protocol):
    """Records, in memory or on disk."""

    def all(self) -> NDArray[np.void]:
        """All of them."""
        ...


@dataclass(frozen=True, eq=False)
class Held:
    """Records in memory."""

    records: NDArray[np.void]

    def all(self) -> NDArray[np.void]:
        return self.records


class Stack:
    """Records on disk, one lot behind the other in a file without a name."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def put(self, records: Record) -> Lot:
        """More of them."""
        start = self.file.seek(0, SEEK_END)
        self.file.write(np.ascontiguousarray(records).view(np.uint8).data)
        return Lot(self.file, start, records.dtype, len(records))


@dataclass(frozen=True)
class Lot:
    """Some of the records of a file, from this byte on."""

    file: IO[bytes]
    start: int
    dtype: np.dtype[np.void]
    count: int

    def all(self) -> Record:
        """All of them."""
        self.file.seek(self.start)
        return np.frombuffer(self.file.read(self.count * self.dtype.itemsize), self.dtype)


class _Block:
    """Columns of eight bytes a number at the end of a file, one after the other, read from the front."""

    def __init__(self, file: IO[bytes], columns: Sequence[Whole | Array]) -> None:
        self.file, self.count, self.kinds, self.position = file, len(columns[0]), [c.dtype for c in columns], 0
        self.start = file.seek(0, SEEK_END)
        for column in columns:
            file.write(np.ascontiguousarray(column).data)

    def read(self, number: int) -> list[NDArray[Any]]:
        """The next ones of every column; fewer at the end."""
        number, found = min(number, self.count - self.position), []
        for i, kind in enumerate(self.kinds):
            self.file.seek(self.start + 8 * (i * self.count + self.position))
            found.append(np.frombuffer(self.file.read(8 * number), kind))
        self.position += number
        return found


class PiledSheet:
    """On disk, a block for each part, whose rows are in order."""

    def __init__(self, database: Database, names: Sequence[str], count: int) -> None:
        self.file, self.names, self.count, self.blocks = database.file(), names, count, list[_Block]()

    def put(self, rows: Whole, columns: Mapping[str, Array]) -> None:
        self.blocks.append(_Block(self.file, [rows, *(columns[name] for name in self.names)]))

    def batches(self) -> Iterator[Mapping[str, Array]]:
        held = [block.read(0) for block in self.blocks]
        some = max(ROWS_AHEAD // max(len(held), 1), 1 << 10)  # of every block, so that memory holds those of all
        for start in range(0, self.count, AT_ONCE):
            stop = min(start + AT_ONCE, self.count)
            found = {name: np.empty(stop - start) for name in self.names}
            for i, block in enumerate(self.blocks):
                while block.position < block.count and (not len(held[i][0]) or held[i][0][-1] < stop - 1):
                    held[i] = [*map(np.concatenate, zip(held[i], block.read(some), strict=True))]
                rows, *columns = held[i]
                number = int(np.searchsorted(rows, stop))
                places = rows[:number] - start
                for numbers, column in zip(found.values(), columns, strict=True):
                    numbers[places] = column[:number]
                held[i] = [column[number:] for column in held[i]]
            yield found
