"""A file of rollouts as its reader sees it: records of JSON lines, or batches of parquet, one after the other."""

from __future__ import annotations

import gzip
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from polyest.errors import ArgumentError
from polyest.rollouts.jsonl import parse
from polyest.rollouts.parquet import MAGIC, SUFFIXES, opened, unpacked

if TYPE_CHECKING:
    import pyarrow

__all__ = ["TORN", "Json", "Record", "Source", "UnreadableError", "as_text", "step_in"]

Json = object  # a value as the json module reads it
Record = dict[str, Json]

PACKED = (".gz", ".zst")
TORN = "the last line is torn, as of a run in progress; left out"
LONGEST_LINE = 256 << 20  # bytes, also of what a compressed file unpacks to
BOM = b"\xef\xbb\xbf"
STEP = re.compile(r"(?:^|[^a-z])(?:global_)?step_?(\d+)(?:\D|$)", re.IGNORECASE)
NUMBER = re.compile(r"\d+")


class UnreadableError(ArgumentError):
    """A file or a folder that is there and may not be read, and why."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"`ROLLOUTS` must be files that can be read; {self.path}: {self.reason}; mend that, or name others"


@dataclass(frozen=True)
class Source:
    """One file.

    Attributes:
        path: where it is.
        name: what it is called in messages, where that is another.
        report: is told what is worth knowing and no reason to stop, such as a torn last line.
        whereabouts: where a record stands, by its number from 1, in the file that this one was made of, if any.
        stamp: of the file when it was met; lines that are added later are not read.
    """

    path: Path
    report: Callable[[str], None] = field(default=lambda note: None, compare=False)
    name: str = ""
    whereabouts: Callable[[int], str] | None = field(default=None, compare=False)
    stamp: tuple[int, int, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or str(self.path))
        object.__setattr__(self, "stamp", self._stamp())

    def _stamp(self) -> tuple[int, int, int]:
        """What tells whether the file is the same: its size in bytes, its number, and when it was written."""
        try:
            found = self.path.stat()
        except OSError:
            return 0, 0, 0  # opening it says why
        return found.st_size, found.st_ino, found.st_mtime_ns

    @property
    def has_changed(self) -> bool:
        """Whether the file is another one than at the start, such as that of a run in progress."""
        return self._stamp() != self.stamp

    def check_same(self) -> None:
        """Lines may be added to a file meanwhile, and are not read; nothing else may change.

        Raises:
            ArgumentError: something has.
        """
        is_packed = self.path.suffix in PACKED or self.is_parquet
        if self.has_changed and (is_packed or self._stamp()[0] < self.stamp[0]):
            raise ArgumentError(
                f"{self.name}: must stay as it is while it is read; it has changed; read a copy, or wait for its writer"
            )

    @cached_property
    def start(self) -> bytes:
        """The first bytes, unpacked."""
        try:
            with self._opened() as stream:
                return stream.read(64)
        except (OSError, EOFError, zlib.error) as error:
            raise ArgumentError(
                f"{self.name}: must be whole, and packed as its name says; got {error}; copy it again"
            ) from None

    @cached_property
    def columns(self) -> frozenset[str]:
        """The names in a parquet file, or in the first record."""
        return frozenset(self.schema.names) if self.is_parquet else frozenset(self.first)

    @cached_property
    def first(self) -> Record:
        """The first record of JSON lines; an empty one if the file holds none."""
        if self.is_parquet or not self.start.removeprefix(BOM).lstrip().startswith(b"{"):
            return {}
        return next((record for _, record in self.records()), {})

    @property
    def is_parquet(self) -> bool:
        is_one = self.start.startswith(MAGIC)
        if not is_one and self.path.suffix.lower() in SUFFIXES:
            raise ArgumentError(
                f"{self.name}: must be a parquet file, as it is called; got one that begins with {self.start[:8]!r}; "
                "copy it again, or call it what it is"
            )
        return is_one

    @cached_property
    def schema(self) -> pyarrow.Schema:
        with opened(self.path) as file:
            return file.schema_arrow

    def records(self) -> Iterator[tuple[int, Record]]:
        """Line numbers and JSON objects; blank lines are passed over, a torn last line is reported.

        Raises:
            ArgumentError: a line that is no JSON object; names it.
        """
        if self.is_parquet:
            raise self._of_another_layout("JSON lines")
        for number, line, is_whole in self.lines():
            try:
                yield number, parse(line, f"{self.name}, line {number}")[1]
            except ArgumentError:
                if is_whole or not _is_begun(line):
                    raise
                self.report(f"{self.name}, line {number}: {TORN}")

    def _of_another_layout(self, kind: str) -> ArgumentError:
        return ArgumentError(
            f"{self.name}: must be {kind}, as files of this layout are; got one that begins with {self.start[:8]!r}; "
            "leave out --format, and the layout is found out"
        )

    @property
    def is_torn(self) -> bool:
        """Whether the last line of a file that is not packed is an object without an end."""
        if self.path.suffix in PACKED:
            return False
        with self.path.open("rb") as stream:
            size, line = self.stamp[0], b""
            while size and b"\n" not in line and len(line) <= LONGEST_LINE:
                step = min(size, 1 << 16)
                size = stream.seek(size - step)
                line = stream.read(step) + line
        return _is_begun(line.rpartition(b"\n")[2])

    def rows(self, *columns: str) -> Iterator[tuple[int, Record]]:
        """Row numbers and these columns of a parquet file; those that are not there are None."""
        if not self.is_parquet:
            raise self._of_another_layout("parquet")
        present = [name for name in columns if name in self.columns]
        with opened(self.path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=1024, columns=present, use_threads=False):
                for row in batch.to_pylist():
                    number += 1
                    yield number, dict.fromkeys(columns) | row

    def table(self, *columns: str) -> Iterator[tuple[int, Record]]:
        """Numbers and rows of either format."""
        return self.rows(*columns) if self.is_parquet else self.records()

    def place(self, number: int) -> str:
        """Where the row or the line of this number is, for messages."""
        if self.whereabouts is not None:
            return f"{self.name}, {self.whereabouts(number)}"
        return f"{self.name}, {'row' if self.is_parquet else 'line'} {number}"

    def place_of(self, record: int) -> str:
        """Where a record is, by its number from 1."""
        is_line = self.whereabouts is None and not self.is_parquet
        return self.place(self.line(record) if is_line else record)

    def _opened(self) -> IO[bytes]:
        try:
            if self.path.suffix == ".gz":
                return gzip.open(self.path)  # type: ignore[return-value]
            if self.path.suffix == ".zst":
                return unpacked(self.path, "zstd")
            return self.path.open("rb")
        except OSError as error:
            raise UnreadableError(self.path, error.strerror or str(error)) from None

    def line(self, record: int) -> int:
        """The number of the line that has this record, both from 1: lines that are blank hold none."""
        return next(islice(self.lines(), record - 1, None))[0]

    def lines(self) -> Iterator[tuple[int, bytes, bool]]:
        """Number and bytes of each line that is not blank, and whether it has ended."""
        left = sys.maxsize if self.path.suffix in PACKED else self.stamp[0]
        with self._opened() as stream:
            number = 0
            while line := self._line(stream, number + 1, left):
                number, left = number + 1, left - len(line)
                text = line.removeprefix(BOM) if number == 1 else line
                if text.strip():
                    yield number, text, line.endswith(b"\n")

    def _line(self, stream: IO[bytes], number: int, left: int) -> bytes:
        try:
            line = stream.readline(min(LONGEST_LINE + 1, left))
        except (OSError, EOFError, zlib.error) as error:
            raise ArgumentError(
                f"{self.name}, line {number}: must be whole, and packed as its name says; got {error}; copy it again"
            ) from None
        if len(line) > LONGEST_LINE:
            raise ArgumentError(
                f"{self.name}, line {number}: a line must have at most {LONGEST_LINE >> 20} MiB; "
                "split the file, or leave columns out"
            )
        return line


def _is_begun(line: bytes) -> bool:
    """Whether it is the beginning of an object of JSON, and no more."""
    text = line.decode(errors="replace").rstrip()
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return text.lstrip().startswith("{") and (error.pos >= len(text) - 1 or "Unterminated" in error.msg)
    except (ValueError, RecursionError):
        return False
    return False


def step_in(path: Path) -> int | None:
    """The step that the file's name or a folder above it says: ``step_3``, ``global_step_10_evals``, ``7.jsonl``.

    >>> step_in(Path("run/step_3/traces.jsonl")), step_in(Path("train_data_step12.jsonl")), step_in(Path("7.jsonl"))
    (3, 12, 7)
    """
    if NUMBER.fullmatch(path.name.partition(".")[0]):
        return int(path.name.partition(".")[0])
    for part in reversed(path.parts):
        if found := STEP.search(part):
            return int(found[1])
    return None


def as_text(value: Json) -> str:
    """A value as a key: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
