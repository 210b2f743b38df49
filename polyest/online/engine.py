"""Which engine scores a batch: the numpy twin while the batch is small, numba when loading it pays."""

from __future__ import annotations

import sys
import warnings
from functools import lru_cache
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
    return twin if work < (WARM_WORK if loaded else COLD_WORK) else _fast()


@lru_cache(maxsize=1)
def _fast() -> ModuleType:
    """`fast`, or `twin` where numba is absent or broken, with a warning that is given once."""
    try:
        from polyest.online import fast
    except Exception as error:  # noqa: BLE001  (with a numpy that it does not know, numba raises almost anything)
        message = f"numba cannot be loaded ({type(error).__name__}: {error}); large batches are scored by numpy, with "
        message += "the same results, but more slowly; run: pip install 'numba>=0.60'"
        warnings.warn(message, stacklevel=2)
        return twin
    return fast
