"""Answers in texts, strictly: what is not marked as the answer is none, and never the whole text is one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from polyest.errors import ArgumentError

__all__ = ["RULES", "Rule", "boxed", "hash4", "json_path", "last_number", "pattern"]

Rule = Callable[[str], "str | None"]

NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|[-+]?\.\d+")
TAIL = 4096  # characters at the end in which the last number is looked for first
OPENING = r"\boxed"


def boxed(text: str) -> str | None:
    r"""What stands in the last ``\boxed{…}``, braces balanced.

    >>> boxed(r"so \boxed{1} or rather \boxed{\frac{1}{2}}."), boxed(r"\boxed{1"), boxed("1")
    ('\\frac{1}{2}', None, None)
    """
    start = text.rfind(OPENING)
    while start >= 0:
        content = _braced(text, start + len(OPENING))
        if content is not None:
            return content.strip() or None
        start = text.rfind(OPENING, 0, start)
    return None


def _braced(text: str, start: int) -> str | None:
    rest = text[start:].lstrip()
    if not rest.startswith("{"):
        return None
    depth, is_escaped = 0, False
    for i, character in enumerate(rest):
        if character in "{}" and not is_escaped:
            depth += 1 if character == "{" else -1
            if not depth:
                return rest[1:i]
        is_escaped = character == "\\" and not is_escaped
    return None


def hash4(text: str) -> str | None:
    """What stands behind the last ``####`` on its line, numbers without separators of thousands.

    >>> hash4("2 + 2 = 4\\n#### 4"), hash4("#### 1,234"), hash4("4")
    ('4', '1234', None)
    """
    _, mark, tail = text.rpartition("####")
    answer = tail.partition("\n")[0].strip() if mark else ""
    return _plain(answer) if answer else None


def last_number(text: str) -> str | None:
    """The last number, without separators of thousands and a trailing ``.0``.

    >>> last_number("between 3 and 1,200.50."), last_number("x = -7."), last_number("none")
    ('1200.5', '-7', None)
    """
    found = NUMBER.findall(text, max(len(text) - TAIL, 0)) or NUMBER.findall(text)
    return _plain(found[-1]) if found else None


def _plain(number: str) -> str:
    if not NUMBER.fullmatch(number):
        return number
    plain = number.replace(",", "").removeprefix("+")
    return plain.rstrip("0").rstrip(".") if "." in plain and "e" not in plain.lower() else plain


def pattern(expression: str) -> Rule:
    """The last match of a regular expression: its first group that took part, else all of it.

    Raises:
        ArgumentError: it is no regular expression.

    >>> pattern(r"answer is (\\w+)")("the answer is b. The answer is c!")
    'c'
    """
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise ArgumentError(f"`--extract` regex:… must be a regular expression; got {expression!r}: {error}") from None

    def last(text: str) -> str | None:
        found = None
        for found in compiled.finditer(text):  # noqa: B007
            pass
        if found is None:
            return None
        taken = next((group for group in found.groups() if group is not None), None) if found.re.groups else found[0]
        return taken.strip() or None if taken is not None else None

    return last


def json_path(path: str) -> Rule:
    """What lies under the keys ``a.b.0`` of the text's last JSON object; strings as they are, the rest as JSON.

    >>> json_path("final.x")('Sure: {"final": {"x": 3}}'), json_path("y")("no object")
    ('3', None)
    """
    keys = path.split(".")

    def reach(text: str) -> str | None:
        value = _last_object(text)
        for key in keys:
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            else:
                return None
        return value if value is None or isinstance(value, str) else json.dumps(value, sort_keys=True)

    return reach


def _last_object(text: str) -> object:
    """The last object of a text that is not part of another one."""
    decoder, start, found = json.JSONDecoder(), text.find("{"), None
    while start >= 0:
        try:
            found, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        start = text.find("{", end)
    return found


RULES: dict[str, Rule] = {"boxed": boxed, "hash4": hash4, "last-number": last_number}
