"""Arrays of numbers of any kind as rationals, and integers as floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from polyest.numbers.conversion import to_fraction


def integers(rng: np.random.Generator, low: int, high: int, size: tuple[int, ...]) -> Any:
    """An array of them as floats."""
    return rng.integers(low, high, size=size).astype(float)


def rational(numbers: Any) -> Any:
    """An array of numbers of any kind, exactly."""
    return np.vectorize(to_fraction, otypes=[object])(numbers)


def rationals(found: Any) -> Any:
    """A matrix of FLINT's numbers, exactly."""
    return np.array([[to_fraction(v) for v in row] for row in found.tolist()], dtype=object)
