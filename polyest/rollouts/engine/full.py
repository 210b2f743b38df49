"""Every row of a log as it was, with columns added: the bytes of a line, the Arrow values of a parquet file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from polyest.errors import ArgumentError
from polyest.rollouts import jsonl, parquet
from polyest.rollouts import read as read_whole
from polyest.rollouts import writer as writer_of_whole
from polyest.rollouts.engine.arrays import nulled
from polyest.rollouts.engine.plain import objects
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.engine.scored import Paid
from polyest.storage.files import replacing

if TYPE_CHECKING:
    from polyest.rollouts.engine.sheet import Sheet
    from polyest.rollouts.readers.source import Source

__all__ = ["full_writer"]

AT_ONCE = 1 << 16  # rows
Write = Callable[["Sheet", Mapping[str, str]], None]


def full_writer(rows: Rows, path: Path) -> Write:
    """A function that writes all rows with what they are paid, whole or not at all.

    Rows stream where they stay in their format; JSON lines that become parquet, or the other way round, are held in
    memory, because only then is it known whether the other format keeps them.

    Raises:
        ArgumentError: rows that the format cannot hold as they are, or that are not one per completion; known before
            there are numbers.
    """
    if len(rows.plain_files) < len(rows.files):
        raise ArgumentError("`--full` needs files of one row per completion; leave it out for file, row and keys")
    to_parquet = path.suffix.lower() in parquet.SUFFIXES
    kinds = {source.is_parquet for source in rows.plain_files}
    if kinds == {to_parquet}:
        if to_parquet:
            _check_parquet(rows.plain_files)
            return partial(_whole, rows, path, _write_parquet)
        return partial(_whole, rows, path, partial(_write_lines, taken=_names_of_lines(rows)))
    if len(rows.files) > 1:
        raise ArgumentError("`--full` must write files of one format in that format; got another for `--out`")
    return _converter(rows, path)


def _converter(rows: Rows, path: Path) -> Write:
    write = writer_of_whole(read_whole(rows.plain_files[0].path), path)

    def convert(sheet: Sheet, names: Mapping[str, str]) -> None:
        write(Paid(sheet, names).take(rows.count))

    return convert


def _whole(
    rows: Rows, path: Path, write: Callable[[Rows, Path, Paid], None], sheet: Sheet, names: Mapping[str, str]
) -> None:
    try:
        with replacing(path) as temporary:
            write(rows, temporary, Paid(sheet, names))
            rows.check_files()
    except OSError as error:
        raise ArgumentError(
            f"{path} cannot be written: {error.strerror or error}; make room, or name another"
        ) from None


def _write_lines(rows: Rows, path: Path, numbers: Paid, taken: frozenset[str]) -> None:
    if twice := taken.intersection(numbers.names.values()):
        raise ArgumentError(
            f"`--reward-column` and `--advantage-column` must name new columns; got {', '.join(sorted(twice))}, which "
            "some lines have; choose others"
        )
    files = zip(rows.plain_files, rows.counts(), strict=True)
    texts = chain.from_iterable(islice((line for _, line, _ in source.lines()), count) for source, count in files)
    with path.open("wb") as stream:
        while some := [*islice(texts, AT_ONCE)]:
            stream.writelines(jsonl.with_columns(some, numbers.take(len(some))))


def _write_parquet(rows: Rows, path: Path, numbers: Paid) -> None:
    import pyarrow as pa
    from pyarrow import parquet as pq

    added = pa.schema([(name, pa.float64()) for name in numbers.names.values()])
    schema = pa.schema([*rows.plain_files[0].schema, *added], rows.plain_files[0].schema.metadata)
    with pq.ParquetWriter(path, schema) as writer:
        for source in rows.plain_files:
            with parquet.opened(source.path) as file:
                for batch in file.iter_batches(batch_size=AT_ONCE, use_threads=False):
                    new = [nulled(values) for values in numbers.take(len(batch)).values()]
                    writer.write_batch(pa.RecordBatch.from_arrays([*batch.columns, *new], schema=schema))


def _check_parquet(sources: Sequence[Source]) -> None:
    """Whether Arrow reads them as they are, all as the first one."""
    for source in sources:
        parquet.check_file(source.path)
        if not source.schema.equals(sources[0].schema):
            raise ArgumentError(
                f"`--full` must write files of the same columns; {source.name} has others than {sources[0].name}"
            )


def _names_of_lines(rows: Rows) -> frozenset[str]:
    """All names in the lines.

    Raises:
        ArgumentError: an object, however deep, has one twice, which what reads the new file would take in its own way.
    """
    return frozenset().union(*(_names_of_flat_lines(rows, source) or _names(source) for source in rows.plain_files))


def _names_of_flat_lines(rows: Rows, source: Source) -> set[str] | None:
    """None if lines have objects in them, or may have a name twice."""
    import duckdb

    checked = f"SELECT json_keys(json) AS names, json_structure(json)::VARCHAR AS kinds FROM {objects(source)}"
    other = "contains(kinds[2:], '{') OR len(names) > len(list_distinct(names)) AS is_other"
    shapes = f"SELECT names, {other} FROM (SELECT DISTINCT names, kinds FROM ({checked}))"  # once for all of its names
    query = f"WITH shapes AS MATERIALIZED ({shapes}) SELECT unnest(names), bool_or(is_other) FROM shapes GROUP BY 1"
    try:
        found = rows.connection.sql(query).fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:  # such as of a torn line
        return None
    return None if any(is_other for _, is_other in found) else {name for name, _ in found}


def _names(source: Source) -> set[str]:
    return {name for _, record in replace(source, report=lambda _: None).records() for name in record}
