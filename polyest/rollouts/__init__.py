"""Logs of rollouts: one row per completion, in JSON lines or parquet (extra ``score``)."""

from __future__ import annotations

from pathlib import Path

from polyest.errors import ArgumentError
from polyest.files import replacing
from polyest.rollouts import jsonl, parquet
from polyest.rollouts.log import Added, Log, Progress

__all__ = ["SUFFIXES", "Log", "read", "write"]

SUFFIXES = (*jsonl.SUFFIXES, *parquet.SUFFIXES)


def read(path: Path, progress: Progress = lambda items, label, total: items) -> Log:
    """The log in one file; parquet is known by its first bytes.

    Raises:
        ArgumentError: no such file, an empty one, or one in neither format; names the first bad line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArgumentError(f"`ROLLOUTS` must be a file that can be read; {path}: {error.strerror}") from None
    log = parquet.read(path, data) if data.startswith(parquet.MAGIC) else jsonl.read(path, data, progress)
    if not len(log):
        raise ArgumentError(f"`ROLLOUTS` must hold at least one completion; {path} has none")
    return log


def write(log: Log, path: Path, added: Added) -> None:
    """The log's rows with columns added, in the order they came, in the format that the path's ending names.

    Raises:
        ArgumentError: a value that the format cannot hold.
    """
    writer = parquet.write if path.suffix.lower() in parquet.SUFFIXES else jsonl.write
    with replacing(path) as temporary:
        writer(log, temporary, added)
