"""A log in parts that work apart: the rows of each file as batches, whole groups as logs of their own, and all as one.

A row is known by its place: 2^40 times the number of its file, plus its number among the file's completions. Places
order rows as they are in the log. Groups are kept together by a hash of their keys that is the same in every process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polyest.rollouts import statistics
from polyest.rollouts.engine.arrays import as_arrow, as_numpy
from polyest.rollouts.engine.as_lines import original
from polyest.rollouts.engine.canonical import MOST
from polyest.rollouts.engine.columns import Columns
from polyest.rollouts.engine.database import AT_ONCE, Database, quoted
from polyest.rollouts.engine.output import KINDS
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.scored import Found, Groups

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

__all__ = ["Form", "add_witnesses", "blocks", "form_of", "joined", "rows_of", "witnesses"]

FILE = 1 << 40  # more completions than a file has


def joined(parts: Sequence[Found]) -> Found:
    """What is known of all parts, as one log has it; records have places."""
    groups = reduce(Groups.plus, (part.groups for part in parts))
    records = [part.record for part in parts if part.record is not None]
    if not records:
        return Found(groups)
    firsts = [record.firsts for record in records if record.firsts is not None]
    return Found(groups, statistics.joined(records, np.argsort(np.concatenate(firsts), kind="stable")))


@dataclass(frozen=True)
class Form:
    """What all parts of a log have in common, known once every file is read; the names are those of `Rows`."""

    columns: Columns
    is_run: bool
    files: list[str]
    names: frozenset[str]
    is_extracted: bool
    absent: str
    keys: dict[str, str]
    own_keys: dict[str, str]


def form_of(rows: Rows) -> Form:
    """That of a log."""
    return Form(
        rows.columns, rows.is_run, rows.files, rows.names, rows.is_extracted, rows.absent, rows.keys, rows.own_keys
    )


def blocks(rows: Rows, file: int) -> Iterator[pyarrow.RecordBatch]:
    """The rows of the file of this number, all that there are: ``file, place, row, hash``, and what `Rows` has."""
    text = ", ".join(f"coalesce({key}, '')" for key in rows.keys.values())
    chosen = f"{file}::BIGINT * {FILE} + rowid AS place, rowid + 1 - shift AS row"
    columns = ", ".join(_columns(rows))
    query = rows.connection.sql(
        f"SELECT {file}::INTEGER AS file, {chosen}, md5_number_lower(concat_ws(chr(31), {text})) AS hash, {columns} "
        "FROM rows"
    )
    yield from query.to_arrow_reader(AT_ONCE)


def _columns(rows: Rows) -> list[str]:
    own = [*rows.own_keys.values(), "answer_own"] if rows.own_keys else []
    return [*rows.keys.values(), *own, *map(quoted, rows.sources), "text"]


def rows_of(table: pyarrow.Table, form: Form, database: Database) -> tuple[Rows, Whole]:
    """Whole groups as a log of their own, and the places of its rows."""
    import pyarrow as pa

    table, numbers = table.sort_by("place"), np.arange(len(table))
    place, row = (as_numpy(pa.concat_arrays(table[name].chunks)) for name in ("place", "row"))
    table = table.drop_columns(["place", "row", "hash"])
    table = table.append_column("shift", as_arrow(numbers + 1 - row))
    files = [] if form.is_run else [original(Path(name)) for name in form.files]
    rows = Rows(
        database, form.columns, form.is_run, form.files, len(table), form.names, form.is_extracted, form.absent, files
    )
    rows.keys, rows.own_keys = form.keys, form.own_keys
    rows.connection.register("part", table)
    rows.connection.execute(
        "CREATE OR REPLACE TABLE rows AS SELECT * FROM part;"
        # DuckDB writes columns that never had a null with another schema, and that of all partitions has to be the same
        f"INSERT INTO rows (shift) VALUES (NULL); DELETE FROM rows WHERE rowid = {len(table)}"
    )
    rows.connection.unregister("part")
    return rows, place


def witnesses(rows: Rows) -> pyarrow.Table:
    """A few rows that stand for all: each column that has values has one, keys have one of each of their `KINDS`.

    Of verdicts there is every one, in order, with the number of its row in the file.
    """
    keys, others = rows.keys.values(), [name for name in rows.sources if name != "correct"]
    kinds = [
        ", ".join(f"any_value({key}) FILTER ({kind.format(key)}) AS {key}" for key in keys)
        for kind in ("{0} IS NOT NULL", *KINDS)
    ]
    values = ", ".join(f"any_value({quoted(name)}) AS {quoted(name)}" for name in others)
    selects = [f"SELECT {values} FROM rows", *(f"SELECT {kind} FROM rows" for kind in kinds)]
    if "correct" in rows.sources:
        first = "arg_min(rowid + 1 - shift, rowid)"
        verdicts = f"SELECT correct, {first} AS row, min(rowid) AS place FROM rows WHERE correct IS NOT NULL GROUP BY 1"
        selects.append(f"SELECT correct, row FROM ({verdicts} ORDER BY place LIMIT {MOST + 1})")
    return rows.connection.sql(" UNION ALL BY NAME ".join(selects)).to_arrow_table()


def add_witnesses(rows: Rows, table: pyarrow.Table) -> None:
    """Put those of the file that was added last into the table, where they answer what is asked of all rows."""
    count = rows.connection.sql("SELECT count(*) FROM rows").fetchall()[0][0]
    row = "row" if "row" in table.column_names else "1"
    rest = table.column_names if row == "1" else [name for name in table.column_names if name != "row"]
    chosen = ", ".join(map(quoted, rest))
    rows.connection.register("witnesses", table)
    rows.connection.execute(
        f"INSERT INTO rows BY NAME SELECT {len(rows.files) - 1} AS file, "
        f"{count} + row_number() OVER () - coalesce({row}, 1) AS shift, {chosen} FROM witnesses"
    )
    rows.connection.unregister("witnesses")
