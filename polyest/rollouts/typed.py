"""Answers as JSON that keeps their type: what adapters dump and `polyest score` reads.

Null is "no answer"; strings, numbers, true and false stand for themselves. What JSON has no form for is an object with
one key that names its type, for example ``{"tuple": [1, 2]}``, which differs from the string ``"(1, 2)"``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from numbers import Integral
from typing import Any, SupportsInt

from polyest.errors import ArgumentError

__all__ = ["Written", "dump", "load"]

NAN = {"float": "nan"}
MOST_BITS = 12_000  # of an integer in decimal digits: Python refuses to write or read more than 4,300 of them


@dataclass(frozen=True)
class Written:
    """An answer of another class, of which a log has the representation only: equal where that is."""

    text: str


def dump(answer: Hashable) -> object:
    """The JSON value of an answer; None and NaN, no answer, are null.

    >>> from fractions import Fraction
    >>> dump(("7", 7, Fraction(3, 4)))
    {'tuple': ['7', 7, {'fraction': '3/4'}]}
    >>> print(dump(None))
    None
    """
    written = _dump(answer)
    return None if written == NAN else written


def _dump(answer: object) -> object:
    if answer is None or isinstance(answer, bool):
        return answer
    for kind, tag, write in KINDS:
        if isinstance(answer, kind):
            written = write(answer)
            return written if tag is None else {tag: written}
    plain = answer.item() if hasattr(answer, "item") else answer  # numpy's scalars
    return {"repr": repr(answer)} if type(plain) is type(answer) else _dump(plain)


def _dump_int(answer: SupportsInt) -> object:
    number = int(answer)
    return number if number.bit_length() <= MOST_BITS else {"int": hex(number)}


def _dump_float(answer: float) -> object:
    return float(answer) + 0.0 if math.isfinite(answer) else {"float": repr(float(answer))}


def _dump_decimal(answer: Decimal) -> object:
    return NAN if answer.is_nan() else {"decimal": str(answer)}


def _dump_fraction(answer: Fraction) -> str:
    terms = (answer.numerator, answer.denominator)
    return "/".join(str(n) if n.bit_length() <= MOST_BITS else hex(n) for n in terms)


KINDS: tuple[tuple[type, str | None, Callable[[Any], Any]], ...] = (
    (str, None, str.__str__),
    (Integral, None, _dump_int),
    (float, None, _dump_float),
    (tuple, "tuple", lambda answer: [_dump(part) for part in answer]),
    (frozenset, "frozenset", lambda answer: sorted((_dump(part) for part in answer), key=json.dumps)),
    (Fraction, "fraction", _dump_fraction),
    (Decimal, None, _dump_decimal),
    (bytes, "bytes", lambda answer: answer.hex()),
    (Written, "repr", lambda answer: answer.text),
)


def load(value: object) -> Hashable:
    """The answer of a JSON value. Fields of an object that are null count as absent: Arrow fills them in.

    Raises:
        ArgumentError: a list, an object that names no type, or one that does not hold what it names.

    >>> load({"tuple": [1, {"decimal": "1.50"}]})
    (1, Decimal('1.50'))
    """
    if not isinstance(value, list | dict):
        return value
    fields = [(tag, part) for tag, part in value.items() if part is not None] if isinstance(value, dict) else []
    if len(fields) != 1 or fields[0][0] not in READERS:
        known = ", ".join(READERS)
        raise ArgumentError(f"must be a string, a number, true, false, null or an object with one key of {known}")
    tag, part = fields[0]
    kind, read = READERS[tag]
    try:
        if isinstance(part, kind):
            return read(part)
    except (ValueError, ZeroDivisionError, InvalidOperation, OverflowError) as error:
        if isinstance(error, ArgumentError):
            raise
    raise ArgumentError(f"must hold {'a list' if kind is list else 'a string'} that is a {tag} under {tag!r}")


def _load_fraction(text: str) -> Fraction:
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator, 0), int(denominator, 0))


def _load_decimal(text: str) -> Decimal | float:
    number = Decimal(text)
    return math.nan if number.is_nan() else number


READERS: dict[str, tuple[type, Callable[[Any], Hashable]]] = {
    "tuple": (list, lambda parts: tuple(map(load, parts))),
    "frozenset": (list, lambda parts: frozenset(map(load, parts))),
    "fraction": (str, _load_fraction),
    "decimal": (str, _load_decimal),
    "bytes": (str, bytes.fromhex),
    "int": (str, lambda text: int(text, 0)),
    "float": (str, float),
    "repr": (str, Written),
}
