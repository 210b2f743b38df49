"""Who scores a batch: numpy while the batch is small, numba when loading it pays."""

from __future__ import annotations

import sys
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from polyest.online import numpy_backend

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from polyest.online.hashable_answers import Items
    from polyest.online.layout import Array, Codes, Integers, Layout, Scores

__all__ = ["COLD_WORK", "LOOKUP_WORK", "ROW_WORK", "WARM_WORK", "Backend", "choose"]

NUMBA = "numba>=0.60,<0.69"  # a test holds it to pyproject.toml
# numpy needs about 2 ns for a unit of work, numba at least 0.4 s to load its machine code (2 to 7 s, once, to make it).
# A batch of 2^24 units costs numpy at most a tenth of that; one of 2^13 as much as a call of numba.
COLD_WORK = 1 << 24
WARM_WORK = 1 << 13
LOOKUP_WORK = 8  # of a completion, besides comparing it with the others; of a group, to look at its size
ROW_WORK = 24  # of a row to be arranged, and of an answer to be read: the same, so that numba is loaded for both


class Backend(Protocol):
    """What both can do; formulas and shapes are those of `polyest.online.numpy_backend`."""

    def scores(self, layout: Layout, weights: Array | None, out: Scores) -> None: ...
    def values(self, layout: Layout, weights: Array | None, out: Array) -> None: ...
    def arrange(self, ids: Codes) -> tuple[Integers | None, NDArray[np.int64]]: ...
    def count_sizes(self, starts: NDArray[np.int64]) -> NDArray[np.int64]: ...
    def read_strings(
        self, rows: list[Items], order: Integers | None, starts: NDArray[np.int64]
    ) -> NDArray[np.int64] | None: ...


def choose(work: int) -> Backend:
    """numpy below `COLD_WORK` units of work, or, once numba is loaded, below `WARM_WORK`; numba from there on."""
    loaded = "polyest.online.compiled.kernels" in sys.modules
    return numpy_backend if work < (WARM_WORK if loaded else COLD_WORK) else _compiled()


@lru_cache(maxsize=1)
def _compiled() -> Backend:
    """numba, or numpy where that is absent or broken, with a warning that is given once."""
    try:
        from polyest.online import compiled
    except Exception as error:  # noqa: BLE001  (with a numpy that it does not know, numba raises almost anything)
        message = f"numba cannot be loaded ({type(error).__name__}: {error}); large batches are scored by numpy, with "
        message += f"the same results, but more slowly; run: pip install '{NUMBA}'"
        warnings.warn(message, stacklevel=2)
        return numpy_backend
    return compiled
