"""Every failure that polyest raises on purpose, and how it warns.

A message has four parts: the argument in backticks, what is required, what came, and the remedy.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from inspect import CO_VARKEYWORDS
from types import FrameType

__all__ = [
    "ArgumentError",
    "MissingDependencyError",
    "PolyestError",
    "SolveError",
    "TableFileError",
    "TableNotFoundError",
    "called_with",
    "counted",
    "listed",
    "nearest",
    "shortened",
    "warn",
]

BETWEEN = ("polyest", "torch", "jax")  # whose lines a user has not written


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
    """An optional dependency is not installed.

    What it says to run, ``pip install 'polyest[…]'``, keeps the polyest that is there and gets what the extra lacks.
    """

    @classmethod
    def for_extra(cls, package: str, extra: str, purpose: str) -> MissingDependencyError:
        """The error for a missing `package`, naming the `extra` that installs it."""
        return cls(f"{purpose} needs {package}, which is not installed; run: pip install 'polyest[{extra}]'")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as "; did you mean 'log'?", or an empty string.

    >>> nearest("minmax", ["minimax", "aqp"])
    "; did you mean 'minimax'?"
    """
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def called_with() -> list[str]:
    """The names of the arguments of the function by which polyest was called, if it takes any other ones, too."""
    names: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame and str(frame.f_globals.get("__name__")).partition(".")[0] == BETWEEN[0]:
        code, frame = frame.f_code, frame.f_back
        if code.co_flags & CO_VARKEYWORDS:
            names = [name for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if name != "self"]
    return names


def counted(number: int, noun: str) -> str:
    """How many, for a message.

    >>> counted(1, "group"), counted(2, "group")
    ('1 group', '2 groups')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int = 20) -> str:
    """Names, for a message, and how many more there are.

    >>> listed(["a", "b", "c"], most=2), listed([])
    ("'a', 'b' and 1 more", 'none')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(map(repr, names[:most])) or "none") + more


def shortened(value: object, length: int = 60) -> str:
    """What came, for a message: its repr in one line, or the start of it, or its type where it has none.

    >>> shortened(10**5000), shortened("1" * 100, 10)
    ('a number of type int, too long to print', "'111111111…")
    """
    try:
        text = " ".join(line.strip() for line in repr(value).splitlines())
    except ValueError:  # an integer of more digits than Python prints
        return f"a number of type {type(value).__name__}, too long to print"
    except RecursionError:
        return f"a {type(value).__name__}, too deep to print"
    except Exception:  # noqa: BLE001  (a repr of the caller's)
        return f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= length else f"{text[:length]}…"


def warn(message: str) -> None:
    """A warning that names the line by which polyest was called, be it through a framework."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] in BETWEEN:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
