"""What a compiler takes for a constant; apart, as torch's mark for that takes two seconds to import."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

__all__ = ["constant"]

Made = TypeVar("Made")


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def constant(module: torch.nn.Module, method: Callable[..., Made], *arguments: str) -> Made:
    """What the method of the module makes."""
    return method(module, *arguments)
