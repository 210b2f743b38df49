"""Low-bias rewards for diversity and consistency training from the answers of a group of completions.

>>> import polyest
>>> polyest.load("log", group_size=4, method="harmonic").rewards([3, 3, 3, 8]).round(3).tolist()
[-0.333, -0.333, -0.333, -1.833]
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as _numpy  # noqa: F401  (the one heavy import; the others wait until they are needed)

from polyest.errors import PolyestError

if TYPE_CHECKING:
    from polyest.custom import custom
    from polyest.estimator import Estimator, load
    from polyest.listing import methods, tables, targets
    from polyest.ragged import advantages, rewards, value_with_error, values
    from polyest.uncertainty import summary

__all__ = [
    "Estimator",
    "PolyestError",
    "advantages",
    "custom",
    "load",
    "methods",
    "rewards",
    "summary",
    "tables",
    "targets",
    "value_with_error",
    "values",
]
__version__ = "0.1.0"

_HOMES = {
    "Estimator": "estimator",
    "custom": "custom",
    "load": "estimator",
    "methods": "listing",
    "tables": "listing",
    "targets": "listing",
    "advantages": "ragged",
    "rewards": "ragged",
    "summary": "uncertainty",
    "value_with_error": "ragged",
    "values": "ragged",
}


class _Package(ModuleType):
    """Keeps `polyest.targets` and `polyest.methods` functions when the modules of these names are loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'polyest' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"polyest.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
