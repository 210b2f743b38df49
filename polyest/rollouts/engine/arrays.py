"""Between Arrow and numpy without a copy, and without pandas, which pyarrow would load where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

__all__ = ["as_arrow", "as_numpy"]


def as_numpy(column: pyarrow.Array) -> NDArray[np.int64]:
    """A column of numbers without nulls, integers or not."""
    kind = np.dtype(str(column.type).replace("double", "float64"))
    found: NDArray[np.int64] = np.frombuffer(column.buffers()[1], kind, len(column), column.offset * kind.itemsize)
    return found


def as_arrow(array: NDArray[np.float64] | NDArray[np.int64]) -> pyarrow.Array:
    """Integers and floats."""
    import pyarrow as pa

    kind = pa.float64() if array.dtype == np.float64 else pa.int64()
    return pa.Array.from_buffers(kind, len(array), [None, pa.py_buffer(np.ascontiguousarray(array))])
