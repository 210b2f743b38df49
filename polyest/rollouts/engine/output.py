"""Writing rows and prompts: their file, number and keys, with numbers beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.rollouts.engine.ahead import ahead
from polyest.rollouts.engine.arrays import as_arrow, nulled, texts
from polyest.rollouts.engine.database import AT_ONCE, literal, quoted
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.scored import Paid, starts_of
from polyest.rollouts.parquet import SUFFIXES
from polyest.storage.files import replacing

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    from polyest.rollouts.engine.scored import Groups
    from polyest.rollouts.engine.sheet import Sheet

    Array = NDArray[np.float64]

__all__ = ["Writer", "typed_keys", "write_prompts", "write_rows"]

TEXT = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'"  # lines as they are
ROW = "rowid + 1 - shift"  # in its file
DELTA = {"row": "DELTA_BINARY_PACKED"}
LIGHT = 1 << 25  # bytes of keys and answers in a batch, of which memory holds eight times as many
FEW = 1 << 12  # numbers that say whether all repeat
OF_PROMPTS = ("place", "completions", "groups")
HALF = r"\\u[dD][89abAB]"  # of a character, in JSON


# Kinds of keys, as SQL: texts, numbers, those of more than 64 bits, and texts with half a character; CASE leaves out
# what is slow, casts that fail above all.
KINDS = (
    "starts_with({0}, '\"')",
    "NOT starts_with({0}, '\"')",
    "CASE WHEN NOT starts_with({0}, '\"') THEN TRY_CAST({0} AS BIGINT) IS NULL END",
    f"CASE WHEN contains({{0}}, '\\u') THEN regexp_matches({{0}}, '{HALF}') END",
)


def typed_keys(rows: Rows) -> dict[str, str]:
    """The keys in their own types, as SQL, for parquet.

    Raises:
        ArgumentError: one that parquet cannot hold as it is.
    """
    return {name: rows.own_keys.get(column) or _typed(rows, name, column) for name, column in rows.keys.items()}


def _typed(rows: Rows, name: str, column: str) -> str:
    counts = ", ".join(f"count(*) FILTER ({kind.format(column)})" for kind in KINDS)
    texts, numbers, large, halves = rows.connection.sql(f"SELECT {counts} FROM rows").fetchall()[0]
    came = "texts and numbers" if texts and numbers else "numbers of more than 64 bits" if large else ""
    came = "half a character" if halves else came
    if came:
        raise ArgumentError(f"column {name!r} cannot be written as parquet: it has {came}; write to a .jsonl file")
    if numbers:
        return f"{column}::BIGINT"
    bare = f"substr({column}, 2, length({column}) - 2)"  # sooner than [2:-2]
    return f"CASE WHEN contains({column}, '\\') THEN {column}::JSON ->> '$' ELSE {bare} END"


class Writer:
    """Writes columns to a file, in the format that its ending names, beside the keys of rows.

    Args:
        keys: as SQL; found out if left out.

    Raises:
        ArgumentError: a key that the format cannot hold as it is; known before there are numbers.
    """

    def __init__(self, rows: Rows, path: Path, keys: Mapping[str, str] | None = None) -> None:
        self.rows, self.path, self.is_parquet = rows, path, path.suffix.lower() in SUFFIXES
        self.keys = keys or (typed_keys(rows) if self.is_parquet else rows.keys)

    def write(self, before: Mapping[str, str], after: Mapping[str, str], rest: str) -> None:
        """Write columns, SQL for JSON texts and numbers, the keys between them, FROM the rest; whole or not at all."""
        columns = {**before, **self.keys, **after}
        if self.is_parquet:
            chosen, kind = _named(columns), "FORMAT parquet"
        else:
            parts = [f"{literal(json.dumps(name) + ': ')} || {_json(sql)}" for name, sql in columns.items()]
            chosen, kind = " || ".join(["'{'", " || ', ' || ".join(parts), "'}'"]), TEXT
        with self.replacing() as temporary:
            self.rows.connection.execute(f"COPY (SELECT {chosen} FROM {rest}) TO {literal(str(temporary))} ({kind})")

    @contextmanager
    def replacing(self) -> Iterator[Path]:
        """Where to write, whole or not at all.

        Raises:
            ArgumentError: there is no room, or a file of the log has changed.
        """
        import duckdb

        try:
            with replacing(self.path) as temporary:
                yield temporary
                self.rows.check_files()
        except (OSError, duckdb.IOException) as error:
            reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            raise ArgumentError(f"{self.path} cannot be written: {reason}; make room, or name another") from None


def _named(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} AS {quoted(name)}" for name, sql in columns.items())


def _json(sql: str) -> str:
    return f"coalesce(({sql})::VARCHAR, 'null')"


def write_rows(writer: Writer, sheet: Sheet, names: Mapping[str, str]) -> None:
    """The rows in order: file, number, keys, and what they are paid under these names."""
    rows, paid = writer.rows, Paid(sheet, names)
    if writer.is_parquet:
        with writer.replacing() as temporary:
            _write_parquet(temporary, rows, writer.keys, paid)
        return
    files = [*map(json.dumps, rows.files)]
    one = literal(files[0])  # as an ENUM it is not looked for among others, row by row
    file = f"{one}::ENUM({one})" if len(files) == 1 else f"[{', '.join(map(literal, files))}][file + 1]"
    with _registered(rows, "numbers", _numbers(paid)):
        before = {"file": file, "row": ROW}
        answer = {"answer": "to_json(answer)"} if rows.is_extracted else {}
        after = answer | {name: f"nullif(numbers.{quoted(name)}, 'NaN')" for name in names.values()}
        writer.write(before, after, "rows POSITIONAL JOIN numbers")


def _write_parquet(path: Path, rows: Rows, keys: Mapping[str, str], paid: Paid) -> None:
    """By pyarrow: DuckDB writes what is joined to rows with one thread, and takes half as long again for it."""
    import pyarrow as pa
    from pyarrow import parquet

    answer = {"answer": "answer"} if rows.is_extracted else {}
    query = rows.connection.cursor().sql(f"SELECT {_named({'file': 'file', 'row': ROW, **keys, **answer})} FROM rows")
    batches = query.to_arrow_reader(AT_ONCE >> (int(rows.length) * AT_ONCE // LIGHT).bit_length())
    numbers = [(name, pa.float64()) for name in paid.names.values()]
    schema = pa.schema([("file", pa.dictionary(pa.int32(), pa.string())), *[*batches.schema][1:], *numbers])
    files, writer = texts(rows.files), None
    with ExitStack() as stack:
        for batch, found in ahead((batch, paid.take(len(batch))) for batch in batches):
            file = pa.DictionaryArray.from_arrays(batch.column(0), files)
            columns = [file, *batch.columns[1:], *map(nulled, found.values())]
            if writer is None:
                repeated = [name for name in schema.names if name != "row" and _repeats(found.get(name))]
                settings = {"use_dictionary": repeated, "column_encoding": DELTA, "store_schema": False}
                settings["write_statistics"] = ["row"]  # those of texts take as long as writing them
                writer = stack.enter_context(parquet.ParquetWriter(path, schema, **settings))
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _repeats(numbers: Array | None) -> bool:
    """Whether the same ones come again and again, as names and answers do."""
    if numbers is None:
        return True
    some = np.sort(numbers[:FEW])
    return bool(np.count_nonzero(np.diff(some)) < len(some) / 2)


def _numbers(paid: Paid) -> pyarrow.RecordBatchReader:
    """All of them, NaN as it is."""
    import pyarrow as pa

    schema = pa.schema([(name, pa.float64()) for name in paid.names.values()])

    def batches() -> Iterator[pyarrow.RecordBatch]:
        while len(next(iter((columns := paid.take(AT_ONCE)).values()))):
            yield pa.RecordBatch.from_arrays([*map(as_arrow, columns.values())], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def write_prompts(writer: Writer, groups: Groups, names: Mapping[str, str]) -> None:
    """The prompts in order: their keys, completions and groups, and the mean value of groups of two and more.

    Args:
        names: of the values' columns, by method.
    """
    import pyarrow as pa

    integers, floats = (
        pa.schema([(name, kind) for name in own]) for own, kind in ((OF_PROMPTS, pa.int64()), (names, pa.float64()))
    )
    schema = pa.schema([*integers, *floats])
    batches = (_prompts(block.all(), names, schema) for block in groups.blocks)
    after = {"completions": "prompts.completions", "groups": "prompts.groups"}
    after |= {name: f"nullif(prompts.{quoted(label)}, 'NaN')" for label, name in names.items()}
    with _registered(writer.rows, "prompts", pa.RecordBatchReader.from_batches(schema, batches)):
        writer.write({}, after, "prompts JOIN rows ON rows.rowid = prompts.place ORDER BY prompts.place")


def _prompts(block: NDArray[np.void], labels: Iterable[str], schema: pyarrow.Schema) -> pyarrow.RecordBatch:
    """Those of a block of groups."""
    import pyarrow as pa

    starts = starts_of(block)
    columns = [block["prompt"][starts], np.add.reduceat(block["size"], starts), np.diff(starts, append=len(block))]
    for label in labels:
        known = ~np.isnan(block[label])
        with np.errstate(invalid="ignore"):
            columns.append(
                np.add.reduceat(np.where(known, block[label], 0.0), starts)
                / np.add.reduceat(known, starts, dtype=np.int64)
            )
    return pa.RecordBatch.from_arrays([*map(as_arrow, columns)], schema=schema)


@contextmanager
def _registered(rows: Rows, name: str, relation: pyarrow.Table | pyarrow.RecordBatchReader) -> Iterator[None]:
    rows.connection.register(name, relation)
    try:
        yield
    finally:
        rows.connection.unregister(name)
