"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import platform
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replacing", "sweep"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place at the end, or disappears if anything goes wrong."""
    prefix = f".{path.name}-{_machine()}-{os.getpid()}-"
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("r+b") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove temporary files anywhere below a folder whose writer was killed: a process of this machine that is gone.

    One that bears this process's number is from an earlier process; call this before anything is written.
    """
    for path in folder.rglob(f".*-{_machine()}-*.tmp"):
        writer = int(path.name.rsplit("-", 2)[1])
        if writer == os.getpid() or not _is_alive(writer):
            path.unlink(missing_ok=True)


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
