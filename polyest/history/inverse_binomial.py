"""Inverse binomial sampling: draw on until the answer recurs (theory.md §7)."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import is_masked, read_numbers
from polyest.errors import ArgumentError, shortened
from polyest.online.lookup import read_only
from polyest.problems.problem import whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.storage.table import Certificate

    Array = NDArray[np.float64]

__all__ = ["InverseBinomial", "cap_for", "recurrences"]

LARGEST = 0.28149362995691675  # max over x > 0 of x·E₁(x), at x = 0.43481820438…, rounded up
LEAST = 1e-12  # bias, for which there would be 3·10¹¹ draws


@dataclass(frozen=True)
class InverseBinomial:
    """−Σ_{j=1}^{min(L,K)−1} 1/j for log p, L the number of further draws up to and including the recurrence.

    At most K−1 further draws are made. Without a cap the mean is log p exactly; with it, what remains is
    p·Σ_{j≥K} (1−p)^j/j, that of the harmonic table of K.

    Attributes:
        cap: K ≥ 2: the completion itself and at most K−1 further draws.

    >>> InverseBinomial(cap=4).rewards([1, 2, 3, 9]).round(3).tolist()
    [0.0, -1.0, -1.5, -1.833]
    """

    cap: int

    def __post_init__(self) -> None:
        whole_number("cap", self.cap, 2)

    @property
    def coefficients(self) -> Array:
        """The reward at L = 1 … K, where K stands for "did not recur", shape (K,), read-only."""
        return read_only([0.0, *np.cumsum(-1 / np.arange(1, self.cap))])

    def rewards(self, further_draws: ArrayLike) -> Array:
        """The reward of completions that recurred at the L-th further draw.

        Args:
            further_draws: L ≥ 1, any shape; K or more where the answer did not recur within the cap.

        Raises:
            ArgumentError: not whole numbers ≥ 1.
        """
        L = _whole_numbers(further_draws)
        if L is None or (L.size and L.min() < 1):
            raise ArgumentError(
                f"`further_draws` must be whole numbers ≥ 1, got {_came(further_draws)}; give the cap where the answer "
                "did not recur"
            )
        return np.asarray(self.coefficients[np.minimum(L, self.cap) - 1])

    def draw(self, answer: Hashable, sample: Callable[[], Hashable]) -> tuple[float, int]:
        """Draw until `answer` recurs, at most K−1 times; the reward and how many draws were made.

        >>> InverseBinomial(cap=4).draw("a", iter("bba").__next__)
        (-1.5, 3)
        """
        for made in range(1, self.cap):
            if sample() == answer:
                return float(self.coefficients[made - 1]), made
        return float(self.coefficients[-1]), self.cap - 1

    def bias(self, p: ArrayLike) -> Array:
        """p·(mean − log p) = p·Σ_{j≥K} (1−p)^j/j ≥ 0, elementwise."""
        x = _probabilities(p)
        powers = (1 - x)[..., None] ** np.arange(1, self.cap)
        partial = (powers / np.arange(1, self.cap)).sum(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(x > 0, x * (-np.log(x) - partial), 0.0)

    @property
    def remaining_bias(self) -> float:
        """A bound on the bias that the cap leaves, for every p: 0.281494/(K − ½).

        (1−p)^j ≤ e^{−pj}, and for the convex e^{−pt}/t the sum over j ≥ K is at most the integral from K − ½; so the
        bias is at most x·E₁(x)/(K−½) at x = p(K−½).
        """
        return LARGEST / (self.cap - 0.5)

    @property
    def certificate(self) -> Certificate:
        """The proved supremum of the bias, by that of the harmonic table (extra ``verify``)."""
        from polyest.estimator import load

        return load("log", self.cap, method="harmonic").certificate

    def expected_draws(self, p: ArrayLike) -> Array:
        """E[draws] = (1 − (1−p)^{K−1})/p, elementwise, p in (0, 1]; averaged over answers at most their number."""
        x = _probabilities(p)
        if (x == 0).any():
            raise ArgumentError("`p` must be above 0, got 0: what is never drawn does not recur; leave it out")
        with np.errstate(divide="ignore"):
            return np.asarray(-np.expm1((self.cap - 1) * np.log1p(-x)) / x)


def cap_for(bias: float) -> int:
    """The least K whose `InverseBinomial.remaining_bias` is at most `bias`.

    >>> cap_for(0.01)
    29
    """
    is_number = isinstance(bias, (int, float, np.floating)) and not isinstance(bias, bool)
    if not is_number or not LEAST <= bias < math.inf:
        raise ArgumentError(
            f"`bias` must be a finite number, at least {LEAST:g}, got {shortened(bias)}; only an infinite cap "
            "leaves none"
        )
    cap = max(2, math.ceil(LARGEST / bias + 0.5))
    return cap if InverseBinomial(cap).remaining_bias <= bias else cap + 1


def recurrences(answers: object) -> NDArray[np.int64]:
    """L for groups already drawn: the cyclic distance to the next equal answer, K where there is none.

    Its rewards have the mean of the harmonic table, which is their conditional expectation given the matches.

    Args:
        answers: integers, shape (..., K).

    >>> recurrences([7, 5, 7, 9]).tolist()
    [2, 4, 2, 4]
    """
    z = _whole_numbers(answers)
    if z is None or z.ndim < 1 or z.shape[-1] < 2:
        raise ArgumentError(
            f"`answers` must be whole numbers of shape (..., K), K ≥ 2; got {_came(answers)}; number the answers, as "
            "numpy.unique does, and leave out groups of one"
        )
    K = z.shape[-1]
    distance = np.full(z.shape, K, dtype=np.int64)
    for step in range(K - 1, 0, -1):
        distance[z == np.roll(z, -step, axis=-1)] = step
    return distance


def _whole_numbers(values: object) -> NDArray[np.integer] | None:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        return None
    return array if array.dtype.kind in "iu" and not is_masked(values) else None


def _came(values: object) -> str:
    if is_masked(values):
        return "a masked array"
    return f"{values.dtype} of shape {values.shape}" if isinstance(values, np.ndarray) else shortened(values)


def _probabilities(p: ArrayLike) -> Array:
    x = read_numbers(p, "p", "probabilities, any shape", "from 0 to 1")
    if not ((x >= 0) & (x <= 1)).all():
        raise ArgumentError(f"`p` must be probabilities, got {_came(p)}; give numbers from 0 to 1")
    return x
