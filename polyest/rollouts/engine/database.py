"""A DuckDB of one's own, with limits, and a folder on disk that goes with it."""

from __future__ import annotations

import errno
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from polyest.errors import ArgumentError, MissingDependencyError
from polyest.storage.files import sweep, temporary_name

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["AT_ONCE", "MEMORY", "OWN", "Database", "bytes_of", "literal", "new_folder", "opened", "quoted"]

MEMORY = "1.2GB"
LEAST = 600 << 20  # bytes
OWN = 450 << 20  # bytes for Python, its libraries and a part at work; the rest is DuckDB's
AT_ONCE = 1 << 17  # rows of a batch
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNITS = {"MB": 10**6, "GB": 10**9, "MIB": 1 << 20, "GIB": 1 << 30}


class Database:
    """A connection, and where its files are.

    Attributes:
        connection: to an empty database in memory, which spills to the folder.
        folder: gone at the end.
        threads: how many may work.
        memory: bytes, of the whole process.
    """

    def __init__(self, connection: DuckDBPyConnection, folder: Path, threads: int, memory: int) -> None:
        self.connection, self.folder, self.threads, self.memory = connection, folder, threads, memory
        self._files = ExitStack()

    def file(self) -> IO[bytes]:
        """A new file without a name, in the folder's file system."""
        return self._files.enter_context(tempfile.TemporaryFile(dir=self.folder))

    def make_room(self) -> None:
        """Leave the memory to what comes after the reading; what is still looked up is read from the disk."""
        import duckdb

        with suppress(duckdb.OutOfMemoryException):
            self.connection.execute(f"SET threads = 1; SET memory_limit = '{self.memory >> 23}MiB'")

    def make_room_for_parts(self) -> None:
        """Leave what two parts at work take; rows that have no room any more are on the disk until they are written."""
        import duckdb

        with suppress(duckdb.OutOfMemoryException):
            limit = max(self.memory - 2 * OWN, self.memory // 8)
            self.connection.execute(f"SET memory_limit = '{limit >> 20}MiB'")

    def close(self) -> None:
        """The end of it all."""
        with suppress(OSError):  # of what could not be written, which is told where it was asked for
            self._files.close()
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def opened(memory: int, threads: int) -> Iterator[Database]:
    """A database that is gone at the end; what has no room is an ArgumentError that says what to do.

    Raises:
        MissingDependencyError: duckdb is not installed.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        raise MissingDependencyError.for_extra("duckdb", "score", "reading logs") from None
    folder = new_folder()
    settings = {
        "threads": str(threads),
        "memory_limit": f"{(memory - OWN) >> 20}MiB",
        "temp_directory": str(folder / "spill"),
    }
    meanwhile = threading.Thread(target=_load_arrow, daemon=True)
    meanwhile.start()
    connection = duckdb.connect(":memory:", config={**settings, "autoinstall_known_extensions": "false"})
    meanwhile.join()
    connection.execute("SET preserve_insertion_order = true; SET enable_progress_bar = false; SET TimeZone = 'UTC'")
    database = Database(connection, folder, threads, memory)
    try:
        yield database
    except (duckdb.OutOfMemoryException, MemoryError) as error:
        raise ArgumentError(_no_room(memory, folder, str(error))) from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise ArgumentError(_no_room(memory, folder, str(error))) from None
    finally:
        database.close()


def _load_arrow() -> None:
    """What is needed next; while DuckDB connects, which takes as long and leaves Python's lock free."""
    with suppress(ImportError):
        import pyarrow.parquet  # noqa: F401


def new_folder() -> Path:
    """A folder of one's own where temporary files are."""
    parent = Path(tempfile.gettempdir())
    _sweep(parent)
    folder = parent / temporary_name("polyest")
    folder.mkdir(mode=0o700)
    return folder


@cache
def _sweep(folder: Path) -> None:
    """Once in a process, as other databases of this one may be open."""
    with suppress(OSError):
        sweep(folder, below=False)


def _no_room(memory: int, folder: Path, error: str) -> str:
    reason = error.partition("\n")[0]
    return (
        f"`--memory` must be enough for the work; got {memory / 10**9:.3g}GB ({reason}); give more with --memory, "
        f"fewer --jobs, or set TMPDIR to a disk with more room than {folder.parent}"
    )


def bytes_of(text: str) -> int:
    """A size such as 1.2GB or 800MiB.

    Raises:
        ArgumentError: it is none, or too small to work with.

    >>> bytes_of("1.2GB")
    1200000000
    """
    number = text.strip().upper().rstrip("GMIB")
    try:
        size = int(float(number) * UNITS[text.strip().upper()[len(number) :].strip()])
    except (ValueError, KeyError, OverflowError):
        raise ArgumentError(f"`--memory` must be a size such as 1.2GB or 800MB; got {text!r}") from None
    if size < LEAST:
        raise ArgumentError(f"`--memory` must be at least {LEAST / 10**6:.0f}MB; got {text!r}")
    return size


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string in SQL."""
    return "'" + text.replace("'", "''") + "'"
