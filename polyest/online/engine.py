"""Which engine scores a batch: the numpy twin while the batch is small, numba when it pays to load it."""

from __future__ import annotations

import sys
from types import ModuleType

from polyest.online import twin

__all__ = ["COLD_WORK", "WARM_WORK", "choose"]

COLD_WORK = 1 << 23
WARM_WORK = 1 << 12


def choose(completions: int, group_size: int) -> ModuleType:
    """`fast` once the twin would make more comparisons than loading numba, or calling it when loaded, is worth."""
    work = completions * min(group_size, 64)
    loaded = "polyest.online.kernels" in sys.modules
    if work < (WARM_WORK if loaded else COLD_WORK):
        return twin
    from polyest.online import fast

    return fast
