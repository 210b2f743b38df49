"""Every failure that polyest raises on purpose.

A message has four parts: the argument in backticks, what is required, what came, and the remedy.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ArgumentError",
    "MissingDependencyError",
    "PolyestError",
    "SolveError",
    "TableFileError",
    "TableNotFoundError",
    "nearest",
    "shown",
]


class PolyestError(Exception):
    """Base of every error raised on purpose."""


class ArgumentError(PolyestError, ValueError):
    """An argument is outside its domain."""


class TableNotFoundError(PolyestError, LookupError):
    """The table asked for is neither shipped nor solved by the user."""


class TableFileError(PolyestError, ValueError):
    """A table file cannot be read, breaks the schema, or does not match its digest."""


class SolveError(PolyestError, ArithmeticError):
    """A program has no solution of the kind asked for, or a solver could not prove that it found it."""


class MissingDependencyError(PolyestError, ImportError):
    """An optional dependency is not installed."""

    @classmethod
    def for_extra(cls, package: str, extra: str, purpose: str) -> MissingDependencyError:
        """The error for a missing `package`, naming the `extra` that installs it."""
        return cls(f"{purpose} needs {package}, which is not installed; run: pip install 'polyest[{extra}]'")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as "; did you mean 'log'?", or an empty string.

    >>> nearest("minmax", ["minimax", "aqp"])
    "; did you mean 'minimax'?"
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def shown(value: object, most: int = 60) -> str:
    """A value in an error: its repr, abbreviated, or its type if it has none (an integer of more than 4,300 digits).

    >>> shown("a" * 100, 5)
    "'aaaa…"
    """
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  (the value's own code)
        return f"{type(value).__name__} that cannot be written down"
    return text if len(text) <= most else f"{text[:most]}…"
