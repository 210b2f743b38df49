"""Numbers of all rows, put in part by part and taken out in order: in memory where they fit, else on disk."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Protocol

import numpy as np

from polyest.rollouts.engine.database import AT_ONCE, Database

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Record = NDArray[np.void]

__all__ = ["HeldSheet", "Pile", "PiledSheet", "Sheet"]


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

    def all(self) -> Record:
        """All of them."""
        self.position = 0
        return self.read(self.count)


class PiledSheet:
    """On disk, a pile for each part, whose rows are in order."""

    def __init__(self, database: Database, names: Sequence[str], count: int) -> None:
        self.database, self.count, self.piles = database, count, list[Pile]()
        self.dtype = np.dtype([("row", "i8"), *((name, "f8") for name in names)])

    def put(self, rows: Whole, columns: Mapping[str, Array]) -> None:
        pile, records = Pile(self.database.file(), self.dtype), np.empty(len(rows), self.dtype)
        for name, numbers in {"row": rows, **columns}.items():
            records[name] = numbers
        pile.write(records)
        self.piles.append(pile)

    def batches(self) -> Iterator[Mapping[str, Array]]:
        held = [pile.read(0) for pile in self.piles]
        for start in range(0, self.count, AT_ONCE):
            stop = min(start + AT_ONCE, self.count)
            found = {name: np.empty(stop - start) for name in self.dtype.names or () if name != "row"}
            for i, pile in enumerate(self.piles):
                if not len(held[i]) or held[i]["row"][-1] < stop - 1:
                    held[i] = np.concatenate([held[i], pile.read(AT_ONCE)])
                number = bisect_left(held[i]["row"], stop)  # np.searchsorted would copy what lies apart
                places = held[i]["row"][:number] - start
                for name, numbers in found.items():
                    numbers[places] = held[i][name][:number]
                held[i] = held[i][number:]
            yield found
