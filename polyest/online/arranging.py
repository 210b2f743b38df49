"""Arranging ragged rows group by group, in numba."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.online import twin

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["arrange"]


def arrange(ids: NDArray[Any]) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """See `polyest.online.twin.arrange`."""
    return twin.arrange(ids)
