"""What both formats offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import pyarrow
    from numpy.typing import NDArray

__all__ = ["Added", "Log", "Progress"]

Added: TypeAlias = "Mapping[str, Sequence[float] | NDArray[np.float64]]"  # NaN becomes null
Progress = Callable[[Iterable[bytes], str, int], Iterable[bytes]]


class Log(Protocol):
    """Rows in the order of the file."""

    def __len__(self) -> int: ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns, in order."""
        ...

    def column(self, name: str, optional: bool = False) -> list[object]:
        """One value per row. A row without it has None if it is optional, else an ArgumentError lists what it has."""
        ...

    def place(self, row: int) -> str:
        """Where a row stands, for error messages: the file and the line or row."""
        ...

    def lines(self) -> Sequence[str]:
        """The rows as JSON objects, each in one line; an ArgumentError names what JSON cannot hold as it is."""
        ...

    def arrow(self) -> pyarrow.Table:
        """The rows as an Arrow table; an ArgumentError names what parquet cannot hold as it is."""
        ...
