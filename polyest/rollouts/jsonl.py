"""JSON lines. What is in a line stays as it was, to the byte; new columns are put at its end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from polyest.errors import ArgumentError, nearest
from polyest.rollouts.log import Added, Progress
from polyest.rollouts.parquet import table_from_columns

if TYPE_CHECKING:
    import pyarrow

__all__ = ["SUFFIXES", "JsonLines", "parse", "read", "value_of", "with_columns", "write"]

SUFFIXES = (".jsonl", ".ndjson", ".json")
MOST_DIGITS = 20_000  # of an integer


@dataclass(frozen=True)
class JsonLines:
    """One JSON object per line; rows may have different keys.

    Attributes:
        path: the file.
        numbers: the line number of each row.
        texts: each row as it stands in the file.
        rows: each row parsed.
    """

    path: Path
    numbers: list[int]
    texts: list[str]
    rows: list[dict[str, object]]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for row in self.rows for name in row))

    def column(self, name: str, optional: bool = False) -> list[object]:
        if optional:
            return [row.get(name) for row in self.rows]
        try:
            return [row[name] for row in self.rows]
        except KeyError:
            index = next(i for i, row in enumerate(self.rows) if name not in row)
        known = self.rows[index]
        raise ArgumentError(
            f"{self.place(index)}: there must be a column {name!r}; got {', '.join(map(repr, known)) or 'none'}"
            f"{nearest(name, known)}"
        )

    def place(self, row: int) -> str:
        return f"{self.path}, line {self.numbers[row]}"

    def lines(self) -> list[str]:
        return self.texts

    def arrow(self) -> pyarrow.Table:
        return table_from_columns({name: [row.get(name) for row in self.rows] for name in self.columns})


def read(path: Path, data: bytes, progress: Progress) -> JsonLines:
    """Parse a file; blank lines are passed over.

    Raises:
        ArgumentError: names the first line that is no JSON object.
    """
    numbers, texts, rows = [], [], []
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(progress(lines, "reading", len(lines)), 1):
        if line.strip():
            text, row = parse(line, f"{path}, line {number}")
            numbers.append(number)
            texts.append(text)
            rows.append(row)
    return JsonLines(path, numbers, texts, rows)


def write(texts: Sequence[str], path: Path, added: Added) -> None:
    """JSON objects with columns added to each."""
    with path.open("wb") as stream:
        stream.writelines(with_columns((text.encode(errors="backslashreplace") for text in texts), added))


def with_columns(lines: Iterable[bytes], added: Added) -> Iterator[bytes]:
    """Lines of JSON objects with columns added at the end of each; NaN is null.

    >>> [*with_columns([b'{"a": 1.50}'], {"reward": [-0.5]})]
    [b'{"a": 1.50, "reward": -0.5}\\n']
    """
    names = [f"{json.dumps(name)}: ".encode() for name in added]
    columns = [values.tolist() if hasattr(values, "tolist") else values for values in added.values()]
    for line, *numbers in zip(lines, *columns, strict=True):
        old = line.strip()[:-1].rstrip()
        new = [name + (b"null" if x != x else repr(float(x)).encode()) for name, x in zip(names, numbers, strict=True)]
        yield old + (b", " if new and old != b"{" else b"") + b", ".join(new) + b"}\n"


def parse(line: bytes, place: str) -> tuple[str, dict[str, object]]:
    """The text of a line and the object that it is."""
    try:
        text = line.decode("utf-8").strip()
        row = _loads(text)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"{place}: must be one JSON object in UTF-8; got {_excerpt(line)} ({error})") from None
    if not isinstance(row, dict):
        raise ArgumentError(f"{place}: must be one JSON object per line; got {_excerpt(line)}")
    return text, row


def value_of(text: str, place: Callable[[], str]) -> object:
    """A value of JSON.

    Raises:
        ArgumentError: an object has a name twice; says where.
    """
    try:
        return _loads(text)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"{place()} must be one value of JSON; got {_excerpt(text.encode())} ({error})") from None


def _loads(text: str) -> object:
    try:
        return USUAL.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python reads by itself
        return LONG.decode(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"an object that has {name!r} more than once")
    return found


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"an integer of more than {MOST_DIGITS} digits")
    return int(Decimal(text))


USUAL = json.JSONDecoder(object_pairs_hook=_object)
LONG = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def _excerpt(line: bytes) -> str:
    text = line.decode("utf-8", errors="replace").strip()
    return repr(text if len(text) <= 40 else text[:40] + "…")
