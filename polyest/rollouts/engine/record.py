"""The groups of a log as counts: what measures are computed from."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from polyest.rollouts.engine.arrays import as_arrow
from polyest.rollouts.engine.parts import Dealt
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.scored import Groups
from polyest.rollouts.jsonl import value_of
from polyest.rollouts.statistics import GroupStatistics, joined, spread
from polyest.rollouts.typed import load

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    from polyest.rollouts.batch import Part
    from polyest.rollouts.engine.sheet import Block, Pile

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Record: TypeAlias = Mapping[str, NDArray[Any]]
    Columns: TypeAlias = dict[str, NDArray[Any]]

__all__ = ["DealtRecords"]

NUMBERS = ("verdict", "score")
OF_GROUPS = {"first", "size", "missing", "distinct", "correct_missing"}
OF_ENTRIES, OF_ROWS = ("count", "row", "code", "correct"), ("score",)


@dataclass(frozen=True)
class DealtRecords:
    """The records of a log: one of all groups where it is held, else one for each shelf.

    Of one that was dealt by prompts each has all groups of its prompts. Their answers can be read while the log is
    open.

    Args:
        dealt: with the number ``verdict`` of every row, if there are verdicts, and ``score``, if there are scores.
        groups: of the log.
        by: what the column ``by`` is called, the same for all of a group, which becomes a key.
        names: of the values that methods make of the groups, by method; others are left out.
    """

    dealt: Dealt
    groups: Groups
    by: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chosen = ", ".join(["place", *self._columns.values()])
        with _registered(self.dealt.rows, (block.all()["first"] for block in self.groups.blocks)):
            self.dealt.rows.connection.execute(
                f"CREATE OR REPLACE TABLE firsts AS SELECT {chosen} FROM places JOIN rows ON rows.rowid = place"
            )
        self.dealt.rows.database.make_room()

    def held(self) -> GroupStatistics:
        """One of all groups."""
        records = [*self]
        firsts = [record.firsts for record in records if record.firsts is not None]
        return joined(records, np.argsort(np.concatenate(firsts)))

    def __len__(self) -> int:
        return len(self.dealt.shelves) or 1

    def __iter__(self) -> Iterator[GroupStatistics]:
        if self.dealt.held:
            return iter([self._record([_counted(*one) for one in self.dealt.held], self.groups.blocks)])
        ends = np.cumsum([len(shelf) for shelf in self.dealt.shelves]).tolist()
        blocks = (
            self.groups.blocks[end - len(shelf) : end] for shelf, end in zip(self.dealt.shelves, ends, strict=True)
        )
        return map(self._of_shelf, self.dealt.shelves, blocks)  # which holds no part while it is measured

    def _of_shelf(self, shelf: Sequence[Pile], blocks: Sequence[Block]) -> GroupStatistics:
        return self._record([_counted(*self.dealt.read(pile)) for pile in shelf], blocks)

    @cached_property
    def _columns(self) -> dict[str, str]:
        """The columns of keys by their names; the step's is called step, whatever its column is."""
        rows = self.dealt.rows
        columns = {"step" if name == rows.columns.step else name: key for name, key in rows.keys.items()}
        if self.by is not None and "by" in rows.sources:
            columns.setdefault(self.by, '"by"')
        return columns

    @cached_property
    def _known(self) -> tuple[bool, bool, bool]:
        """Whether some verdict is known, whether some is neither 0 nor 1, and whether every row has a score."""
        is_judged, has_parts, is_rated = zip(*map(_judged, self.dealt.records()), strict=True)
        return any(is_judged), any(has_parts), all(is_rated)

    @cached_property
    def _runs(self) -> list[Hashable]:
        return self._all("run")

    @cached_property
    def _steps(self) -> list[Hashable]:
        return self._all("step")

    def _all(self, name: str) -> list[Hashable]:
        """The values of a key in order of appearance; none where there is no such key."""
        if name not in self._columns:
            return []
        query = f"SELECT {self._columns[name]} FROM firsts GROUP BY 1 ORDER BY min(place)"
        return [*map(_hashable, _read(self.dealt.rows.connection.sql(query).to_arrow_table().column(0)))]

    def _record(self, parts: list[Columns], blocks: Sequence[Block]) -> GroupStatistics:
        found, rows = _joined(parts), self.dealt.rows
        is_judged, has_parts, is_rated = self._known
        keys = _values(rows, found["first"], [*self._columns.values()], "firsts")
        return GroupStatistics(
            keys={name: [*map(_hashable, values)] for name, values in zip(self._columns, keys, strict=True)},
            sizes=found["size"],
            missing=found["missing"],
            offsets=np.concatenate([[0], np.cumsum(found["distinct"])]),
            counts=found["count"],
            correct=found["correct"] if is_judged else None,
            codes=found["code"],
            places=found["row"],
            answers=partial(_answers, rows),
            scores=found["score"] if is_rated else None,
            correct_missing=found["correct_missing"] if is_judged else None,
            has_parts=has_parts,
            firsts=found["first"],
            values=self._values(blocks),
            all_runs=self._runs,
            all_steps=self._steps,
        )

    def _values(self, blocks: Sequence[Block]) -> dict[str, Array]:
        """What methods make of the groups of these blocks, by first row."""
        if not self.names:
            return {}
        records = np.concatenate([block.all() for block in blocks])
        order = np.argsort(records["first"], kind="stable")
        return {name: records[label][order] for label, name in self.names.items()}


