"""Where a formula stops being analytic: a root, a logarithm or a power of something that reaches 0 within (0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.numbers.protocol import Formula
from polyest.numbers.recorder import Recorder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["SMOOTH", "require_smooth"]

SMOOTH = (
    "tables are solved and proved for r that are analytic on (0, 1], p = 1 included: what ctx.log, ctx.sqrt and "
    "ctx.power take has to stay above 0 there and may reach it at p = 0 only, so that (1−p)^½, (1−p)^(3/2) and |p−½| "
    "are out; a smooth neighbour is in, such as ctx.sqrt(1−p+ctx.rational(Fraction(1, 100)))"
)
TOUCHING = 1e-14  # times its largest value: what an argument does not fall below unless it is 0
ZOOMS, FINER = 8, 64


def require_smooth(function: Formula) -> None:
    """Refuse a formula that takes a logarithm, a root or a broken power of what reaches 0 in (0, 1], 1 included.

    Raises:
        ArgumentError: names the function of ctx and the place.
    """
    grid = np.concatenate([np.geomspace(1e-9, 0.01, 200, endpoint=False), np.linspace(0.01, 1, 2001)])
    for index, (name, x) in enumerate(_calls(function, grid)):
        size = np.abs(x)
        lows = 1 + np.flatnonzero((size[1:] <= size[:-1]) & (size[1:] <= np.append(size[2:], np.inf)))
        for low in lows.tolist():
            p, least = _lowest(function, index, grid[low - 1], grid[min(low + 1, len(grid) - 1)])
            if least <= TOUCHING * size.max():
                raise ArgumentError(
                    f"`function` {getattr(function, '__name__', function)} takes ctx.{name} of what is 0 at "
                    f"p = {p:.6g}; {SMOOTH}"
                )


def _lowest(function: Formula, index: int, left: float, right: float) -> tuple[float, float]:
    """Where, and how low, the argument of one call is least in size between two points."""
    for _ in range(ZOOMS):
        p = np.linspace(left, right, FINER + 1)
        size = np.abs(_calls(function, p)[index][1])
        low = int(np.argmin(size))
        left, right = p[max(low - 1, 0)], p[min(low + 1, FINER)]
    return float(p[low]), float(size[low])


def _calls(function: Formula, p: Array) -> list[tuple[str, Array]]:
    recorder = Recorder()
    with np.errstate(all="ignore"):
        function(p, recorder)
    return [(name, np.nan_to_num(np.broadcast_to(x, p.shape), nan=np.inf)) for name, x in recorder.calls]
