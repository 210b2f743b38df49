"""Every row of a log as it was, with columns added: the bytes of a line, the Arrow values of a parquet file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.rollouts import jsonl, parquet
from polyest.rollouts import read as read_whole
from polyest.rollouts import writer as writer_of_whole
from polyest.rollouts.engine.arrays import as_arrow
from polyest.rollouts.engine.rows import Rows
from polyest.storage.files import replacing

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    from polyest.rollouts.engine.scored import Scored
    from polyest.rollouts.readers.source import Source

    Record = NDArray[np.void]

__all__ = ["full_writer"]

AT_ONCE = 1 << 16  # rows
Write = Callable[["Scored", Mapping[str, str]], None]


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
        write = _write_parquet if to_parquet else _write_lines
        return lambda scored, names: _whole(rows, path, lambda place: write(rows, place, _Numbers(rows, scored, names)))
    if len(rows.files) > 1:
        raise ArgumentError("`--full` must write files of one format in that format; got another for `--out`")
    return _converter(rows, path)


def _converter(rows: Rows, path: Path) -> Write:
    write = writer_of_whole(read_whole(rows.plain_files[0].path), path)

    def convert(scored: Scored, names: Mapping[str, str]) -> None:
        write(_Numbers(rows, scored, names).take(rows.count))

    return convert


def _whole(rows: Rows, path: Path, write: Callable[[Path], None]) -> None:
    try:
        with replacing(path) as temporary:
            write(temporary)
            rows.check_files()
    except OSError as error:
        raise ArgumentError(
            f"{path} cannot be written: {error.strerror or error}; make room, or name another"
        ) from None


class _Numbers:
    """What rows are paid, so many at a time."""

    def __init__(self, rows: Rows, scored: Scored, names: Mapping[str, str]) -> None:
        self.records, self.names = scored.columns(rows.count), names
        self.held: list[Record] = []

    def take(self, number: int) -> dict[str, NDArray[np.float64]]:
        """Those of the next rows, by their new names; fewer at the end."""
        while sum(map(len, self.held)) < number and (more := next(self.records, None)) is not None:
            self.held.append(more)
        found: Record = np.concatenate(self.held)
        self.held = [found[number:]]
        return {new: np.ascontiguousarray(found[:number][name]) for name, new in self.names.items()}


def _write_lines(rows: Rows, path: Path, numbers: _Numbers) -> None:
    files = zip(rows.plain_files, rows.counts(), strict=True)
    texts = chain.from_iterable(islice((line for _, line, _ in source.lines()), count) for source, count in files)
    with path.open("wb") as stream:
        while some := [*islice(texts, AT_ONCE)]:
            stream.writelines(jsonl.with_columns(some, numbers.take(len(some))))


def _write_parquet(rows: Rows, path: Path, numbers: _Numbers) -> None:
    import pyarrow as pa
    from pyarrow import parquet as pq

    added = pa.schema([(name, pa.float64()) for name in numbers.names.values()])
    schema = pa.schema([*rows.plain_files[0].schema, *added], rows.plain_files[0].schema.metadata)
    with pq.ParquetWriter(path, schema) as writer:
        for source in rows.plain_files:
            with parquet.opened(source.path) as file:
                for batch in file.iter_batches(batch_size=AT_ONCE, use_threads=False):
                    new = [_nulled(values) for values in numbers.take(len(batch)).values()]
                    writer.write_batch(pa.RecordBatch.from_arrays([*batch.columns, *new], schema=schema))


def _nulled(values: NDArray[np.float64]) -> pyarrow.Array:
    """NaN as null."""
    from pyarrow import compute

    column = as_arrow(values)
    return compute.if_else(compute.is_nan(column), None, column)


def _check_parquet(sources: Sequence[Source]) -> None:
    """Whether Arrow reads them as they are, all as the first one."""
    for source in sources:
        parquet.check_file(source.path)
        if not source.schema.equals(sources[0].schema):
            raise ArgumentError(
                f"`--full` must write files of the same columns; {source.name} has others than {sources[0].name}"
            )
