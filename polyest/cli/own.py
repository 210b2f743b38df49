"""`MODULE:FUNCTION` on the command line: a target of your own, imported because you typed its name."""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType

from polyest.custom import Function, custom
from polyest.errors import ArgumentError
from polyest.targets import Target, get_target

__all__ = ["Own", "add_growth_option", "chosen_target", "own"]


def add_growth_option(parser: argparse.ArgumentParser) -> None:
    """The bound that a function of one's own comes with."""
    text = "with TARGET = MODULE:FUNCTION: |r(p)| < C·p^(−ALPHA) on (0, 1]"
    parser.add_argument("--growth", metavar="C,ALPHA", help=text)


@dataclass(frozen=True)
class Own:
    """`MODULE:NAME` as typed, to be imported in this process or in a worker.

    Attributes:
        text: MODULE:NAME.
        path: where modules are searched: the current folder, then the path of the process that was asked.
    """

    text: str
    path: tuple[str, ...] = field(default_factory=lambda: (str(Path.cwd()), *sys.path))

    def load(self) -> Function | Target:
        """The function, or the target made of one.

        Raises:
            ArgumentError: it cannot be imported, or is something else.
        """
        sys.path[:0] = [folder for folder in self.path if folder not in sys.path]
        module, _, name = self.text.partition(":")
        try:
            found = getattr(importlib.import_module(module), name)
        except Exception as error:
            raise ArgumentError(
                f"`{self.text}` must be MODULE:FUNCTION, a function r(p, ctx) in a module that can be imported from "
                f"{self.path[0]}; got {type(error).__name__}: {error}"
            ) from error
        if isinstance(found, (FunctionType, Target)):
            return found
        raise ArgumentError(
            f"`{self.text}` must be a function r(p, ctx), or a target made by polyest.custom; got {found!r:.80}"
        )


def own(text: str) -> Own | None:
    """What is to be imported for a target as typed; None for those of the library."""
    return Own(text) if ":" in text else None


def chosen_target(target: str | Own, growth: str | None) -> Target:
    """The target that the command line names, known from now on in this process.

    Raises:
        ArgumentError: no such target, module or function, or the function makes no target.
    """
    chosen = own(target) if isinstance(target, str) else target
    given = get_target(str(target)) if chosen is None else chosen.load()
    if isinstance(given, Target):
        if growth is not None:
            raise ArgumentError(
                "`--growth` belongs to a function MODULE:FUNCTION; this target needs none; leave it out"
            )
        return get_target(given)
    return custom(given, None if growth is None else tuple(growth.split(",")))
