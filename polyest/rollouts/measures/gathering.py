"""Tables of some prompts after the other, put together as they come: in memory, or on disk where parts are many."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from os import SEEK_END
from typing import IO, TYPE_CHECKING

import numpy as np

from polyest.rollouts.measures.means import Means
from polyest.rollouts.measures.tables import Parted, PartsTable, joined, side_by_side

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

__all__ = ["Gathering", "GatheringOnDisk"]

MOST = 1 << 17  # parts in memory, of 0.9 kB each
SHELVES = 256  # parts by their names, those of one shelf in memory
ON_SHELF = 1 << 14  # parts in order


class Gathering:
    """In memory."""

    def __init__(self) -> None:
        self.held: list[PartsTable] = []

    def add(self, table: PartsTable) -> None:
        """That of other prompts, used up; it waits until there are as many new parts as old: no part moves often."""
        self.held.append(table)
        first, *others = (len(one.most) for one in self.held)
        if others and sum(others) >= first:
            self.held = [joined(self.held)]

    def table(self, per_nat: float = 1.0) -> PartsTable:
        """That of all prompts, finished."""
        self.held = [joined(self.held)]
        return self.held[0].finished(per_nat)


class GatheringOnDisk(Gathering):
    """On disk once there are more than `MOST` parts."""

    def __init__(self) -> None:
        super().__init__()
        self.shelves: _Shelves | None = None

    def add(self, table: PartsTable) -> None:
        if sum(len(one.most) for one in [*self.held, table]) > MOST:
            self.held.append(table)
            self._put_away()
        else:
            super().add(table)

    def parts(self, per_nat: float = 1.0) -> Parted:
        """The parts over all prompts, finished."""
        if self.shelves is None:
            return self.table(per_nat)
        self._put_away()
        return _in_order(self.shelves, per_nat)

    def _put_away(self) -> None:
        """By what names them, so that those of a part come together."""
        self.shelves = self.shelves or _Shelves(SHELVES)
        for table in self.held:
            names = zip(*table.columns.values(), strict=True)
            self.shelves.put(table, np.array([hash(name) % SHELVES for name in names], np.int64))
        self.held = []


class _Shelves:
    """Tables of parts in a file without a name."""

    def __init__(self, number: int) -> None:
        self.places: list[list[int]] = [[] for _ in range(number)]
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, self.file.close)

    def put(self, table: PartsTable, shelf_of: Whole) -> None:
        """Every part on its shelf."""
        order = np.argsort(shelf_of, kind="stable")
        for parts in np.split(order, np.flatnonzero(np.diff(shelf_of[order])) + 1):
            self.places[shelf_of[parts[0]]].append(self.file.seek(0, SEEK_END))
            pickle.dump(table.taken(parts), self.file, pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[list[PartsTable]]:
        """The tables on each shelf that has some."""
        for places in filter(None, self.places):
            yield [*map(self._table, places)]

    def _table(self, place: int) -> PartsTable:
        self.file.seek(place)
        found: PartsTable = pickle.load(self.file)
        return found


def _in_order(apart: _Shelves, per_nat: float) -> Parted:
    """The parts of shelves, each of which has all that there is of its own, finished, all with the same measures."""
    whole, measures, known = _Shelves(len(apart.places)), list[str](), set[str]()
    firsts: list[Whole] = []
    for number, tables in enumerate(apart):
        table = joined(tables)
        firsts.append(table.firsts)
        measures = [*dict.fromkeys([*max(measures, table.names[1], key=len), *measures, *table.means])]
        known |= table.known()
        whole.put(table, np.full(len(table.most), number))
    begins = np.sort(np.concatenate(firsts))[::ON_SHELF]
    dealt, ordered = _Shelves(len(begins)), _Shelves(len(begins))
    for (table,) in whole:
        dealt.put(table, np.searchsorted(begins, table.firsts, side="right") - 1)
    for number, tables in enumerate(dealt):
        table = side_by_side(tables)
        means = {name: table.means.get(name) or Means.of_none(len(table.most)) for name in measures if name in known}
        ordered.put(replace(table, means=means).finished(per_nat, known), np.full(len(table.most), number))
    return _PartsOnDisk(ordered)


class _PartsOnDisk(Parted):
    """Some parts on each shelf, in order, finished."""

    def __init__(self, shelves: _Shelves) -> None:
        self.shelves = shelves

    @cached_property
    def names(self) -> tuple[list[str], list[str]]:
        return next(self.blocks()).names

    def blocks(self) -> Iterator[PartsTable]:
        for (table,) in self.shelves:
            yield from table.blocks()
