"""CSV, and JSON files that are one array of objects, as JSON lines: what everything after this reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from polyest.errors import ArgumentError
from polyest.rollouts.engine.delimited import NAME, convert, line_of
from polyest.rollouts.readers.source import BOM, LONGEST_LINE, Source

if TYPE_CHECKING:
    from polyest.rollouts.engine.database import Database

__all__ = ["as_lines", "original"]

SPACE = " \t\r\n"


def as_lines(source: Source, database: Database, texts: Sequence[str]) -> Source:
    """The source itself if it holds JSON lines or parquet, else one in the database's folder that holds the same rows.

    Args:
        texts: columns whose values are strings however they look; the others of a CSV are what they look like.

    Raises:
        ArgumentError: it is damaged, or an array that is too long to be read at once.
    """
    is_table = NAME.fullmatch(source.path.name) is not None
    if not is_table and not _is_array(source):
        return source
    path = Path(mkdtemp(dir=database.folder)) / f"{source.path.name.partition('.')[0]}.jsonl"
    if is_table:
        convert(source, path, database, texts)
    else:
        with path.open("w", encoding="utf-8", errors="surrogatepass") as file:
            file.writelines(f"{text}\n" for text in _elements(source))
    return Source(path, source.report, source.name, _whereabouts(source))


def _whereabouts(source: Source) -> Callable[[int], str] | None:
    """Where a record of a file that is no JSON lines stands, by its number; None for others."""
    if NAME.fullmatch(source.path.name):
        return lambda record: f"line {line_of(source, record)}"
    return (lambda record: f"element {record}") if _is_array(source) else None


def original(path: Path) -> Source:
    """A file that others have read, for messages."""
    return Source(path, whereabouts=_whereabouts(Source(path)))


def _is_array(source: Source) -> bool:
    return source.start.removeprefix(BOM).lstrip().startswith(b"[")


def _elements(source: Source) -> Iterator[str]:
    """The objects of an array, each on one line, as they are written."""
    text, decoder, number = _text(source), json.JSONDecoder(), 0
    at = _next(text, text.index("[") + 1)
    is_last = text[at : at + 1] == "]"
    while not is_last:
        number += 1
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _broken(source, number, error) from None
        if not isinstance(found, dict):
            raise ArgumentError(
                f"{source.name}, element {number}: must be an object, as rows are; got {type(found).__name__}"
            )
        yield text[at:end].replace("\r", " ").replace("\n", " ")
        at = _next(text, end)
        is_last = text[at : at + 1] == "]"
        if text[at : at + 1] not in ("]", ","):
            raise _broken(source, number, f"{text[at : at + 20]!r} behind it")
        at = at if is_last else _next(text, at + 1)
    if _next(text, at + 1) < len(text):
        raise ArgumentError(
            f"{source.name}: must end behind the array, or be JSON lines; got more; write one or the other"
        )


def _broken(source: Source, number: int, came: object) -> ArgumentError:
    return ArgumentError(
        f"{source.name}, element {number}: must be JSON, and the array have an end; got {came}; copy the file again, "
        "or wait for its writer"
    )


def _next(text: str, at: int) -> int:
    """Where the next character is that is no space."""
    while text[at : at + 1] and text[at] in SPACE:
        at += 1
    return at


def _text(source: Source) -> str:
    lines, size = [], 0
    for _, line, _ in source.lines():
        size += len(line)
        if size > LONGEST_LINE:
            raise ArgumentError(
                f"{source.name}: an array must have at most {LONGEST_LINE >> 20} MiB, as it is read at once; write "
                f"JSON lines instead: jq -c '.[]' {source.path.name}"
            )
        lines.append(line)
    try:
        return b"".join(lines).decode("utf-8", errors="surrogatepass")
    except UnicodeDecodeError as error:
        raise ArgumentError(f"{source.name}: must be UTF-8; got {error}") from None
