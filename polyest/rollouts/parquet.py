"""Parquet, through pyarrow (extra ``score``). Columns are passed on as Arrow has them; what is needed is converted."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

from polyest.errors import ArgumentError, MissingDependencyError, nearest
from polyest.rollouts.log import Added

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile, ParquetSchema

__all__ = [
    "MAGIC",
    "SUFFIXES",
    "Parquet",
    "check_file",
    "check_schema",
    "opened",
    "read",
    "read_columns",
    "table_from_columns",
    "unpacked",
    "unpacked_bytes",
    "write",
]

MAGIC = b"PAR1"
SUFFIXES = (".parquet", ".pq")
# what pyarrow raises where a value has no form in Python: text that is not UTF-8, the year 10000, an unknown time zone
UNREADABLE = (ValueError, TypeError, OverflowError, LookupError, NotImplementedError, OSError)


@dataclass(frozen=True)
class Parquet:
    """The rows of an Arrow table read from `path`."""

    path: Path
    table: pyarrow.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.table.column_names)

    def column(self, name: str, optional: bool = False) -> list[object]:
        columns = self.columns
        if name not in columns:
            if optional:
                return [None] * len(self)
            raise ArgumentError(
                f"{self.path}: there must be a column {name!r}; got {', '.join(map(repr, columns)) or 'none'}"
                f"{nearest(name, columns)}"
            )
        return self._values(columns.index(name))

    def _values(self, index: int) -> list[object]:
        values, row = self.table.column(index), 0
        try:
            found: list[object] = values.to_pylist()
            return found
        except UNREADABLE:
            try:
                for row, value in enumerate(values):  # noqa: B007
                    value.as_py()
            except UNREADABLE as error:
                raise ArgumentError(
                    f"{self.place(row)}: {self.columns[index]!r} must be a value that Python can hold; got "
                    f"{values.type}: {error}"
                ) from None
            raise

    def place(self, row: int) -> str:
        return f"{self.path}, row {row + 1}"

    def lines(self) -> list[str]:
        for field in self.table.schema:
            if not _has_json_form(field.type):
                raise ArgumentError(
                    f"{self.path}: column {field.name!r} has a value that JSON cannot hold as it is ({field.type}); "
                    "write to a .parquet file"
                )
        names, texts = self.columns, []
        rows = zip(*map(self._values, range(len(names))), strict=True)
        for i, row in enumerate(rows):
            try:
                texts.append(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, allow_nan=False))
            except (TypeError, ValueError) as error:
                raise ArgumentError(
                    f"{self.place(i)}: has a value that JSON cannot hold ({error}); write to a .parquet file"
                ) from None
        return texts

    def arrow(self) -> pyarrow.Table:
        return self.table


def _has_json_form(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind) or types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _has_json_form(kind.value_type)
    if types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return len({f.name for f in fields}) == len(fields) and all(_has_json_form(f.type) for f in fields)
    is_text = types.is_string(kind) or types.is_large_string(kind)
    is_number = types.is_integer(kind) or types.is_floating(kind)
    return bool(is_text or is_number or types.is_boolean(kind) or types.is_null(kind))


def read(path: Path, data: bytes) -> Parquet:
    """Read a file.

    Raises:
        ArgumentError: the file is damaged, names a column twice, or has times that Arrow would read as others.
        MissingDependencyError: pyarrow is not installed.
    """
    pa = _pyarrow()
    try:
        table, schema = _read(data)
        table.validate()
    except (pa.ArrowException, OSError) as error:
        raise ArgumentError(f"{path}: must be a whole parquet file; got {error}; copy it again") from None
    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise ArgumentError(f"{path}: must name every column once; got {', '.join(sorted(twice))} more than once")
    wrapped = _wrapped(table, [column.path for column in schema if column.physical_type == "INT96"], data)
    if wrapped:
        raise ArgumentError(
            f"{path}: column {wrapped!r} has INT96 timestamps beyond what Arrow's nanoseconds hold (1677 to 2262); "
            "write it with timestamps in microseconds"
        )
    return Parquet(path, table)


def read_columns(path: Path, names: Sequence[str]) -> Parquet:
    """These columns of a file, without threads.

    Raises:
        ArgumentError: the file is damaged.
    """
    with opened(path) as file:
        return Parquet(path, file.read(columns=[*names], use_threads=False))


def check_file(path: Path) -> None:
    """Whether Arrow reads all of a file's times as they are.

    Raises:
        ArgumentError: it would read some as others; names the column.
    """
    with opened(path) as file:
        old = [column.path for column in file.schema if column.physical_type == "INT96"]
    if old:
        read(path, path.read_bytes())


@contextmanager
def opened(path: Path) -> Iterator[ParquetFile]:
    """A parquet file whose batches are read one after the other; what is wrong with it is an ArgumentError."""
    pa = _pyarrow()
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise ArgumentError(f"{path}: must be a whole parquet file; got {error}; copy it again") from None


def unpacked(path: Path, compression: str) -> BinaryIO:
    """The bytes of a compressed file."""
    return io.BufferedReader(_pyarrow().input_stream(str(path), compression=compression))


def unpacked_bytes(packed: bytes, compression: str, size: int) -> bytes:
    """At most `size` bytes of what is packed."""
    pa = _pyarrow()
    with pa.input_stream(pa.py_buffer(packed), compression=compression) as stream:
        found: bytes = stream.read(size)
    return found


def _read(data: bytes, **options: object) -> tuple[pyarrow.Table, ParquetSchema]:
    """The table and its parquet schema, without threads: one still at work when an error ends the process aborts it."""
    pa = _pyarrow()
    from pyarrow import parquet

    with parquet.ParquetFile(pa.BufferReader(data), pre_buffer=False, **options) as file:
        return file.read(use_threads=False), file.schema


def _wrapped(table: pyarrow.Table, paths: Sequence[str], data: bytes) -> str | None:
    """The first column of INT96 that Arrow read as other times, without an error; below a list or struct: any."""
    pa = _pyarrow()
    seconds = _read(data, coerce_int96_timestamp_unit="s")[0] if paths else table
    for path in paths:
        if path not in table.column_names:
            return path
        times = [source.column(path).cast(pa.int64()).fill_null(0).to_numpy() for source in (table, seconds)]
        if (times[0] // 10**9 != times[1]).any():
            return path
    return None


def write(table: pyarrow.Table, path: Path, added: Added) -> None:
    """An Arrow table with columns added."""
    pa = _pyarrow()
    from pyarrow import parquet

    for name, values in added.items():
        table = table.append_column(name, pa.array(values, pa.float64(), from_pandas=True))
    parquet.write_table(table, path)


def check_schema(table: pyarrow.Table) -> pyarrow.Table:
    """The table, if parquet has all of its types.

    Raises:
        ArgumentError: it has not.
    """
    pa = _pyarrow()
    from pyarrow import parquet

    try:
        parquet.ParquetWriter(pa.BufferOutputStream(), table.schema).close()
    except pa.ArrowException as error:
        raise ArgumentError(f"these rows cannot be written as parquet: {error}; write to a .jsonl file") from None
    return table


def table_from_columns(columns: Mapping[str, list[object]]) -> pyarrow.Table:
    """Columns of Python values as an Arrow table.

    Raises:
        ArgumentError: a column holds values of several types, or objects that Arrow would fill with nulls.
    """
    pa, arrays = _pyarrow(), {}
    for name, values in columns.items():
        try:
            name.encode()
            arrays[name] = pa.array(values)
            _check_kept(values, arrays[name].to_pylist())
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise ArgumentError(
                f"column {name!r} cannot be written as parquet: {error}; write to a .jsonl file"
            ) from None
    return pa.table(arrays)


def _check_kept(values: Iterable[object], written: Iterable[object]) -> None:
    for value, other in zip(values, written, strict=True):
        if not _is_kept(value, other):
            raise ValueError(f"{value!r:.40} would become {other!r:.40}")


def _is_kept(value: object, other: object) -> bool:
    """Whether a value of JSON is the same one in Arrow; a whole number may become a float that equals it."""
    if isinstance(value, dict):
        if not isinstance(other, dict) or value.keys() != other.keys():
            return False
        return all(_is_kept(part, other[name]) for name, part in value.items())
    if isinstance(value, list):
        return isinstance(other, list) and len(value) == len(other) and all(map(_is_kept, value, other))
    same = value == other or (value != value and other != other)
    return same and isinstance(value, bool) == isinstance(other, bool)


def _pyarrow() -> ModuleType:
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise MissingDependencyError.for_extra("pyarrow", "score", "reading or writing parquet") from None
    module: ModuleType = pa
    return module
