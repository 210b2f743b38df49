"""The compiler of everything in this folder, and its machine code on disk: what is wrong there costs speed only.

numba's own cache believes what it reads: half a file ends the run, and a flipped bit may end up in the processor. Here
every entry is a file of its own that begins with the sha256 of what follows; where anything is wrong with it, the
function is compiled again.
"""

# numba has no types:
# mypy: ignore-errors

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps

from polyest.errors import PolyestError
from polyest.storage.files import replacing

__all__ = ["inlined", "jit"]

DIGEST = hashlib.sha256().digest_size
SOURCES = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
VERSION = hashlib.sha256(SOURCES).hexdigest()[:8]


def jit(function: Callable[..., Any], **options: bool) -> Callable[..., Any]:
    """Compile without the GIL; keep the machine code on disk if possible.

    It is taken from there as long as the function's own file is the same; its name here changes with any file, as
    functions of several files are compiled into one.
    """
    function.__qualname__ += f"-{VERSION}"
    return _keep(numba.njit(nogil=True, error_model="numpy", **options)(function))


inlined = partial(jit, forceinline=True)


def _keep(compiled: object) -> object:
    """The same function of numba's; its machine code is kept where numba keeps it, or nowhere if there is no place."""
    with suppress(OSError, RuntimeError):  # "no locator available"
        compiled._cache = _Cache(compiled.py_func)
    return compiled


class _Cache(FunctionCache):
    """The cache of a function, which never raises."""

    def __init__(self, py_func: object) -> None:
        super().__init__(py_func)
        stamp = numba.__version__, self._impl.locator.get_source_stamp()
        self._cache_file = _Files(Path(self._cache_path), self._impl.filename_base, stamp)

    def load_overload(self, sig: object, target_context: object) -> object:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001  (what numba makes of old machine code is not told)
            return None

    def save_overload(self, sig: object, data: object) -> None:
        try:
            super().save_overload(sig, data)
        except (OSError, PolyestError):
            self.disable()


class _Files:
    """One file for each key, in place of numba's index and data files."""

    def __init__(self, folder: Path, base: str, stamp: object) -> None:
        self._folder, self._base, self._stamp = folder, base, stamp

    def load(self, key: object) -> object:
        """What was saved; None if it was not, or is not whole."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        body = content[DIGEST:]
        return pickle.loads(body) if content[:DIGEST] == _digest(path.name, body) else None

    def save(self, key: object, data: object) -> None:
        path, body = self._path(key), dumps(data)
        with replacing(path) as temporary:
            temporary.write_bytes(_digest(path.name, body) + body)

    def _path(self, key: object) -> Path:
        number = hashlib.sha256(repr((self._stamp, key)).encode()).hexdigest()[:16]
        return self._folder / f"{self._base}.{number}.polyest"


def _digest(name: str, body: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + body).digest()
