"""Parquet, through pyarrow (extra ``score``)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from polyest.errors import ArgumentError, MissingDependencyError, nearest
from polyest.rollouts.log import Added, Log

if TYPE_CHECKING:
    import pyarrow

__all__ = ["MAGIC", "SUFFIXES", "Parquet", "read", "table_from_columns", "write"]

MAGIC = b"PAR1"
SUFFIXES = (".parquet", ".pq")


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

    def column(self, name: str, optional: bool = False) -> list[Any]:
        if name not in self.columns:
            if optional:
                return [None] * len(self)
            raise ArgumentError(
                f"{self.path}: there must be a column {name!r}; got {', '.join(map(repr, self.columns)) or 'none'}"
                f"{nearest(name, self.columns)}"
            )
        values: list[Any] = self.table.column(name).to_pylist()
        return values

    def place(self, row: int) -> str:
        return f"{self.path}, row {row + 1}"

    def lines(self, added: Added) -> Iterator[str]:
        for i, row in enumerate(self.table.to_pylist()):
            new = {name: None if math.isnan(values[i]) else float(values[i]) for name, values in added.items()}
            try:
                yield json.dumps(row | new, ensure_ascii=False, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise ArgumentError(
                    f"{self.place(i)}: has a value that JSON cannot hold ({error}); let `--out` end in .parquet"
                ) from None

    def arrow(self) -> pyarrow.Table:
        return self.table


def read(path: Path, data: bytes) -> Parquet:
    """Read a file.

    Raises:
        ArgumentError: the file is damaged, or names a column twice.
        MissingDependencyError: pyarrow is not installed.
    """
    pa = _pyarrow()
    from pyarrow import parquet

    try:
        table = parquet.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise ArgumentError(f"{path}: must be a whole parquet file; got {error}; copy it again") from None
    twice = {name for name in table.column_names if table.column_names.count(name) > 1}
    if twice:
        raise ArgumentError(f"{path}: must name every column once; got {', '.join(sorted(twice))} more than once")
    return Parquet(path, table)


def write(log: Log, path: Path, added: Added) -> None:
    pa, table = _pyarrow(), log.arrow()
    from pyarrow import parquet

    for name, values in added.items():
        table = table.append_column(name, pa.array(values, pa.float64(), from_pandas=True))
    parquet.write_table(table, path)


def table_from_columns(columns: Mapping[str, list[Any]]) -> pyarrow.Table:
    """Columns of Python values as an Arrow table.

    Raises:
        ArgumentError: a column holds values of several types.
    """
    pa, arrays = _pyarrow(), {}
    for name, values in columns.items():
        try:
            arrays[name] = pa.array(values)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise ArgumentError(
                f"column {name!r} cannot be written as parquet: {error}; let `--out` end in .jsonl"
            ) from None
    return pa.table(arrays)


def _pyarrow() -> ModuleType:
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise MissingDependencyError.for_extra("pyarrow", "score", "reading or writing parquet") from None
    module: ModuleType = pa
    return module
