"""An answer as the extra key ``pred`` of verl's dumps: a string, or None for no answer.

verl averages extra keys in validation, unless they are strings or None: it would make numbers of integers and fail on
objects. A string is itself; another answer is ``json:`` and its JSON of `polyest.rollouts.typed`, and so is a string
that starts so, or that UTF-8 cannot write. Equal answers are written alike, whatever their types, and unequal ones
differ.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from numbers import Real

from polyest.rollouts.typed import dump

__all__ = ["pred"]

TYPED = "json:"
LARGEST = 400  # the decimal exponent of what is written as a fraction


def pred(answer: object) -> str | None:
    """An answer as a string; None and NaN are None.

    >>> pred("7"), pred(7), pred(7.0), pred((1, "2"))
    ('7', 'json:7', 'json:7', 'json:{"tuple": [1, "2"]}')
    """
    if isinstance(answer, str) and not answer.startswith(TYPED) and _is_text(answer):
        return str(answer)
    written = None if answer != answer else dump(_simplest(answer))
    return None if written is None else TYPED + json.dumps(written)


def _is_text(answer: str) -> bool:
    return answer.encode("utf-8", "ignore").decode("utf-8") == answer


def _simplest(answer: object) -> object:
    """The same answer in the simplest type that has it: an integer, else a float, else a fraction."""
    if isinstance(answer, tuple):
        return tuple(map(_simplest, answer))
    if isinstance(answer, frozenset):
        return frozenset(map(_simplest, answer))
    if hasattr(answer, "item"):  # numpy's scalars
        answer = answer.item()
    if not (isinstance(answer, Real | Decimal) and hasattr(answer, "as_integer_ratio")):
        return answer
    if answer != answer or answer in (math.inf, -math.inf):
        return float(answer)
    if isinstance(answer, Decimal) and answer and abs(answer.adjusted()) >= LARGEST:
        return answer
    return _simplest_number(Fraction(*map(int, answer.as_integer_ratio())))


def _simplest_number(number: Fraction) -> int | float | Fraction:
    if number.denominator == 1:
        return number.numerator
    try:
        return float(number) if float(number) == number else number
    except OverflowError:
        return number
