"""Reading JSON strictly: every error names the file and the path to the field."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import TypeVar

from polyest.errors import TableFileError

__all__ = ["Reader"]

DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE]([+-]?\d{1,4}))?", re.ASCII)
LONGEST = 1000  # characters of a decimal
FARTHEST = 100  # exponent of ten of a budget or a kappa
LARGEST = 10**9  # whole number

T = TypeVar("T")


class Reader:
    """One JSON object that remembers which of its fields have been read."""

    def __init__(self, content: dict[str, object], source: str, path: str = "") -> None:
        self._content, self._source, self._path = content, source, path
        self._read: set[str] = set()

    @classmethod
    def parse(cls, text: str, source: str) -> Reader:
        """The outermost object of a JSON text."""
        try:
            content = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise TableFileError(f"{source}: must be a polyest table in JSON; got {error}; solve it again") from None
        if not isinstance(content, dict):
            raise TableFileError(f"{source}: must be a JSON object; got {type(content).__name__}; solve it again")
        return cls(content, source)

    def __contains__(self, name: str) -> bool:
        return name in self._content

    def error(self, name: str, required: str, came: str) -> TableFileError:
        """The error for the field `name`."""
        field = ascii(f"{self._path}{name}")[1:-1]
        return TableFileError(f"{self._source}: field `{field:.80}` {required}; got {came:.160}")

    def close(self) -> None:
        """Refuse fields that nobody has read."""
        for name in self._content:
            if name not in self._read:
                raise self.error(name, "is unknown to this version of polyest and must be absent", "it")

    def string(self, name: str) -> str:
        return self._typed(name, str, "a string")

    def strings(self) -> dict[str, str]:
        return {name: self.string(name) for name in self._content}

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        value = self.string(name)
        if value not in allowed:
            raise self.error(name, f"must be one of {', '.join(allowed)}", ascii(value)[:40])
        return value

    def only_key(self, allowed: Sequence[str]) -> str:
        if len(self._content) != 1 or next(iter(self._content)) not in allowed:
            raise self.error("", f"must hold exactly one of {', '.join(allowed)}", ascii(list(self._content)))
        return next(iter(self._content))

    def integer(self, name: str) -> int:
        value = self._typed(name, int, "a whole number")
        if isinstance(value, bool) or abs(value) > LARGEST:
            raise self.error(name, f"must be a whole number, at most {LARGEST}", ascii(value)[:40])
        return value

    def decimal(self, name: str) -> Fraction:
        text = self._decimal_text(name, self.string(name))
        exponent = DECIMAL.fullmatch(text)[4]  # type: ignore[index]
        if abs(int(exponent or 0)) > FARTHEST:
            raise self.error(name, f"must have an exponent of at most {FARTHEST}", ascii(text)[:40])
        return Fraction(text)

    def interval(self, name: str) -> tuple[str, str]:
        ends = self._typed(name, list, "a list of two decimal strings")
        if len(ends) != 2 or not all(isinstance(end, str) for end in ends):
            raise self.error(name, "must be a list of two decimal strings", ascii(ends)[:80])
        if tuple(ends) in (("Infinity", "Infinity"), ("0", "Infinity")):
            return ends[0], ends[1]
        lower, upper = (Fraction(self._decimal_text(name, end)) for end in ends)
        if lower > upper:
            raise self.error(name, "must have lower ≤ upper", f"{ends[0]:.40} > {ends[1]:.40}")
        return ends[0], ends[1]

    def floats(self, name: str) -> tuple[float, ...]:
        values = self._typed(name, list, "a list of numbers")
        for i, value in enumerate(values):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
                raise self.error(f"{name}[{i}]", "must be a finite number", ascii(value)[:40])
        return tuple(float(value) for value in values)

    def mapping(self, name: str) -> Reader:
        return Reader(self._typed(name, dict, "an object"), self._source, f"{self._path}{name}.")

    def optional_mapping(self, name: str) -> Reader | None:
        return self.mapping(name) if name in self._content else None

    def _typed(self, name: str, kind: type[T], description: str) -> T:
        if name not in self._content:
            raise self.error(name, f"is required and must be {description}", "no such field")
        self._read.add(name)
        value = self._content[name]
        if not isinstance(value, kind):
            raise self.error(name, f"must be {description}", ascii(value)[:40])
        return value

    def _decimal_text(self, name: str, text: str) -> str:
        if len(text) > LONGEST or not DECIMAL.fullmatch(text):
            raise self.error(name, f"must be a finite decimal of at most {LONGEST} characters", ascii(text)[:40])
        return text


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a field given twice")
    return content


def _no_constant(name: str) -> float:
    raise ValueError(f"the number {name}, which is not finite")
