"""Waiting for processes to be gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sized

__all__ = ["are_gone"]


def are_gone(those: Callable[[], Sized]) -> bool:
    """Whether none of them is left after a moment."""
    for _ in range(200):
        if not those():
            return True
        time.sleep(0.05)
    return False
