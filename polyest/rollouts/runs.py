"""Logs of runs: files, folders and patterns, in any layout that a reader knows, as one table of completions."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from polyest.errors import ArgumentError
from polyest.rollouts import readers
from polyest.rollouts.readers.source import UnreadableError

__all__ = ["SUFFIXES", "Unread", "few", "files_of", "is_plain_file"]

Unread = dict[Path, UnreadableError]
SUFFIXES = {".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".pq", ".eval", ".pt"}
PACKED = {".gz", ".zst"}
OF_STEPS = "step|epoch|iter|iteration|checkpoint|ckpt|rank|shard|part|worker|node|gpu|batch|fold"
OF_KINDS = "train|training|eval|evals|val|valid|validation|test|dev|data|logs?|rollouts?|completions|traces|samples"
PART = re.compile(
    rf"\d+|(?:.*[^a-z])?(?:{OF_STEPS})s?[^a-z]?\d+.*|(?:.*[^a-z])?(?:{OF_KINDS})(?:[^a-z].*)?", re.IGNORECASE
)  # of a run, such as a step, a rank, an evaluation: the name of its folder


def files_of(arguments: Sequence[str], unread: Unread | None = None) -> list[tuple[str, Path, bool]]:
    """Run, file, and whether it was named itself: files, folders (everything below), patterns such as ``run/*.jsonl``.

    A run is a folder: the one that was named, or those below it that `look like runs <_runs>`, or the one that a named
    file is in.

    Args:
        unread: gets what is left out because it cannot be read, with the reason.

    Raises:
        ArgumentError: nothing is there, or it may not be looked at.
    """
    left: Unread = {} if unread is None else unread
    found: dict[Path, tuple[str, Path, bool]] = {}
    empty: list[Path] = []
    for argument in arguments:
        for path in _named(argument, left):
            if not os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises where it may not look)
                found.setdefault(path.resolve(), (str(path.parent), path, True))
                continue
            files = _below(path, left)
            if path in left and path == Path(argument):
                raise left[path]
            if not files:
                empty.append(path)
            runs = {*_runs(path, files)}
            for file in files:
                run = next(folder for folder in file.parents if folder in runs)
                found.setdefault(file.resolve(), (str(run), file, False))
    if found:  # else that is what is wrong
        known = f"no file in {', '.join(sorted(SUFFIXES))}"
        left |= {folder: UnreadableError(folder, known) for folder in empty if folder not in left}
    return [*found.values()]


def _named(argument: str, unread: Unread) -> list[Path]:
    """The file or folder of this name, or what a pattern matches."""
    try:
        Path(argument).stat()
        return [Path(argument)]
    except (FileNotFoundError, NotADirectoryError):
        matching = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute patterns)
    except OSError as error:
        raise UnreadableError(argument, str(error.strerror)) from None
    closed = _closed(argument)
    unread |= closed
    if not matching and closed:
        raise next(iter(closed.values()))
    if not matching:
        raise ArgumentError(f"`ROLLOUTS` must be files, folders or patterns that match some; got {argument}")
    return [*map(Path, matching)]


def _closed(pattern: str) -> Unread:
    """The folders that a pattern leads through and that may not be looked into: `glob` passes them over in silence."""
    found, parts = Unread(), Path(pattern).parts
    first = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    for i in range(first, len(parts)):
        are_listed = glob.has_magic(parts[i]) or parts[i - 1] == "**"
        for folder in filter(os.path.isdir, glob.glob(str(Path(*parts[:i])), recursive=True)):  # noqa: PTH207
            try:
                os.stat(f"{folder}/.")  # noqa: PTH116 (which Path would shorten)
                if are_listed:
                    os.scandir(folder).close()
            except OSError as error:
                found[Path(folder)] = UnreadableError(folder, str(error.strerror))
    return found


def is_plain_file(argument: str) -> bool:
    """Whether it is one file that needs no reader: JSON lines or parquet, one completion per row, or nothing known."""
    path = Path(argument)
    try:
        if not path.is_file():
            return not path.is_dir() and not glob.has_magic(argument)
        if path.suffix in PACKED:
            return False
        return readers.layout_of(readers.Source(path)).NAME == "plain"
    except (ArgumentError, OSError):
        return True


def _runs(folder: Path, files: Sequence[Path]) -> list[Path]:
    """The folders right below one that holds no logs itself, if there are several and none is called a part of a run.

    Args:
        files: all logs below the folder.

    >>> [name for name in ("step_10", "rank0", "7", "eval", "traces", "run1", "seed-3") if not PART.fullmatch(name)]
    ['run1', 'seed-3']
    """
    inner = {folder / path.relative_to(folder).parts[0] for path in files}
    if not inner or not inner.isdisjoint(files):
        return [folder]
    if len(inner) == 1:
        found = _runs(inner.pop(), files)
        return found if len(found) > 1 else [folder]
    return [folder] if any(PART.fullmatch(path.name) for path in inner) else sorted(inner)


def _below(folder: Path, unread: Unread) -> list[Path]:
    """The logs below a folder; what bears the name of one and is none, and folders that may not be listed, are unread.

    Links to files are followed; those to folders are not, as they may lead to what is here already.
    """
    found = list[Path]()

    def leave(path: Path, reason: str | None) -> None:
        unread[path] = UnreadableError(path, str(reason))

    for place, folders, names in os.walk(folder, onerror=lambda error: leave(Path(error.filename), error.strerror)):
        paths = [Path(place, name) for name in folders]
        for path in filter(Path.is_symlink, paths):
            if not path.resolve().is_relative_to(folder.resolve()):
                leave(path, "a link to another folder, which is not followed")
        for path in filter(_is_called_a_log, (Path(place, name) for name in names)):
            try:
                if stat.S_ISREG(path.stat().st_mode):
                    found.append(path)
                else:
                    leave(path, "a pipe or a device")
            except FileNotFoundError:
                if path.is_symlink():  # else it is gone meanwhile
                    leave(path, "a link that leads nowhere")
            except OSError as error:
                leave(path, error.strerror)
    return sorted(found)


def _is_called_a_log(path: Path) -> bool:
    suffix = Path(path.stem).suffix if path.suffix in PACKED else path.suffix
    return suffix.lower() in SUFFIXES


def few(names: Sequence[str]) -> str:
    """The first three, and how many more.

    >>> few(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
