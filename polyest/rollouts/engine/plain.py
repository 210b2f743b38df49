"""JSON lines and parquet of one row per completion, read by DuckDB: only the columns that are needed, with all cores.

What DuckDB refuses, or would take for something else, is read again line by line (`slow`), which names the place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from polyest.rollouts.engine.database import literal, quoted

if TYPE_CHECKING:
    import pyarrow

    from polyest.rollouts.readers.source import Source

__all__ = ["PACKING", "are_ids", "escaped", "objects", "relation", "unusual"]

LONGEST_LINE = 16 << 20  # bytes; DuckDB keeps four of them for each thread
MOST = 100  # names that are looked for only because they may be there twice
PACKING = {".gz": "gzip", ".zst": "zstd"}


def relation(source: Source, names: Sequence[str], unreadable: Mapping[str, str], lenient: bool = False) -> str:
    """SQL for the columns of these names, as JSON texts c0, c1 …, null where one is not there.

    Of parquet there are also ``file_row_number``, from 0, and the columns as they are (of floats −0 is 0, and NaN
    null), own0, own1 ….

    Args:
        unreadable: columns in whose place stands what their type is called.
        lenient: lines that are no JSON are rows of nulls, and no error.
    """
    if not source.is_parquet:
        return _of_lines(source, names, lenient)
    present = {name: _as_json(source, name) for name in names if name in source.columns}
    present |= {name: literal(json.dumps(f"unreadable: {kind}")) for name, kind in unreadable.items()}
    chosen = [f"{present.get(name, 'NULL::VARCHAR')} AS c{i}" for i, name in enumerate(names)]
    chosen += [f"{_own(source, name) if name in source.columns else 'NULL'} AS own{i}" for i, name in enumerate(names)]
    file = f"read_parquet({literal(escaped(source.path))}, file_row_number = true)"
    return f"(SELECT file_row_number, {', '.join(chosen)} FROM {file})"


def _as_json(source: Source, name: str) -> str:
    if str(source.schema.field(name).type) == "bool":
        return f"CASE WHEN {quoted(name)} THEN 'true' WHEN NOT {quoted(name)} THEN 'false' END"
    if _is_float(source, name):
        return f"to_json(CASE WHEN {quoted(name)} = 0 THEN 0 ELSE {quoted(name)} END)::VARCHAR"  # -0.0 is 0.0
    return f"to_json({quoted(name)})::VARCHAR"


def _own(source: Source, name: str) -> str:
    column = quoted(name)
    return f"CASE {column} WHEN 0 THEN 0 WHEN 'NaN' THEN NULL ELSE {column} END" if _is_float(source, name) else column


def _is_float(source: Source, name: str) -> bool:
    return str(source.schema.field(name).type) in ("float", "double")


def _of_lines(source: Source, names: Sequence[str], lenient: bool) -> str:
    """Every line is an object in which no name that is read, or that the first one has, is there twice, or an error."""
    others = _others(source, names)
    if lenient or others is None:
        return _of_objects(source, names, lenient)
    kinds = {**dict.fromkeys(names, "JSON"), **dict.fromkeys(others, "VARCHAR")}
    columns = ", ".join(f"{literal(name)}: '{kind}'" for name, kind in kinds.items())
    chosen = ", ".join(f"{quoted(name)}::VARCHAR AS c{i}" for i, name in enumerate(names))
    met = " AND ".join(
        f"coalesce(strlen({quoted(name)}), 0) >= 0" for name in others
    )  # what is not used is not checked
    return (
        f"(SELECT {chosen} FROM read_json({literal(escaped(source.path))}, {_options(source)}, records=true, "
        f"columns={{{columns}}}) WHERE {met or 'true'})"
    )


def _others(source: Source, names: Sequence[str]) -> list[str] | None:
    """Names of the first line that are not read; None if DuckDB, for which "a" is "A", cannot tell the names apart."""
    kept = {name.lower(): name for name in reversed([*names, *source.first])}
    is_told_apart = "" not in names and all(kept[name.lower()] == name for name in names)
    return [*islice((name for name in kept.values() if name and name not in names), MOST)] if is_told_apart else None


def _of_objects(source: Source, names: Sequence[str], lenient: bool) -> str:
    """The same from the text of each line, for any names; lines are parsed twice, and no name is there twice."""
    paths = ", ".join(literal("/" + name.replace("~", "~0").replace("/", "~1")) for name in names)
    chosen = ", ".join(f"nullif(found[{i + 1}]::VARCHAR, 'null') AS c{i}" for i in range(len(names)))
    return (
        f"(SELECT {chosen} FROM (SELECT json_extract(json, [{paths}]) AS found, "
        "CASE WHEN json_type(json) <> 'OBJECT' THEN error('no object') WHEN len(json_keys(json)) > "
        "len(list_distinct(json_keys(json))) THEN error('a name twice') ELSE 0 END AS sound "
        f"FROM {objects(source, lenient)}) WHERE sound = 0)"
    )


def objects(source: Source, lenient: bool = False) -> str:
    """SQL for the lines of a file as they are, in the column ``json``."""
    return f"read_json_objects({literal(escaped(source.path))}, {_options(source)}, ignore_errors={lenient})"


def _options(source: Source) -> str:
    packing = literal(PACKING.get(source.path.suffix, "uncompressed"))
    return f"format='newline_delimited', compression={packing}, maximum_object_size={LONGEST_LINE}"


def escaped(path: Path) -> str:
    """A path in which no character is a pattern's."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def are_ids(source: Source, names: Sequence[str]) -> bool:
    """Whether these columns of a parquet file are strings or integers."""
    from pyarrow import types

    kinds = {field.name: field.type for field in source.schema}
    checks = (types.is_string, types.is_large_string, types.is_integer)
    return all(name in kinds and any(check(kinds[name]) for check in checks) for name in names)


def unusual(source: Source, names: Sequence[str]) -> dict[str, str]:
    """Which of these columns of a parquet file have types that JSON has not, and which."""
    if not source.is_parquet:
        return {}
    kinds = {field.name: field.type for field in source.schema}
    return {name: str(kinds[name]) for name in names if name in kinds and not _is_usual(kinds[name])}


def _is_usual(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_usual(kind.value_type)
    is_number = types.is_integer(kind) or types.is_float32(kind) or types.is_float64(kind)
    is_text = types.is_string(kind) or types.is_large_string(kind)
    return bool(is_number or is_text or types.is_boolean(kind) or types.is_null(kind))
