"""Logs of rollouts: one row per completion, in JSON lines or parquet (extra ``score``).

- files: `jsonl` and `parquet`, as one `log`; `runs`: many files in any layout, of which `readers` has one file each;
- answers: `extraction` from texts, `typed` as JSON that keeps their type, `answers` those of a log, by `grouping`;
- results: `scoring`; `statistics` of groups, of which `measures` are functions; `notes` on what may not be what was
  meant.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from polyest.errors import ArgumentError
from polyest.rollouts import jsonl, parquet
from polyest.rollouts.log import Added, Log, Progress
from polyest.storage.files import replacing

__all__ = ["SUFFIXES", "Log", "read", "writer"]

SUFFIXES = (*jsonl.SUFFIXES, *parquet.SUFFIXES)


T = TypeVar("T")


def read(path: Path, progress: Progress = lambda items, label, total: items) -> Log:
    """The log in one file; parquet is known by its first bytes.

    Raises:
        ArgumentError: no such file, an empty one, or one in neither format; names the first bad line.
    """
    try:
        is_endless = path.exists() and not path.is_file() and not path.is_dir()
        data = b"" if is_endless else path.read_bytes()
    except OSError as error:
        raise ArgumentError(f"`ROLLOUTS` must be a file that can be read; {path}: {error.strerror}") from None
    if is_endless:
        raise ArgumentError(
            f"`ROLLOUTS` must be a file that can be read to its end; {path} is a pipe or a device; write it to a file"
        )
    log = parquet.read(path, data) if data.startswith(parquet.MAGIC) else jsonl.read(path, data, progress)
    if not len(log):
        raise ArgumentError(f"`ROLLOUTS` must hold at least one completion; {path} has none")
    return log


def writer(log: Log, path: Path) -> Callable[[Added], None]:
    """A function that writes the log's rows with columns added, in order, in the format that the path's ending names.

    Raises:
        ArgumentError: a value that the format cannot hold as it is; known here, before there are columns to add.
    """
    if path.suffix.lower() in parquet.SUFFIXES:
        return partial(_replace, path, parquet.write, parquet.check_schema(log.arrow()))
    return partial(_replace, path, jsonl.write, log.lines())


def _replace(path: Path, write: Callable[[T, Path, Added], None], content: T, added: Added) -> None:
    try:
        with replacing(path) as temporary:
            write(content, temporary, added)
    except OSError as error:
        raise ArgumentError(
            f"{path} cannot be written: {error.strerror or error}; make room, or name another"
        ) from None
