"""Logs of runs: files, folders and patterns, in any layout that a reader knows, as one table of completions."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from polyest.errors import ArgumentError
from polyest.rollouts import readers

__all__ = ["SUFFIXES", "few", "files_of", "is_plain_file"]

SUFFIXES = {".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".pq", ".eval", ".pt"}
PACKED = {".gz", ".zst"}
OF_STEPS = "step|epoch|iter|iteration|checkpoint|ckpt|rank|shard|part|worker|node|gpu|batch|fold"
OF_KINDS = "train|training|eval|evals|val|valid|validation|test|dev|data|logs?|rollouts?|completions|traces|samples"
PART = re.compile(
    rf"\d+|(?:.*[^a-z])?(?:{OF_STEPS})s?[^a-z]?\d+.*|(?:.*[^a-z])?(?:{OF_KINDS})(?:[^a-z].*)?", re.IGNORECASE
)  # of a run, such as a step, a rank, an evaluation: the name of its folder


def files_of(arguments: Sequence[str]) -> list[tuple[str, Path, bool]]:
    """Run, file, and whether it was named itself: files, folders (everything below), patterns such as ``run/*.jsonl``.

    A run is a folder: the one that was named, or those below it that `look like runs <_runs>`, or the one that a named
    file is in.

    Raises:
        ArgumentError: nothing is there.
    """
    found: dict[Path, tuple[str, Path, bool]] = {}
    for argument in arguments:
        matching = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute patterns)
        paths = [Path(argument)] if Path(argument).exists() else [*map(Path, matching)]
        if not paths:
            raise ArgumentError(f"`ROLLOUTS` must be files, folders or patterns that match some; got {argument}")
        for path in paths:
            for run in _runs(path) if path.is_dir() else [path.parent]:
                for file in _below(run) if path.is_dir() else [path]:
                    found.setdefault(file.resolve(), (str(run), file, not path.is_dir()))
    return [*found.values()]


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


def _runs(folder: Path) -> list[Path]:
    """The folders right below one that holds no logs itself, if there are several and none is called a part of a run.

    >>> [name for name in ("step_10", "rank0", "7", "eval", "traces", "run1", "seed-3") if not PART.fullmatch(name)]
    ['run1', 'seed-3']
    """
    inner = {folder / path.relative_to(folder).parts[0] for path in _below(folder)}
    if any(path.is_file() for path in inner) or not inner:
        return [folder]
    if len(inner) == 1:
        found = _runs(*inner)
        return found if len(found) > 1 else [folder]
    return [folder] if any(PART.fullmatch(path.name) for path in inner) else sorted(inner)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        suffix = Path(path.stem).suffix if path.suffix in PACKED else path.suffix
        if suffix.lower() in SUFFIXES and path.is_file():
            yield path


def few(names: Sequence[str]) -> str:
    """The first three, and how many more.

    >>> few(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
