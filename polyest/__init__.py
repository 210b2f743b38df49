"""Low-bias rewards for diversity and consistency training from the answers of a group of completions.

>>> import polyest
>>> polyest.load("log", group_size=4, method="harmonic").rewards([3, 3, 3, 8]).round(3).tolist()
[-0.333, -0.333, -0.333, -1.833]

From a question to a number:

- `problems` ask: a target, a group size, a method, a budget; `numbers` and `polynomials` are what all count with;
- `closed_forms` and `offline` answer with a table, `certify` proves what it is worth, `storage` keeps it;
- `loading` finds it for `estimator`, groups of one size, and `ragged`, groups of any; `arrays` reads what is given,
  and `online` looks it up;
- with the same tables, `success` is for success rates, `graded` for rewards that are numbers, `history` for prompts
  that come back, and `uncertainty` says how far values may be off;
- `adapters` hand numbers on to frameworks, with `identity`: answers as integers that all processes agree on;
- `rollouts` scores and measures logs, `report` is a page on one; `plot` draws tables, `notebook` shows them;
- `games` is what bias and noise do to the policy in the end;
- `command` starts the command line, `cli` has its verbs; all raise what is in `errors`.
"""

from __future__ import annotations

import sys
from itertools import pairwise

if sys.argv[:1] == ["-m"] and ("-m", "polyest") in pairwise(sys.orig_argv) and not sys.flags.safe_path:
    del sys.path[0]  # `python -m polyest` has just begun: nothing is to be imported from the current folder

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from polyest.errors import PolyestError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from polyest import games, graded, history, plot, success
    from polyest.estimator import Estimator, load
    from polyest.problems.custom import custom
    from polyest.ragged import advantages, rewards, value, value_with_error
    from polyest.storage.listing import methods, tables, targets
    from polyest.uncertainty import summary

__all__ = [
    "Estimator",
    "PolyestError",
    "advantages",
    "custom",
    "games",
    "graded",
    "history",
    "load",
    "methods",
    "plot",
    "rewards",
    "success",
    "summary",
    "tables",
    "targets",
    "value",
    "value_with_error",
]
__version__ = "0.1.0"

_HOMES = {
    "Estimator": "estimator",
    "custom": "problems.custom",
    "load": "estimator",
    "methods": "storage.listing",
    "tables": "storage.listing",
    "targets": "storage.listing",
    "advantages": "ragged",
    "rewards": "ragged",
    "summary": "uncertainty",
    "value": "ragged",
    "value_with_error": "ragged",
}
_MODULES = ("games", "graded", "history", "plot", "success")
_RENAMED = {"values": "value"}


class _Package(ModuleType):
    """Is pickled by reference, as functions that use the module need it; cloudpickle knows plain modules only."""

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"polyest.{name}")
    if name not in _HOMES:
        known = _RENAMED.get(name)
        hint = f"; it is called 'polyest.{known}'" if known else nearest(name, __all__)
        raise AttributeError(f"module 'polyest' has no attribute {name!r}{hint}")
    value = getattr(import_module(f"polyest.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
