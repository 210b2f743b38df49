"""Which engine scores a batch: the numpy twin while the batch is small, numba when loading it pays."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from polyest.online import twin

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COLD_WORK", "WARM_WORK", "choose", "work"]

# The twin needs about 2 ns for each unit of work, numba 0.4 s to load its machine code (2 s more, once, to make it).
# A batch of 2^24 units costs the twin as much as a quarter of that; one of 2^13 as much as a call of numba.
COLD_WORK = 1 << 24
WARM_WORK = 1 << 13


def choose(units: int) -> ModuleType:
    """`twin` below `COLD_WORK` units of work, or, once numba is loaded, below `WARM_WORK`; `fast` from there on."""
    loaded = "polyest.online.kernels" in sys.modules
    if units < (WARM_WORK if loaded else COLD_WORK):
        return twin
    from polyest.online import fast

    return fast


def work(sizes: NDArray[Any]) -> int:
    """Units of work for groups of these sizes: comparisons, and 8 per completion for the rest."""
    return int(sizes @ (sizes + 8))