def _joined(parts: list[Columns]) -> Columns:
    """The columns of all parts, groups by their first rows; parts are used up, so that no column is there twice."""
    found = {name: np.concatenate([part.pop(name) for part in parts]) for name in [*parts[0]]}
    order = np.argsort(found["first"], kind="stable")
    for own_names, lengths in ((OF_ENTRIES, found["distinct"]), (OF_ROWS, found["size"])):
        kept = [name for name in own_names if name in found]
        if kept:
            own = spread((np.cumsum(lengths) - lengths)[order], lengths[order])
            for name in kept:
                found[name] = found[name][own]
    for name in found.keys() & OF_GROUPS:
        found[name] = found[name][order]
    return found


def _counted(part: Part, records: Record) -> dict[str, NDArray[np.generic]]:
    """Numbers of a part's groups, of their distinct answers (``count, correct, row``) and of their rows."""
    given, number = ~records["missing"], len(part.sizes)
    codes, groups = np.asarray(part.answers.codes)[given], part.of_row[given]
    order = np.lexsort((codes, groups))
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(groups[order]) != 0) | (np.diff(codes[order]) != 0)
    starts = np.flatnonzero(new)
    found: Columns = {
        "first": records["row"][part.firsts],
        "size": part.sizes,
        "missing": np.bincount(part.of_row[~given], minlength=number),
        "distinct": np.bincount(groups[order][starts], minlength=number),
        "count": np.diff(np.append(starts, len(order))),
        "row": records["row"][given][order][starts],
        "code": records["answer"][given][order][starts],
    }
    if "verdict" in records:
        verdicts = records["verdict"]
        found["correct"] = np.add.reduceat(verdicts[given][order], starts) if len(starts) else np.zeros(0)
        found["correct_missing"] = np.bincount(part.of_row[~given], verdicts[~given], number)
    if "score" in records:
        found["score"] = records["score"][np.lexsort((records["score"], part.of_row))]
    return found


def _judged(records: Record) -> tuple[bool, bool, bool]:
    """Whether some verdict is known, and some is neither 0 nor 1; and whether every row has a score."""
    nothing = np.full(len(records["row"]), np.nan)
    verdicts, scores = (records.get(name, nothing) for name in NUMBERS)
    known = verdicts[~np.isnan(verdicts)]
    return len(known) > 0, not np.isin(known, (0.0, 1.0)).all(), bool(np.isfinite(scores).all())


def _hashable(value: object) -> Hashable:
    """A key; lists and objects as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def _answers(rows: Rows, places: Whole) -> list[Hashable]:
    relation = "(SELECT rowid AS place, answer FROM rows)"
    return [load(answer) for answer in _values(rows, places, ["answer"], relation)[0]]


@contextmanager
def _registered(rows: Rows, lots: Iterable[Whole]) -> Iterator[None]:
    """The table ``places``, which can be read once, with the number of each within its lot."""
    import pyarrow as pa

    schema = pa.schema([("place", pa.int64()), ("number", pa.int64())])
    columns = ([as_arrow(places), as_arrow(np.arange(len(places)))] for places in lots)
    batches = (pa.RecordBatch.from_arrays(pair, schema=schema) for pair in columns)
    rows.connection.register("places", pa.RecordBatchReader.from_batches(schema, batches))
    yield
    rows.connection.unregister("places")


def _values(rows: Rows, places: Whole, columns: list[str], relation: str) -> list[list[Hashable]]:
    """Values of these columns at places, each distinct text read once."""
    with _registered(rows, [places]):
        found = rows.connection.sql(
            f"SELECT {', '.join(columns)} FROM places JOIN {relation} USING (place) ORDER BY number"
        ).to_arrow_table()
    return [_read(found.column(i)) for i in range(len(columns))]


def _read(column: pyarrow.ChunkedArray) -> list[Hashable]:
    import pyarrow as pa

    encoded = pa.chunked_array(column.chunks, column.type).combine_chunks().dictionary_encode()
    values = [value_of(text, lambda: "a key of the log") for text in encoded.dictionary.to_pylist()]
    return [None if i is None else values[i] for i in encoded.indices.to_pylist()]
