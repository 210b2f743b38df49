"""The compiler of everything in this folder."""

# numba has no types:
# mypy: ignore-errors

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numba

from polyest.online.compiled.disk_cache import keep

__all__ = ["inlined", "jit"]

SOURCES = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
VERSION = hashlib.sha256(SOURCES).hexdigest()[:8]


def jit(function: Callable[..., Any], **options: bool) -> Callable[..., Any]:
    """Compile without the GIL; keep the machine code on disk if possible.

    It is taken from there as long as the function's own file is the same; its name here changes with any file, as
    functions of several files are compiled into one.
    """
    function.__qualname__ += f"-{VERSION}"
    return keep(numba.njit(nogil=True, error_model="numpy", **options)(function))


inlined = partial(jit, forceinline=True)
