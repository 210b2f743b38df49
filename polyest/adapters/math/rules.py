"""The key of a mathematical answer in LaTeX, by a rule for each kind (see `polyest.adapters.math.keys`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from math import gcd
from types import ModuleType
from typing import TYPE_CHECKING

from polyest.adapters.math.text import (
    CLOSE,
    OPEN,
    clean,
    decimals,
    is_readable,
    products,
    sides,
    spaceless,
    split,
    unwrapped,
    words,
)
from polyest.errors import MissingDependencyError

if TYPE_CHECKING:
    from sympy import Basic, Expr, MatrixBase

__all__ = ["key_of_answer", "packages"]

SYMBOL = r"(?:[a-zA-Z]|\\[a-z]+)(?:_\w|_\{\w+\})?"
RELATION = r"<|>|\\le(?![a-z]) ?|\\ge(?![a-z]) ?|\\ne(?![a-z]) ?"
EQUALS = r"(?<![<>])="
ANGLE = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)")
MONEY = r"(?:\\\$|[€£¥])"
MEASURE = r"(?:\\?%| ?\^\\circ| ?\\text)"
DEGREES = r"\^\\circ ?(?:\\text\{ ?[CF] ?\}|[CF])?"
FLIPPED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", r"\ne": r"\ne"}
SHORT = {"no", "up", "on", "in", "ok", "am", "pm"}  # words, where other two letters are a product
AND = r",? ?\\text\{ ?(?:and|or) ?\} ?|(?:,| )(?:and|or) |,|;"


def packages() -> tuple[ModuleType, ModuleType, ModuleType]:
    """math-verify's parser, that of LaTeX, and sympy.

    Raises:
        MissingDependencyError: math-verify is not installed.
    """
    try:
        import sympy
        from latex2sympy2_extended import latex2sympy2  # type: ignore[import-untyped]
        from math_verify import parser
    except ImportError as error:
        raise MissingDependencyError.for_extra("math-verify", "math", 'extract="math-verify"') from error
    return parser, latex2sympy2, sympy


@lru_cache(maxsize=65536)
def key_of_answer(answer: str) -> str:
    """The key of an answer in LaTeX which is remembered.

    >>> key_of_answer(r"\\text{Yes}"), key_of_answer("12:00"), key_of_answer("0.50")
    ('yes', '12:00', '1/2')
    """
    return _key(clean(answer))


def _key(text: str) -> str:
    """The key of cleaned LaTeX: of the first rule that applies, else the text."""
    for rule in RULES:
        try:
            key: str | None = rule(text)
        except Exception:  # noqa: BLE001  (no value: unknown to sympy, too many digits, too deep, …)
            key = None
        if key is not None:
            return key
    return spaceless(text)


def _time(text: str) -> str | None:
    plain = re.sub(r"\\text\{|\}|[ .]", "", text).lower()
    match = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?([ap]m)?", plain)
    if match is None or int(match[1]) > 24 or int(match[2]) > 59:
        return None
    hour, half = int(match[1]), match[4]
    if half and 1 <= hour <= 12:
        hour, half = hour % 12 + 12 * (half == "pm"), "" if half == "pm" and hour < 12 else half
    seconds = f":{match[3]}" if match[3] else ""
    return f"{hour}:{match[2]}{seconds}{' am' if half == 'am' else ' pm' if half and hour == 12 else ''}"


def _date(text: str) -> str | None:
    return text if re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}", text) else None


def _integer(text: str) -> str | None:
    """Integers with separators of thousands, and in other bases."""
    number = r"\d{1,3}(?:(?:,\d{3})+|(?: \d{3})+)(?:\.\d+)?"
    separated = re.fullmatch(rf"([+-]?{MONEY}?)({number})({MEASURE}.*)?", text)
    if separated and "," not in (separated[3] or ""):
        return _key(separated[1] + re.sub("[, ]", "", separated[2]) + (separated[3] or ""))
    based = re.fullmatch(r"([+-]?\d+)_\{?(\d+)\}?", text)
    return None if based is None else str(int(based[1], int(based[2])))


def _list(text: str) -> str | None:
    parts, joins = sides(text, AND)
    if len(parts) < 2 or not _are_elements(parts):
        return None
    kinds = {"or" if "or" in join else "and" for join in joins if join.strip() not in (",", ";")} or {"and"}
    named = [named for part in parts if (named := _assignment(part))]
    if named and len(named) < len(parts):
        return None  # x, y = 1, 2
    keys = [_key(part) for part in parts]
    if len({name for name, _ in named}) > 1:
        keys = [f"{name} = {_key(value)}" for name, value in named]
    elif not re.search(RELATION, text):
        return "{" + ", ".join(sorted(keys)) + "}"
    return None if len(kinds) > 1 else f" {kinds.pop()} ".join(sorted(set(keys)))


def _are_elements(parts: list[str]) -> bool:
    """Whether parts between commas are elements, and not the thousands of a number or the beginning of a sequence."""
    return all(part and not re.fullmatch(r"0\d+|.*\\[lc]?dots(?![a-z]).*", part) for part in parts)


def _words(text: str) -> str | None:
    letter = re.fullmatch(r"\(?(?:\\text\{ ?\(?)?([a-zA-Z])\)?(?: ?\})?\)?[.:]?", text)
    if letter:
        return letter[1]
    is_product = re.fullmatch("[a-z]{2}|[xyz]+", text) and text not in SHORT
    if not is_product and re.fullmatch(r"[a-zA-Z]{2,}(?: [a-zA-Z]+|-[a-zA-Z]{2,}|,? \d+)*", text):
        return _key(r"\infty") if text.lower() == "infinity" else words(text)
    inner = unwrapped(text, r"\text{", "}")
    if inner is None or re.search(r"[\\{}$]", inner):
        return None
    return _words(inner.rstrip(". ")) or words(inner.rstrip(".")) if re.search("[a-zA-Z]", inner) else _key(inner)


def _measured(text: str) -> str | None:
    """A value with a percent sign, a sign of currency or degrees, or a unit in words."""
    if percent := re.fullmatch(r"(.*[^\\])\\?%", text):
        return _key(rf"\frac{{{percent[1].strip()}}}{{100}}")
    if money := re.fullmatch(rf"([+-]?) ?({MONEY})(.+)", text):
        return f"{_key(money[1] + money[3].strip())} {money[2].lstrip(chr(92))}"
    unit = re.fullmatch(rf"(.*[\w)}}!]) ?({DEGREES}|\\text\{{[^{{}}]*\}}(?:\^\{{?\d\}}?)?)", text)
    if unit is None or (ANGLE.search(unit[1]) and "circ" in unit[2]):
        return None
    if re.search(r"\\(?:sqrt|frac|cdot|div|pm)$", unit[1]) or re.search(r"\\text\{ ?(?:and|or|if|for) ", unit[2]):
        return None
    name = words(re.sub(r"\\text\{|[{}]", "", unit[2]).replace(r"^\circ", "degree ").strip(" ."), shortest=4)
    return f"{_key(unit[1])} {'degree' if name == 'degrees' else name}"


def _ratio(text: str) -> str | None:
    parts = split(text, ":")
    if len(parts) < 2:
        return None
    values = [_value(part) for part in parts]
    if all(value.is_Integer for value in values) and any(values):
        divisor = gcd(*map(int, values))
        values = [value / divisor for value in values]
    return ":".join(map(_written, values))


def _brackets(text: str) -> str | None:
    if (union := split(text, r"\\cup(?![a-z]) ?")) and len(union) > 1:
        return " U ".join(sorted({_key(part) for part in union}))
    if text == r"\emptyset":
        return "{}"
    inner = unwrapped(text, r"\{", r"\}")
    if inner is not None:
        parts = split(inner, "[,;]") if inner else []
        if "|" in inner or not _are_elements(parts):
            return None
        return "{" + ", ".join(sorted({_key(part) for part in parts})) + "}"
    if text[:1] not in OPEN or text[-1:] not in CLOSE:
        return None
    parts = split(text[1:-1], "[,;]")
    if len(parts) < 2 or unwrapped(text, text[0], text[-1]) is None or not _are_elements(parts):
        return None
    return f"{text[0]}{', '.join(map(_key, parts))}{text[-1]}"


def _equation(text: str) -> str | None:
    parts = split(text, EQUALS + r"|\\in(?![a-z]) ?")
    if len(parts) < 2 or not all(parts):
        return None
    if len(parts) == 2 and (named := _assignment(text)):
        return _key(named[1])
    names = split(unwrapped(parts[0], "(", ")") or "", ",")
    values = split(unwrapped(parts[1], "(", ")") or "", ",")
    if len(parts) == 2 and len(names) == len(values) > 1 and all(re.fullmatch(SYMBOL, name) for name in names):
        return _key(",".join(f"{name}={value}" for name, value in zip(names, values, strict=True)))
    keys = {_key(part) for part in parts[len(parts) > 2 and bool(re.fullmatch(SYMBOL, parts[0])) :]}
    if len(keys) == 1:
        return keys.pop()
    if len(parts) > 2 or r"\in" in text:
        return None
    left, right = map(_value, parts)
    if not (left - right).free_symbols:
        return None  # a false one
    return f"{_written(_monic(left - right)[0])} = 0"


def _assignment(text: str) -> tuple[str, str] | None:
    """A symbol, and what it is equal to or in."""
    parts = split(text, EQUALS + r"|\\in(?![a-z]) ?")
    if len(parts) == 2:
        for name, value in (parts, parts[::-1]):
            if re.fullmatch(SYMBOL, name) and value and not re.fullmatch(SYMBOL, value) and not _occurs(name, value):
                return name, value
    return None


def _occurs(name: str, value: str) -> bool:
    bare = value if name.startswith("\\") else re.sub(r"\\[a-z]+", " ", value)
    return name in bare


def _inequality(text: str) -> str | None:
    parts, signs = sides(text, RELATION)
    if not signs:
        return None
    values = [*map(_value, parts)]
    links = [_link(left, sign.strip(), right) for (left, right), sign in zip(pairwise(values), signs, strict=True)]
    return " and ".join(sorted(set(links)))


def _link(left: Expr, sign: str, right: Expr) -> str:
    if not (left - right).free_symbols:
        raise ValueError("a statement without a variable")
    value, is_positive = _monic(left - right)
    if is_positive is None:
        value, is_positive = _normal(left - right), True
    return f"{_written(value)} {sign if is_positive else FLIPPED[sign]} 0"


def _signs(text: str) -> str | None:
    """The two values that one ± stands for."""
    if text.count(r"\pm") != 1:
        return None
    return "{" + ", ".join(sorted(_key(re.sub(r"\\pm ?", sign, text)) for sign in "+-")) + "}"


def _matrix_or_value(text: str) -> str | None:
    value = _parsed(text)
    _, _, sympy = packages()
    if isinstance(value, sympy.MatrixBase):
        rows = [", ".join(_written(_normal(entry)) for entry in value.row(i)) for i in range(value.rows)]
        return f"Matrix([[{'], ['.join(rows)}]])"
    return _written(_normal(value))


def _value(text: str) -> Expr:
    return _normal(_parsed(text))


def _parsed(text: str) -> Basic | MatrixBase:
    """What the parser of LaTeX makes of a text; ValueError if it may have dropped some of it."""
    _, latex, sympy = packages()
    exact = decimals(text.replace(r"^\circ", r"\cdot\frac{\pi}{180}") if ANGLE.search(text) else text)
    if not is_readable(exact):
        raise ValueError("not known to be read")
    config = latex.ConversionConfig(interpret_as_mixed_fractions=False, lowercase_symbols=False)
    try:
        value = latex.latex2sympy(products(exact), is_real=True, normalization_config=None, conversion_config=config)
    except Exception as error:  # the parser raises Exception itself
        raise ValueError(f"not read: {error}") from error
    if isinstance(value, sympy.Basic) and not re.search(r"(?<![a-zA-Z\\])[jk](?![a-zA-Z])", text):
        return value.xreplace({symbol: sympy.I for symbol in value.free_symbols if symbol.name == "i"})
    return value


def _normal(value: Basic) -> Expr:
    from polyest.adapters.math.values import normal

    return normal(value)


def _monic(value: Basic) -> tuple[Expr, bool | None]:
    from polyest.adapters.math.values import monic

    return monic(_normal(value))


def _written(value: Expr) -> str:
    from polyest.adapters.math.values import written

    return written(value)


RULES: tuple[Callable[[str], str | None], ...] = (
    _time, _date, _integer, _words, _list, _equation, _inequality, _measured, _ratio, _brackets, _signs,
    _matrix_or_value,
)  # fmt: skip
