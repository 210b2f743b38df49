"""The groups of a log as counts: what measures are computed from."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from polyest.errors import ArgumentError
from polyest.rollouts.engine.arrays import as_arrow
from polyest.rollouts.engine.parts import Dealt
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.jsonl import value_of
from polyest.rollouts.statistics import GroupStatistics, spread
from polyest.rollouts.typed import load

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    from polyest.rollouts.batch import Part

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Record = NDArray[np.void]
    Columns: TypeAlias = dict[str, NDArray[Any]]

__all__ = ["statistics"]

NUMBERS = ("verdict", "score")
OF_GROUPS = {"first", "size", "missing", "distinct", "correct_missing", "differs"}
OF_ENTRIES, OF_ROWS = ("count", "row", "code", "correct"), ("score",)


def statistics(dealt: Dealt, by: str | None = None) -> GroupStatistics:
    """The record of all groups, in the order in which they appear; its answers can be read while the log is open.

    Args:
        dealt: with the number ``verdict`` of every row, if there are verdicts, ``score``, if there are scores, and
            ``by``, which tells the values of the column `by` apart.
        by: what the column ``by`` is called, which becomes a key.

    Raises:
        ArgumentError: the column ``by`` differs within a group; names a row.
    """
    joined = _joined([_counted(part, records) for part, records in dealt])
    if "differs" in joined and joined["differs"].any():
        raise ArgumentError(
            f"`--by` must name a column that is the same for all of a group; {by!r} differs within that of "
            f"{dealt.rows.place(int(joined['first'][joined['differs']].min()))}; add it with --prompt-column"
        )
    has_verdicts, has_scores = joined.pop("is_judged").any(), joined.pop("is_rated").all()
    places, distinct = joined["row"], joined["distinct"]
    return GroupStatistics(
        keys=_keys(dealt.rows, joined["first"], by),
        sizes=joined["size"],
        missing=joined["missing"],
        offsets=np.concatenate([[0], np.cumsum(distinct)]),
        counts=joined["count"],
        correct=joined["correct"] if has_verdicts else None,
        codes=joined["code"],
        answers=lambda entries: _answers(dealt.rows, places[entries]),
        scores=joined["score"] if has_scores else None,
        correct_missing=joined["correct_missing"] if has_verdicts else None,
        has_parts=bool(joined["has_parts"].any()),
    )


def _joined(parts: list[Columns]) -> Columns:
    """The columns of all parts, groups by their first rows; parts are used up, so that no column is there twice."""
    names = [name for name in parts[0] if all(name in part for part in parts)]
    found = {name: np.concatenate([part.pop(name) for part in parts]) for name in names}
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
    found |= _judged(records)
    names = records.dtype.names or ()
    if "verdict" in names:
        verdicts = records["verdict"]
        found["correct"] = np.add.reduceat(verdicts[given][order], starts) if len(starts) else np.zeros(0)
        found["correct_missing"] = np.bincount(part.of_row[~given], verdicts[~given], number)
    if "by" in names:
        differs = records["by"] != records["by"][part.firsts][part.of_row]
        found["differs"] = np.bincount(part.of_row[differs], minlength=number) > 0
    if found["is_rated"].all():
        found["score"] = records["score"][np.lexsort((records["score"], part.of_row))]
    return found


def _judged(records: Record) -> Columns:
    """Whether some verdict of a part is known, and some is neither 0 nor 1; and whether every row has a score."""
    nothing = np.full(len(records), np.nan)
    verdicts, scores = (records[name] if name in (records.dtype.names or ()) else nothing for name in NUMBERS)
    known = verdicts[~np.isnan(verdicts)]
    found = {"is_judged": len(known) > 0, "has_parts": not np.isin(known, (0.0, 1.0)).all()}
    found["is_rated"] = scores is not nothing and bool(np.isfinite(scores).all())
    return {name: np.array([told]) for name, told in found.items()}


def _keys(rows: Rows, firsts: Whole, by: str | None) -> dict[str, list[Hashable]]:
    """The keys of the groups; the step's is called step, whatever its column is."""
    columns = {"step" if name == rows.columns.step else name: key for name, key in rows.keys.items()}
    if by is not None and "by" in rows.sources and by not in columns:
        columns[by] = '"by"'
    found = _values(rows, firsts, [*columns.values()])
    return {name: [_hashable(value) for value in values] for name, values in zip(columns, found, strict=True)}


def _hashable(value: object) -> Hashable:
    """A key; lists and objects as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def _answers(rows: Rows, places: Whole) -> list[Hashable]:
    return [load(answer) for answer in _values(rows, places, ["answer"])[0]]


def _values(rows: Rows, places: Whole, columns: list[str]) -> list[list[Hashable]]:
    """Values of these columns in rows, each distinct text read once."""
    import pyarrow as pa

    table = pa.table({"place": as_arrow(places), "number": as_arrow(np.arange(len(places)))})
    rows.connection.register("places", table)
    chosen = ", ".join(columns)
    found = rows.connection.sql(
        f"SELECT {chosen} FROM places JOIN rows ON rows.rowid = places.place ORDER BY number"
    ).to_arrow_table()
    rows.connection.unregister("places")
    return [_read(found.column(i)) for i in range(len(columns))]


def _read(column: pyarrow.ChunkedArray) -> list[Hashable]:
    import pyarrow as pa

    encoded = pa.chunked_array(column.chunks, column.type).combine_chunks().dictionary_encode()
    values = [value_of(text, lambda: "a key of the log") for text in encoded.dictionary.to_pylist()]
    return [None if i is None else values[i] for i in encoded.indices.to_pylist()]
