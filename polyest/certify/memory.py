"""Remembering what was proved of a target: by its name and by its formula, as targets of one name count as equal."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import TypeVar, cast

from polyest.problems.targets import Target

__all__ = ["remembered"]

F = TypeVar("F", bound=Callable[..., object])


def remembered(maxsize: int) -> Callable[[F], F]:
    """`functools.lru_cache` for functions of a target."""

    def decorate(function: F) -> F:
        @lru_cache(maxsize)
        def cached(target: Target, _formula: Hashable, *args: Hashable) -> object:
            return function(target, *args)

        @wraps(function)
        def remembering(target: Target, *args: Hashable) -> object:
            return cached(target, cast("Hashable", target.formula), *args)

        return cast("F", remembering)

    return decorate
