"""Logs of runs: files, folders and patterns, in any layout that a reader knows, as one table of completions."""

from __future__ import annotations

import glob
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyest.errors import ArgumentError
from polyest.rollouts import extraction, readers
from polyest.rollouts.parquet import Parquet
from polyest.rollouts.typed import dump, load

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Completions", "few", "files_of", "is_plain_file", "read_runs"]

SUFFIXES = {".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".eval", ".pt"}
PACKED = {".gz", ".zst"}
KEYS = ("run", "split", "step", "prompt")
REPORTED = ("correct", "score", "policy")

Report = Callable[[str], None]


@dataclass(frozen=True)
class Completions(Parquet):
    """The completions of all files, those that were lost left out.

    Attributes:
        table: ``run, file, row``, the keys ``split, step, prompt``, ``answer`` as JSON, ``correct``, ``score``,
            ``policy``.
        keys: the columns that name a prompt together; those that say nothing (no step anywhere) are left out.
    """

    keys: tuple[str, ...] = field(default=())

    def column(self, name: str, optional: bool = False) -> list[Any]:
        values = super().column(name, optional)
        if name == "answer":
            return [None if value is None else load(json.loads(str(value))) for value in values]
        return values

    def place(self, row: int) -> str:
        return f"{self.table['file'][row].as_py()}, row {self.table['row'][row].as_py()}"


def files_of(arguments: Sequence[str]) -> list[tuple[str, Path, bool]]:
    """Run, file, and whether it was named itself: files, folders (everything below), patterns such as ``run/*.jsonl``.

    A run is a folder: the one that was named, or the one that a named file is in.

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
            for file in _below(path) if path.is_dir() else [path]:
                run = path if path.is_dir() else path.parent
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


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        suffix = Path(path.stem).suffix if path.suffix in PACKED else path.suffix
        if suffix.lower() in SUFFIXES and path.is_file():
            yield path


def read_runs(
    arguments: Sequence[str],
    layout: str | None = None,
    how: str | Callable[[str], Any] | None = None,
    *,
    jobs: int = 1,
    report: Report = lambda note: None,
    progress: Callable[..., Iterable[Any]] = lambda items, label, total: items,
) -> Completions:
    """All completions of the logs.

    Args:
        arguments: files, folders, patterns.
        layout: a name of `readers.NAMES`, for every file; found out if left out.
        how: of `extraction.extract`, from the completion's text; None takes the answers that the log has.
        report: is told what is worth knowing.

    Raises:
        ArgumentError: no file, none in a known layout, a damaged one, or no answers in any.
    """
    files = files_of(arguments)
    parts, unknown = [], []
    for run, path, is_named in progress(files, "reading", len(files)):
        source = readers.Source(path, report)
        try:
            found = readers.named(layout) if layout else readers.layout_of(source)
        except ArgumentError:
            if is_named or len(files) == 1:
                raise
            unknown.append(path.name)
            continue
        parts.append(_part(run, path, found.rows(source)))
    if unknown:
        report(f"{len(unknown)} files are in no known layout and were left out: {few(unknown)}")
    if not parts:
        raise ArgumentError(f"`ROLLOUTS` must hold rollouts; got {', '.join(arguments)} with none")
    return _completions(Path(arguments[0]), parts, how, jobs, report, progress)


def _part(run: str, path: Path, rows: Iterable[readers.Row]) -> pyarrow.Table:
    import pyarrow as pa

    table = pa.Table.from_batches(readers.batches(rows), readers.schema())
    table = table.rename_columns(["row" if name == "number" else name for name in table.column_names])
    for name, value in (("file", str(path)), ("run", run)):
        table = table.add_column(0, name, pa.array([value] * len(table), pa.string()))
    return table


def _completions(
    path: Path, parts: list[pyarrow.Table], how: Any, jobs: int, report: Report, progress: Any
) -> Completions:
    import pyarrow as pa
    from pyarrow import compute

    table = pa.concat_tables(parts)
    lost = compute.is_valid(table["failed"])
    reasons = Counter(table.filter(lost)["failed"].to_pylist())
    if reasons:
        report(f"{sum(reasons.values())} completions were lost and are left out: {few([*reasons])}")
    table = table.filter(compute.invert(lost))
    if how is not None:
        answers = extraction.extract(table["completion"].to_pylist(), how, jobs=jobs, progress=progress)
        written = [None if answer is None else json.dumps(dump(answer), sort_keys=True) for answer in answers]
        index = table.column_names.index("answer")
        table = table.set_column(index, "answer", pa.array(written, pa.string()))
    if table["answer"].null_count == len(table):
        raise ArgumentError(_no_answers(how, path))
    keys = tuple(name for name in KEYS if name in ("run", "prompt") or _says_something(table[name]))
    kept = ["run", "file", "row", *(key for key in keys if key != "run"), "answer"]
    kept += [name for name in REPORTED if table[name].null_count < len(table)]
    table = table.select(kept)
    if "step" in kept and table["step"].null_count:
        steps = compute.coalesce(table["step"].cast(pa.string()), "")
        table = table.set_column(kept.index("step"), "step", steps)
    return Completions(path, table, keys)


def _says_something(column: pyarrow.ChunkedArray) -> bool:
    return any(value not in (None, "") for value in column.unique().to_pylist())


def _no_answers(how: Any, path: Path) -> str:
    if how is None:
        return (
            f"{path}: there must be answers; the log has none, as layouts that keep texts only; say with --extract how "
            f"the answer is found in the text: {', '.join(extraction.SPECIFICATIONS)}"
        )
    return f"`--extract` {how} must find an answer in some text; got none; look at a completion and choose another rule"


def few(names: Sequence[str]) -> str:
    """The first three, and how many more.

    >>> few(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
