"""Where table files live: find, read, list and write them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from polyest.errors import ArgumentError, TableFileError, TableNotFoundError
from polyest.numbers.rationals import decimal_text, rational_text
from polyest.problems.problem import METHODS, Problem
from polyest.problems.target_names import custom_parts
from polyest.storage.table import Table, from_json, to_json

__all__ = [
    "candidates",
    "find",
    "is_misplaced",
    "load",
    "paths",
    "read",
    "relative_path",
    "shipped_folder",
    "solve_command",
    "user_folder",
    "write",
]

NAME = re.compile(r"k\d+\.json", re.IGNORECASE)
LARGEST = 2**26  # bytes of a table file; a table of 10,000 coefficients takes 2^20

LONGEST_NAME = 255  # bytes that file systems allow; names are ASCII once quoted


def user_folder() -> Path:
    """Where the user's own tables live: ``$POLYEST_COEFFS`` if set (read at each call), else the data directory."""
    chosen = os.environ.get("POLYEST_COEFFS")
    if chosen:
        return Path(chosen)
    import platformdirs

    return platformdirs.user_data_path("polyest", appauthor=False) / "coeffs"


@lru_cache(maxsize=1)
def shipped_folder() -> Path:
    """The shipped tables: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "coeffs"
    return inside if inside.is_dir() else package.parent / "coeffs"


def relative_path(problem: Problem) -> Path:
    """The file of a table below a folder of tables; the baseline is derived, hence not part of it.

    >>> from polyest.problems.problem import make_problem
    >>> relative_path(make_problem("log", 16)).as_posix()
    'log/aqp/noise_budget-1.5/k16.json'

    Raises:
        ArgumentError: the name of the target, or the budget, is too long for the name of a folder.
    """
    folder = Path(quote(problem.target, safe="")) / problem.method
    if problem.budget is not None:
        folder /= f"{problem.budget.kind}-{decimal_text(problem.budget.value)}"
    longest = max(folder.parts, key=len)
    if len(longest) > LONGEST_NAME:
        argument = "target" if longest == folder.parts[0] or problem.budget is None else problem.budget.kind
        raise ArgumentError(
            f"`{argument}` must make the name of a folder, {LONGEST_NAME} bytes at most, which holds its tables; got "
            f"{len(longest)} bytes, {longest[:40]}…; give the function a shorter name, or numbers fewer digits"
        )
    return folder / f"k{problem.group_size}.json"


def find(problem: Problem) -> Path | None:
    """The file that holds the problem's table, the user's own before the shipped one; None if there is none.

    Raises:
        TableFileError: a folder on the way cannot be searched.
    """
    relative = relative_path(problem)
    for path in (user_folder() / relative, shipped_folder() / relative):
        try:
            if path.is_file():
                return path
        except OSError as error:
            raise TableFileError(f"{path}: must be a place that can be read; got {error.strerror}") from None
    return None


def load(problem: Problem) -> Table:
    """The stored table of a problem.

    Raises:
        TableNotFoundError: there is none; the message names the command that solves it.
        TableFileError: the file is broken, or is not the table that its place says.
    """
    path = find(problem)
    if path is None:
        folder = user_folder()
        missing = ", which is no folder," if os.environ.get("POLYEST_COEFFS") and not folder.is_dir() else ""
        raise TableNotFoundError(
            f"no table for {problem} in {folder}{missing} nor among the shipped ones; "
            f"solve it with: {solve_command(problem)}"
        )
    status = path.stat()
    table = _read_cached(path, status.st_mtime_ns, status.st_size)
    if table.problem != problem and relative_path(table.problem) != relative_path(problem):
        raise TableFileError(
            f"{path}: must hold the table of {problem}; it holds that of {table.problem}; solve it again"
        )
    return table


def read(path: Path) -> Table:
    """The table in one file, schema and digest checked.

    Raises:
        TableFileError: it is no file, larger than any table, or not one.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise TableFileError(f"{path}: must be a table file; it is a folder, a device or a pipe")
        if status.st_size > LARGEST:
            raise TableFileError(f"{path}: must have {LARGEST} bytes at most; it has {status.st_size}")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TableFileError(f"{path}: cannot be read as text: {error}") from None
    return from_json(text, path)


_read_cached = lru_cache(maxsize=4096)(lambda path, mtime_ns, size: read(path))


def paths(folder: Path) -> Iterator[Path]:
    """All table files below a folder, by target, method, budget, group size."""
    yield from (path for path in candidates(folder)[0] if re.fullmatch(r"k\d+\.json", path.name) and path.is_file())


def candidates(folder: Path) -> tuple[list[Path], list[OSError]]:
    """Whatever bears the name of a table below a folder, through links too, and the folders that cannot be read.

    Names that only some disks take for a table's (K16.json) are among them, and so are folders, pipes and broken links.
    """
    found, unreadable = list[Path](), list[OSError]()
    _collect(folder, (), found, unreadable)
    return sorted(found, key=lambda path: (path.parent.as_posix(), int(path.stem[1:]), path.name)), unreadable


def _collect(folder: Path, above: tuple[Path, ...], found: list[Path], unreadable: list[OSError]) -> None:
    try:
        real, entries = folder.resolve(), list(os.scandir(folder))
        if real in above:  # a link to a folder that it is in
            return
        found += [Path(entry.path) for entry in entries if NAME.fullmatch(entry.name)]
        inner = [Path(entry.path) for entry in entries if not NAME.fullmatch(entry.name) and entry.is_dir()]
    except (OSError, RuntimeError) as error:  # Python's own for links that go round in circles
        unreadable.append(error if isinstance(error, OSError) else OSError(40, str(error), str(folder)))
        return
    for path in inner:
        _collect(path, (*above, real), found, unreadable)


def is_misplaced(path: Path, problem: Problem, folder: Path | None = None) -> bool:
    """Whether a file stands in the place of another table.

    A file has a place if it is somewhere below `folder`, or if its path ends like that of a table; others have none.
    """
    parts, place = (path.resolve() if ".." in path.parts else path.absolute()).parts, relative_path(problem).parts
    has_place = NAME.fullmatch(path.name) and any(part in METHODS for part in parts[-3:-1])
    is_below = folder is not None and path.parent != folder
    return bool(has_place or is_below) and parts[-len(place) :] != place


def solve_command(problem: Problem) -> str:
    """The command line that solves a problem's table into the user's folder."""
    budget = problem.budget
    option = f" --{budget.kind.replace('_', '-')} {decimal_text(budget.value)}" if budget else ""
    parts = custom_parts(problem.target)
    target = f"'{problem.target}'" if "(" in problem.target else problem.target
    if parts:
        target = f"MODULE:{parts.function} --growth {','.join(map(rational_text, parts.growth))}"
    return f"polyest solve --target {target} --method {problem.method} -k {problem.group_size}{option}"


def write(table: Table, folder: Path) -> Path:
    """Write a table to its place below `folder`: to a temporary file first, then renamed."""
    from polyest.storage.files import replacing

    path = folder / relative_path(table.problem)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(to_json(table), encoding="utf-8")
    return path
