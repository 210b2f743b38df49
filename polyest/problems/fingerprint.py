"""A short text that changes when a function's source changes, or the source of a function that it calls."""

from __future__ import annotations

import dis
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from types import CodeType, FunctionType, ModuleType

from polyest.errors import ArgumentError

__all__ = ["fingerprint"]

CONSTANTS = (int, float, str, Fraction, Decimal, type(None))
DIGITS = 12


def fingerprint(function: FunctionType, *parameters: object) -> str:
    """Twelve hexadecimal digits of a sha256.

    It covers the source text of the function, its defaults, the numbers and strings that it takes from outside, and, in
    the same way, every function that it calls; the standard library enters by name. Nothing else may be used: what is
    computed by an object whose source is unknown could change without notice.

    Args:
        function: defined by ``def`` in a file.
        parameters: further things that the text has to change with.

    Raises:
        ArgumentError: the source cannot be had, or something outside cannot be covered.
    """
    texts: list[str] = [str(parameter) for parameter in parameters]
    _collect(function.__name__, function, texts, [])
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:DIGITS]


def _collect(name: str, value: object, texts: list[str], seen: list[FunctionType]) -> None:
    if _is_constant(value):
        texts.append(f"{name} = {value!r}")
    elif _is_standard(value):
        texts.append(f"{name} = {getattr(value, '__module__', '')} {getattr(value, '__name__', '')}")
    elif not isinstance(value, FunctionType):
        raise ArgumentError(
            f"`function` may take numbers, strings, functions defined in a file and the standard library from outside; "
            f"got {name} = {value!r:.80}, whose source polyest cannot follow; pass what it needs as numbers"
        )
    elif value in seen:
        texts.append(f"{name} = function {seen.index(value)}")
    else:
        seen.append(value)
        texts.append(f"{name} = {_source(value)}")
        for inner, content in _outside(value):
            _collect(inner, content, texts, seen)


def _is_constant(value: object) -> bool:
    return isinstance(value, CONSTANTS) or (isinstance(value, tuple) and all(map(_is_constant, value)))


def _is_standard(value: object) -> bool:
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    known = isinstance(home, str) and home.partition(".")[0] in sys.stdlib_module_names - {"__main__"}
    return known and hasattr(value, "__name__")


def _source(function: FunctionType) -> str:
    try:
        text = inspect.getsource(function.__code__)
    except (OSError, TypeError):
        text = ""
    if function.__name__ == "<lambda>" or not text:
        raise ArgumentError(
            f"`function` must be defined by def in a file, so that its tables can be told apart by its source; got "
            f"{function.__qualname__}, whose source cannot be had; move it to a module"
        )
    return "\n".join(line.rstrip() for line in textwrap.dedent(text).splitlines())


def _outside(function: FunctionType) -> Iterator[tuple[str, object]]:
    """What a function takes from outside its own text, by name, in a fixed order."""
    for i, value in enumerate(function.__defaults__ or ()):
        yield f"default {i}", value
    yield from sorted((function.__kwdefaults__ or {}).items())
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents
    names = sorted(set(_global_names(function.__code__)))
    yield from ((name, function.__globals__[name]) for name in names if name in function.__globals__)


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME" and instruction.argval.partition(".")[0] not in sys.stdlib_module_names:
            raise ArgumentError(
                f"`function` must not import within itself; got import {instruction.argval} in {code.co_name}; import "
                "what it needs at the top of its module"
            )
        if "GLOBAL" in instruction.opname or instruction.opname == "LOAD_NAME":
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)
