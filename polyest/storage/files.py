"""Writing a file whole or not at all; what cannot be written is known before the work."""

from __future__ import annotations

import os
import platform
import re
import secrets
import shutil
import stat
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from polyest.errors import ArgumentError

__all__ = ["are_same", "check_writable", "replacing", "replacing_folder", "sweep", "temporary_name"]

LONGEST_NAME = 100  # bytes of a file's name in that of its temporary


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place at the end, or disappears if anything goes wrong.

    It ends with the mode and owner of the file in that place; a new one has the mode that the umask leaves.
    """
    temporary, mode = _create(path)
    try:
        yield temporary
        with temporary.open("r+b") as written:
            os.fsync(written.fileno())
        _inherit(temporary, path)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place, which is empty, at the end, or disappears."""
    temporary = path.with_name(temporary_name(path.name))
    temporary.mkdir()
    try:
        yield temporary
        sweep(temporary, below=False)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _create(path: Path) -> tuple[Path, int]:
    """An empty file beside `path`, for its owner alone so far, and the mode it is to have.

    In the place of another it is nobody else's at any time: who opens it while it is empty could read on.
    """
    temporary = path.with_name(temporary_name(path.name))
    is_new = not path.exists()
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666 if is_new else 0o600)
    try:
        mode = (os.fstat(handle) if is_new else path.stat()).st_mode
    finally:
        os.close(handle)
    temporary.chmod(0o600)
    return temporary, stat.S_IMODE(mode)


def temporary_name(name: str) -> str:
    """What a temporary file or folder for this one is called, new each time; `sweep` knows it."""
    start = name.encode()[:LONGEST_NAME].decode(errors="ignore")
    return f".{start}-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"


def _inherit(temporary: Path, path: Path) -> None:
    """The owner of the file that is to be replaced."""
    if path.exists() and hasattr(os, "chown"):
        old, new = path.stat(), temporary.stat()
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            os.chown(temporary, old.st_uid, old.st_gid)


def check_writable(path: Path, argument: str) -> None:
    """Whether `replacing(path)` would work, also where folders above it have yet to be made; nothing is left behind.

    Raises:
        ArgumentError: names the `argument`, and the file or folder that is in the way.
    """
    place = path
    try:
        while not place.parent.exists():
            place = place.parent
        if path.exists():
            _check_replaceable(path, argument)
        temporary, _ = _create(place)
        try:
            _inherit(temporary, path)
        finally:
            temporary.unlink()
    except OSError as error:
        raise ArgumentError(
            f"`{argument}` must be where files can be written; {path}: {error.strerror}; name another place"
        ) from None


def _check_replaceable(path: Path, argument: str) -> None:
    """Root may write to what is read-only, and replacing asks nobody: hence the bits themselves."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise ArgumentError(f"`{argument}` must be a file, and {path} is something else; name another")
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise ArgumentError(f"`{argument}` must be a file that may be replaced; {path} is read-only; name another")
    os.close(os.open(path, os.O_WRONLY))


def are_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file; of files that are not there yet, whether they would where case is ignored."""
    if one.exists() and other.exists():
        return one.samefile(other)
    names = [unicodedata.normalize("NFC", os.path.realpath(path)).casefold() for path in (one, other)]
    return names[0] == names[1]


def sweep(folder: Path, below: bool = True) -> None:
    """Remove temporary files and folders in a folder, or anywhere `below` it, whose writer on this machine was killed.

    One that bears this process's number is from an earlier process; call this before anything is written.
    """
    pattern = re.compile(rf"\..*-{_machine()}-(\d{{1,9}})-[0-9a-z_]{{8}}\.tmp", re.DOTALL)
    found: Iterable[Path] = folder.rglob(".*.tmp") if below else folder.glob(".*.tmp")
    for path in found:
        match = pattern.fullmatch(path.name)
        if match and (int(match[1]) == os.getpid() or not _is_alive(int(match[1]))):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _is_alive(process: int) -> bool:
    if os.name == "nt":
        return True  # os.kill would not ask there, but kill
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
