"""Progress of long work, on standard error: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["EVERY", "say", "tell", "track"]

T = TypeVar("T")
EVERY = 5.0  # seconds between plain lines


def track(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """The items as they are, with their progress shown; without tqdm there are plain lines everywhere."""
    bar = sys.stderr.isatty() and _tqdm()
    if bar:
        yield from bar(items, desc=label, total=total, file=sys.stderr, leave=False)
        return
    due = time.monotonic() + EVERY
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() >= due:
            print(f"{label}: {done}/{total}", file=sys.stderr, flush=True)
            due = time.monotonic() + EVERY


def say(line: str) -> None:
    """Print a line of results without tearing a progress bar."""
    _print(line, sys.stdout)


def tell(note: str) -> None:
    """Likewise what is worth knowing at once."""
    _print(f"polyest: {' '.join(note.split())}", sys.stderr)


def _print(line: str, stream: TextIO) -> None:
    bar = sys.stderr.isatty() and _tqdm()
    if bar:
        bar.write(line, file=stream)
    else:
        print(line, file=stream, flush=True)


def _tqdm() -> type[tqdm] | None:
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return None
    bar: type[tqdm] = tqdm
    return bar
