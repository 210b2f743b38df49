"""Which engine scores a batch: the numpy twin while the batch is small, numba when loading it pays."""

from __future__ import annotations

import sys
from types import ModuleType

from polyest.online import twin

__all__ = ["COLD_WORK", "LOOKUP_WORK", "ROW_WORK", "WARM_WORK", "choose"]

# The twin needs about 2 ns for a unit of work, numba at least 0.4 s to load its machine code (2 to 7 s, once, to
# make it). A batch of 2^24 units costs the twin at most a tenth of that; one of 2^13 as much as a call of numba.
COLD_WORK = 1 << 24
WARM_WORK = 1 << 13
LOOKUP_WORK = 8  # of a completion, besides comparing it with the others; of a group, to look at its size
ROW_WORK = 24  # of a row to be arranged, and of an answer to be read: the same, so that numba is loaded for both


def choose(work: int) -> ModuleType:
    """`twin` below `COLD_WORK` units of work, or, once numba is loaded, below `WARM_WORK`; `fast` from there on."""
    loaded = "polyest.online.kernels" in sys.modules
    if work < (WARM_WORK if loaded else COLD_WORK):
        return twin
    from polyest.online import fast

    return fast
