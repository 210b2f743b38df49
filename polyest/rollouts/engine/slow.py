"""Rows that Python reads one by one: layouts other than one row per completion, and files that DuckDB does not take."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from polyest.errors import ArgumentError, listed, nearest
from polyest.rollouts.grouping import describe
from polyest.rollouts.parquet import Parquet, read_columns
from polyest.rollouts.readers.row import AT_ONCE, PROMPTS
from polyest.rollouts.typed import dump

if TYPE_CHECKING:
    import pyarrow

    from polyest.rollouts.readers.source import Record, Source

__all__ = ["check_present", "records", "text_of"]


def text_of(value: object) -> bytes | None:
    r"""A value as JSON in UTF-8, null and NaN as None; half a character stays escaped.

    >>> text_of("é\ud83d").decode(), text_of(1.0), text_of(None)
    ('"é\\ud83d"', b'1.0', None)
    """
    if value is None or value != value:
        return None
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", errors="backslashreplace")
    except ValueError:  # an integer of more digits than Python writes
        return json.dumps(dump(value)).encode()
    except TypeError:  # what parquet has and JSON has not
        return json.dumps({"repr": str(value)}).encode()


def records(
    source: Source, keys: Sequence[str], required: Sequence[str], names: Sequence[str], asked: Collection[str]
) -> Iterator[pyarrow.RecordBatch]:
    """A file of one row per completion: columns of these names as JSON texts c0, c1 …, and the number of each row.

    Args:
        keys: strings or integers in every row.
        required: what every row has to have.
        asked: what has to be readable; where another column of a parquet file is not, it says so.

    Raises:
        ArgumentError: names the row that is no object, lacks what is required, or has a key that is no id.
    """
    import pyarrow as pa

    schema = pa.schema([("number", pa.int64()), *((f"c{i}", pa.string()) for i in range(len(names)))])
    found = _of_parquet(source, names, asked) if source.is_parquet else source.records()
    rows = _checked(source, found, keys, required, names)
    while chunk := [*islice(rows, AT_ONCE)]:
        columns = zip(*chunk, strict=True)
        arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _of_parquet(source: Source, names: Sequence[str], asked: Collection[str]) -> Iterator[tuple[int, Record]]:
    """Columns that DuckDB does not read as JSON has them, in memory."""
    table = read_columns(source.path, [name for name in names if name in source.columns])
    columns = {name: _values(table, name, name in asked) for name in table.columns}
    for number, values in enumerate(zip(*columns.values(), strict=True), 1):
        yield number, dict(zip(columns, values, strict=True))


def _values(table: Parquet, name: str, is_asked: bool) -> list[object]:
    try:
        return table.column(name)
    except ArgumentError as error:
        if is_asked:
            raise
        return [f"unreadable: {error}"] * len(table)


def _checked(
    source: Source,
    rows: Iterable[tuple[int, Record]],
    keys: Sequence[str],
    required: Sequence[str],
    names: Sequence[str],
) -> Iterator[tuple[object, ...]]:
    for count, (number, record) in enumerate(rows, 1):
        for name in required:
            if name not in record:
                raise ArgumentError(_missing(source.place(number), name, [*record]))
        for name in keys:
            if type(record[name]) not in (str, int):
                raise ArgumentError(
                    f"{source.place(number)}: {name!r} must be a string or an integer, got {describe(record[name])}; "
                    "give every prompt an id"
                )
        yield count, *(text_of(record.get(name)) for name in names)


def check_present(source: Source, name: str) -> None:
    """Whether some row has the column.

    Raises:
        ArgumentError: none has; says what the first has.
    """
    if source.is_parquet:
        if name not in source.columns:
            raise ArgumentError(_missing(str(source.path), name, source.schema.names))
        return
    first: tuple[int, list[str]] | None = None
    for number, record in source.records():
        if name in record:
            return
        first = first or (number, [*record])
    if first is not None:
        raise ArgumentError(_missing(source.place(first[0]), name, first[1]))


def _missing(place: str, name: str, known: Sequence[str]) -> str:
    return f"{place}: there must be a column {name!r}; got {listed(known)}{_remedy(name, known)}"


def _remedy(name: str, known: Sequence[str]) -> str:
    """What to say instead; the usual names nobody has typed.

    >>> _remedy("prompt_id", ["question", "a"]), _remedy("anwser", ["answer"]), _remedy("x", ["answer"])
    ('; say --prompt-column question', "; did you mean 'answer'?", '; name one of these')
    """
    near = nearest(name, known)
    if name == "prompt_id":
        prompt = next((other for other in PROMPTS if other in known), "")
        return f"; say --prompt-column {prompt}" if prompt else f"{near}; name the prompts' own with --prompt-column"
    if name == "answer":
        text = "'completion'" if "completion" in known else "a text (--completion-column)"
        return f"{near}; name the answers' own with --answer-column, or say with --extract how they are found in {text}"
    return "" if name == "completion" else near or "; name one of these"
