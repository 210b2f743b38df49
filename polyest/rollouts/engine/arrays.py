"""Between Arrow and numpy without a copy, and without pandas, which `pyarrow.array` would load if it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

__all__ = ["as_arrow", "as_numpy", "nulled", "texts"]


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


def nulled(numbers: NDArray[np.float64]) -> pyarrow.Array:
    """Floats, NaN as null.

    >>> nulled(np.array([0.5, np.nan])).to_pylist()
    [0.5, None]
    """
    import pyarrow as pa

    known = ~np.isnan(numbers)
    bits = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(pa.float64(), len(numbers), [bits, pa.py_buffer(np.ascontiguousarray(numbers))])


def texts(strings: Sequence[str]) -> pyarrow.StringArray:
    """Strings; half a character as ?.

    >>> texts(["a", "bc"]).to_pylist()
    ['a', 'bc']
    """
    import pyarrow as pa

    data = [string.encode(errors="replace") for string in strings]
    ends = np.cumsum([0, *map(len, data)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(data), pa.py_buffer(ends), pa.py_buffer(b"".join(data)))
