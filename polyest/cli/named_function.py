"""`MODULE:FUNCTION` on the command line: a target of your own, imported because you typed its name."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType

from polyest.errors import ArgumentError
from polyest.problems.custom import Function, custom
from polyest.problems.targets import Target, get_target

__all__ = ["Own", "add_growth_option", "chosen_target", "named_function", "own"]


def add_growth_option(parser: argparse.ArgumentParser) -> None:
    """The bound that a function of one's own comes with."""
    text = "with TARGET = MODULE:FUNCTION: |r(p)| < C·p^(−ALPHA) on (0, 1]"
    parser.add_argument("--growth", metavar="C,ALPHA", help=text)


@dataclass(frozen=True)
class Own:
    """`MODULE:NAME` as typed, to be imported in this process or in a worker.

    An installed module comes first; else MODULE is the file MODULE.py of the current folder, or the package MODULE/,
    where MODULE may be PACKAGE.MODULE. Nothing else is imported from there, whatever it is called: not by that module,
    and by nobody else either.

    Attributes:
        text: MODULE:NAME.
        folder: where the module's file is: the current folder of the process that was asked.
        path: where installed modules are searched, besides: the path of that process.
    """

    text: str
    folder: Path = field(default_factory=Path.cwd)
    path: tuple[str, ...] = field(default_factory=lambda: tuple(filter(_is_elsewhere, sys.path)))

    def load(self) -> Function | Target:
        """The function r(p, ctx), or the target made of one.

        Raises:
            ArgumentError: it cannot be imported, or is something else.
        """
        found = self.find("a function r(p, ctx)")
        if isinstance(found, (FunctionType, Target)):
            return found
        raise ArgumentError(
            f"`{self.text}` must be a function r(p, ctx), or a target made by polyest.custom; got {found!r:.80}"
        )

    def find(self, what: str) -> object:
        """Whatever has that name.

        Raises:
            ArgumentError: it cannot be imported.
        """
        sys.path.extend(folder for folder in self.path if folder not in sys.path)
        module, _, name = self.text.partition(":")
        try:
            _provide(module.partition(".")[0], self.folder)
            return getattr(importlib.import_module(module), name)
        except Exception as error:
            raise ArgumentError(
                f"`{self.text}` must be MODULE:FUNCTION, {what} in an installed module (these come "
                f"first), or in a file or package of {self.folder}, from which nothing else is imported; got "
                f"{type(error).__name__}: {error}"
            ) from error


def _is_elsewhere(folder: str) -> bool:
    return Path(folder).resolve() != Path.cwd()


def _provide(name: str, folder: Path) -> None:
    """Import a module or package of a folder that is not installed, the folder itself being no place for modules."""
    if name in sys.modules or find_spec(name):
        return
    files = [folder / name / "__init__.py", folder / f"{name}.py"]
    found = next((file for file in files if file.is_file()), None)
    spec = spec_from_file_location(name, found) if found else None
    if spec and spec.loader:
        sys.modules[name] = module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise


def own(text: str) -> Own | None:
    """What is to be imported for a target as typed; None for those of the library."""
    return Own(text) if ":" in text else None


def named_function(own: Own, option: str, what: str = "a function from text to answer") -> Callable[[str], Hashable]:
    """A function for an option.

    Raises:
        ArgumentError: it cannot be imported, or cannot be called.
    """
    found = own.find(what)
    if not callable(found):
        raise ArgumentError(f"`{option}` {own.text} must be {what}; got {found!r:.80}")
    function: Callable[[str], Hashable] = found
    return function


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
