"""CSV as JSON lines: what stands between its cells, and what is said of one that is damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from polyest.errors import ArgumentError, counted
from polyest.rollouts.engine.database import literal, quoted
from polyest.rollouts.engine.plain import PACKING, escaped
from polyest.rollouts.readers.source import TORN, Source

if TYPE_CHECKING:
    from polyest.rollouts.engine.database import Database

__all__ = ["NAME", "convert", "line_of"]

NAME = re.compile(r".*\.(csv|tsv)(\.gz|\.zst)?", re.DOTALL | re.IGNORECASE)
USUAL = {"csv": b",", "tsv": b"\t"}
DELIMITERS = (b",", b";", b"\t", b"|")
LINES_OF_HEAD = 20  # as many as the names in the first row may fill


class Row(NamedTuple):
    """The line where it begins, its cells, none if a quote in it has no end, and whether its last line has one."""

    line: int
    cells: int
    is_ended: bool


def convert(source: Source, path: Path, database: Database, texts: Sequence[str]) -> None:
    """Write the rows of a file with such a `NAME` as JSON lines; a torn last one is left out, and reported.

    Args:
        texts: columns whose values are strings however they look; the others are what they look like.

    Raises:
        ArgumentError: it is no table, or a row has more or fewer cells than the first; names its line.
    """
    delimiter = _delimiter(source)
    try:
        _copy(source, source.path, path, database, delimiter, texts)
    except ArgumentError:
        row = _uneven(source, delimiter)
        if row is None:
            raise
        whole = path.with_suffix(".csv")
        with source.path.open("rb") as file, whole.open("wb") as kept:
            kept.writelines(islice(file, row.line - 1))
        _copy(source, whole, path, database, delimiter, texts)
        source.report(f"{source.name}, line {row.line}: {TORN}")


def line_of(source: Source, record: int) -> int:
    """The line of a file with such a `NAME` where a record begins, both from 1; the names in the first row are none."""
    return next(islice(_rows(source, _delimiter(source)), record, None)).line


def _copy(source: Source, there: Path, path: Path, database: Database, delimiter: bytes, texts: Sequence[str]) -> None:
    """As DuckDB reads it, from where it is."""
    import duckdb

    packing = literal(PACKING.get(there.suffix, "none"))
    options = (
        f"{literal(escaped(there))}, header = true, delim = {literal(delimiter.decode())}, quote = '\"', "
        f"escape = '\"', skip = 0, sample_size = -1, compression = {packing}"
    )
    try:
        names = database.connection.execute(f"DESCRIBE SELECT * FROM read_csv({options})").fetchall()
        strings = ", ".join(f"{literal(name)}: 'VARCHAR'" for name, *_ in names if name in texts)
        chosen = ", ".join(quoted(name) for name, *_ in names)
        types = f", types = {{{strings}}}" if strings else ""
        rows = f"SELECT {chosen} FROM read_csv({options}{types})"
        database.connection.execute(f"COPY ({rows}) TO {literal(str(path))} (FORMAT json)")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        told = " ".join(str(error).split())
        raise ArgumentError(
            f"{source.name}: must be a table with names in its first line, as it is called; got {told:.200}; write "
            "JSON lines or parquet instead"
        ) from None


def _delimiter(source: Source) -> bytes:
    """What is in the first row most often, outside of quotes; else what the name says."""
    name = NAME.fullmatch(source.path.name)
    usual = USUAL[name[1].lower()] if name else b","
    begin = b"".join(line for _, line, _ in islice(source.lines(), LINES_OF_HEAD))
    head = _in_quotes(b"".join(DELIMITERS) + b"\n").sub(b"", begin).partition(b"\n")[0]
    return max(DELIMITERS, key=lambda one: (head.count(one), one == usual))


def _in_quotes(before: bytes) -> re.Pattern[bytes]:
    """A cell that begins with a quote, first or after one of these bytes; its group is empty if it has no end."""
    return re.compile(rb'(?<![^%b])"[^"]*(?:""[^"]*)*("|$)' % re.escape(before))


def _uneven(source: Source, delimiter: bytes) -> Row | None:
    """The last row, where it is torn; None if all have as many cells as the first.

    Raises:
        ArgumentError: another has more or fewer.
    """
    rows = _rows(source, delimiter)
    first = next(rows, None)
    row = next((row for row in rows if first and row.cells != first.cells), None)
    if not first or not row:
        return None
    if row.cells < first.cells and not row.is_ended and source.path.suffix not in PACKING:
        return row
    got = counted(row.cells, "cell") if row.cells else "a quote without an end"
    quotes = f"put cells that have {delimiter.decode()!r}, a quote or a line's end in them into quotes"
    raise ArgumentError(
        f"{source.name}, line {row.line}: must have {counted(first.cells, 'cell')}, as the first line has; got {got}; "
        f"{quotes if row.cells > first.cells else 'mend it, or leave it out'}"
    )


def _rows(source: Source, delimiter: bytes) -> Iterator[Row]:
    begin, cells, is_quoted, in_quotes = 0, 1, False, _in_quotes(delimiter)
    for number, line, is_ended in source.lines():
        begin = begin or number
        text = b'"' + line if is_quoted else line
        cells += in_quotes.sub(b"", text).count(delimiter)
        is_quoted = b"" in in_quotes.findall(text)
        if not is_quoted:
            yield Row(begin, cells, is_ended)
            begin, cells = 0, 1
    if begin:
        yield Row(begin, 0, is_ended or number > begin)
