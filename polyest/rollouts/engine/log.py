"""A log, files in any layout, as the table of its completions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyest.errors import ArgumentError, counted
from polyest.rollouts.engine import slow
from polyest.rollouts.engine.columns import Columns
from polyest.rollouts.engine.reading import Extract, Reader
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.extraction import SPECIFICATIONS
from polyest.rollouts.readers import layout_of, plain
from polyest.rollouts.readers.row import PROMPTS
from polyest.rollouts.readers.source import Source, UnreadableError
from polyest.rollouts.runs import SUFFIXES, Unread, few, files_of, is_plain_file

if TYPE_CHECKING:
    from polyest.rollouts.engine.database import Database
    from polyest.rollouts.engine.reading import Batches

__all__ = ["STANDARD_INPUT", "Named", "finish", "named_files", "read_log"]

STANDARD_INPUT = "-"
ENDING = 60  # characters of a completion that say what another rule has to find


@dataclass(frozen=True)
class Named:
    """The files that are to be read, and how.

    Attributes:
        files: of each its run, where it is, and whether it is asked for by itself.
        is_run: whether they are runs, in any layout.
        columns: what is read of them.
        unread: what is left out because it cannot be read.
    """

    files: list[tuple[str, Path, bool]]
    is_run: bool
    columns: Columns
    unread: Unread = field(default_factory=dict)


def read_log(
    database: Database,
    named: Sequence[str],
    columns: Columns,
    layout: str | Batches | None = None,
    extract: Extract | None = None,
    report: Callable[[str], None] = lambda note: None,
    progress: Callable[..., Iterable[Any]] = lambda items, label, total: items,
) -> Rows:
    """All completions of the logs.

    Args:
        named: files, folders, patterns, ``-`` for standard input.
        layout: a name of `readers.NAMES`, or a reader of one's own; found out if left out.
        extract: from the completions' texts; None takes the answers that the log has.
        report: is told what is worth knowing.

    Raises:
        ArgumentError: no file, none in a known layout, a damaged one, no completions, or no answers.
    """
    given = [str(_spooled(database)) if name == STANDARD_INPUT else name for name in named]
    found = named_files(given, columns, layout, is_extracted=extract is not None)
    rows = Rows(database, found.columns, found.is_run, is_extracted=extract is not None)
    reader = Reader(rows, layout, extract, report)
    for run, path, is_asked_for in progress(found.files, "reading", len(found.files)) if found.is_run else found.files:
        name = STANDARD_INPUT if database.folder in path.parents else str(path)
        reader.read(run, path, name, is_asked_for)
    finish(reader, named[0], found.unread)
    return rows


def named_files(given: Sequence[str], columns: Columns, layout: str | Batches | None, is_extracted: bool) -> Named:
    """The files that these arguments name.

    Args:
        layout: as in `read_log`.
        is_extracted: whether answers are found in texts.

    Raises:
        ArgumentError: nothing is there, or it cannot be read.
    """
    if columns.prompts is None and layout in (None, plain.NAME) and _are_named_by_text(given, columns, layout):
        columns = replace(columns, prompts=("prompt",))
    is_one = len(given) == 1 and layout is None and not is_extracted
    is_named = columns.prompts is not None and Path(given[0]).is_file()
    if is_one and (is_named or is_plain_file(given[0])):
        return Named([("", _file(given[0]), True)], False, columns)
    unread: Unread = {}
    files = files_of(given, unread)
    if columns.by == "run":
        columns = replace(columns, by=None)  # a key
    is_alone = len(files) == 1 and not unread
    return Named([(run, path, asked or is_alone) for run, path, asked in files], True, columns, unread)


def _are_named_by_text(given: Sequence[str], columns: Columns, layout: str | Batches | None) -> bool:
    """Whether no file names prompts otherwise, and some has rows of rollouts whose prompts only ``prompt`` can name.

    Of ``prompt`` and ``answer`` alone the answer may be the gold one, as in sets of problems.
    """
    with suppress(ArgumentError, OSError):
        sources = [Source(path) for _, path, _ in files_of(given) if path.is_file()]
        ours = {columns.completion, columns.answer} - {Columns.answer}
        is_known = _has_layout if layout is None else plain.sniff
        return not any(map(is_known, sources)) and any(_has_only_prompt(source, ours) for source in sources)
    return False


def _has_layout(source: Source) -> bool:
    with suppress(ArgumentError, OSError):
        return bool(layout_of(source))
    return False


def _has_only_prompt(source: Source, ours: Set[str]) -> bool:
    with suppress(ArgumentError, OSError):
        return source.columns.intersection(PROMPTS) == {"prompt"} and bool(source.columns & ours)
    return False


def finish(reader: Reader, name: str, unread: Unread) -> None:
    """Say what is left out once all files are read, `name` the first of them, and whether there is what was asked for.

    Raises:
        ArgumentError: no completions, or no answers.
    """
    closed = unread | {path: error for path, error in reader.unknown.items() if isinstance(error, UnreadableError)}
    reader.unknown = closed | reader.unknown
    if closed:
        names = few([f"{path} ({error.reason})" for path, error in closed.items()])
        reader.report(f"left out, as it cannot be read: {names}")
    if unknown := [path.name for path in reader.unknown if path not in closed]:
        reader.report(f"left out: {counted(len(unknown), 'file')} in no known layout: {few(unknown)}")
    if reader.lost:
        reader.report(f"left out: {counted(reader.lost.total(), 'lost completion')}: {few([*reader.lost])}")
    _check(reader, name)
    reader.rows.drop_empty_keys()


def _spooled(database: Database) -> Path:
    """Standard input as a file: it is looked at before it is read."""
    path = database.folder / "standard-input"
    with path.open("wb") as file:
        file.writelines(iter(_more, b""))
    return path


def _more() -> bytes:
    """The next bytes of standard input.

    Raises:
        ArgumentError: it is closed, or cannot be read.
    """
    try:
        if sys.stdin is not None:
            return sys.stdin.buffer.read(1 << 20)
        came = "it is closed"
    except OSError as error:
        came = str(error.strerror or error)
    raise ArgumentError(f"`ROLLOUTS` - is standard input, which must be open for reading; {came}; give it with < or |")


def _file(name: str) -> Path:
    """A single file, which can be read to its end."""
    path = Path(name)
    try:
        is_endless = path.exists() and not path.is_file() and not path.is_dir()
        if not is_endless:
            path.open("rb").close()
    except OSError as error:
        raise ArgumentError(f"`ROLLOUTS` must be a file that can be read; {path}: {error.strerror}") from None
    if is_endless:
        raise ArgumentError(
            f"`ROLLOUTS` must be a file that can be read to its end; {path} is a pipe or a device; write it to a file, "
            "or name - for standard input"
        )
    return path


def _check(reader: Reader, name: str) -> None:
    """Whether there are completions, and answers."""
    rows = reader.rows
    if not rows.files:
        raise _nothing(reader, name)
    if not rows.count:
        raise ArgumentError(f"`ROLLOUTS` must hold at least one completion; {name} has none")
    columns = rows.columns
    _check_named(reader)
    for kept, column in {"answer": columns.answer, "by": columns.by}.items():
        if column is None or rows.has(kept):
            continue
        if kept == "answer" and reader.extract is not None:
            _check_texts(rows)
            raise _nothing_found(reader)
        if not rows.is_run or columns.prompts:
            _check_somewhere(rows.plain_files, column)
        elif kept == "answer":
            raise ArgumentError(
                f"{name}: there must be answers; the log has none, as layouts that keep texts only; say with --extract "
                f"how the answer is found in the text: {', '.join(SPECIFICATIONS)}"
            )
        elif kept == "by":
            known = ", ".join(dict.fromkeys(["prompt", *rows.keys]))
            raise ArgumentError(f"`--by` must name a column of the log, {known} or policy; got {column!r}")


def _nothing(reader: Reader, name: str) -> ArgumentError:
    """Why no file could be read: one may not be, or what is wrong with the largest, the likeliest to be the log."""
    if not reader.unknown:
        known = ", ".join(sorted(SUFFIXES))
        return ArgumentError(f"`ROLLOUTS` must hold rollouts; got {name} with no file in {known}; name the log itself")
    unread = [error for error in reader.unknown.values() if isinstance(error, UnreadableError)]
    return unread[0] if unread else reader.unknown[max(reader.unknown, key=lambda path: path.stat().st_size)]


def _nothing_found(reader: Reader) -> ArgumentError:
    """Why there are no answers, with the end of a completion, where one often is, and whether the log has its own."""
    text = reader.text
    end = None if text is None else f"{text[-ENDING:]!r}, the end of a completion" * (len(text) > ENDING) or repr(text)
    came = "no completion that is not empty" if end is None else f"none, as in {end}"
    rules = ", ".join(SPECIFICATIONS)
    own = f"a column {reader.rows.columns.answer!r}" if reader.rows.plain_files else "answers of its own"
    hint = f", or leave it out: the log has {own}" if reader.has_answers else ""
    return ArgumentError(f"`--extract` must find an answer in some text; got {came}; choose another of {rules}{hint}")


def _check_named(reader: Reader) -> None:
    """Whether the columns that were named are there; layouts that are not one row per completion know their own."""
    rows = reader.rows
    for name, column in rows.columns.named().items():
        if name == ("answer" if reader.extract is not None else "completion"):  # which is not read
            continue
        if len(rows.plain_files) < len(rows.files):
            option = f"--{name}" if name == "epoch" else f"--{name}-column"
            raise ArgumentError(
                f"`{option}` names a column of files with one row per completion; got {column!r} for files in a layout "
                "that has its own; leave it out, or read them as rows with --format plain or --prompt-column"
            )
        _check_somewhere(rows.plain_files, column)


def _check_somewhere(sources: Sequence[Source], column: str) -> None:
    """Whether some file has the column; says what the last has."""
    for source in sources[:-1]:
        with suppress(ArgumentError):
            slow.check_present(source, column)
            return
    slow.check_present(sources[-1], column)


def _check_texts(rows: Rows) -> None:
    """Whether files of one row per completion have the texts in which answers are to be found."""
    if rows.plain_files:
        try:
            _check_somewhere(rows.plain_files, rows.columns.completion)
        except ArgumentError as error:
            raise ArgumentError(f"{error}; `--extract` reads texts; name theirs with --completion-column") from None
