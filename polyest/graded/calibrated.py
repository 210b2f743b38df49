"""Calibrated rewards Φ(C): C the probability that a reference policy's reward is below the completion's own.

With N reference rewards of the prompt, m of them below, m ~ Binomial(N, C), so a table of N+1 numbers looked up at m
estimates Φ(C) (InfAlign, arXiv 2412.19792; vBoN, arXiv 2407.06057). For the transforms here closed forms do it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.graded.reading import read_rewards
from polyest.numbers.rationals import bounded_rational
from polyest.online.lookup import read_only
from polyest.problems.problem import LARGEST_GROUP, whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.graded.tables import Array

__all__ = ["Calibrated", "calibrated"]

TRANSFORM = re.compile(r"(exp|power)\((.+)\)|log")
LARGEST = 700  # |t| of exp(t), which float64 holds
ONE = 1 << 256  # in fixed point: far more digits than are kept


@dataclass(frozen=True)
class Calibrated:
    """A transform Φ of the calibrated reward, for N reference rewards; made by `calibrated`.

    Attributes:
        transform: ``"exp(t)"``, ``"power(a)"`` or ``"log"``.
        exact: the N+1 coefficients before they are rounded.
        error_bound: what |E[pay | C] − Φ(C)| nowhere exceeds, but for the rounding of the coefficients (half a unit in
            the last place of each); ∞ for ``"log"``.
    """

    transform: str
    exact: tuple[Fraction, ...]
    error_bound: float

    def __reduce__(self) -> tuple[Any, ...]:
        """By its attributes: copies of the arrays could be written to."""
        return Calibrated, (self.transform, self.exact, self.error_bound)

    @property
    def references(self) -> int:
        """N."""
        return len(self.exact) - 1

    @cached_property
    def coefficients(self) -> Array:
        """Shape (N+1,), read-only: the pay with 0..N of the references below."""
        return read_only([float(c) for c in self.exact])

    def rewards(self, rewards: ArrayLike, reference_rewards: ArrayLike) -> Array:
        """The pay of every completion: the coefficient at the number of references below, and with e ties the mean of
        the e + 1 coefficients that breaking them at random would give.

        The noise of the references is shared by all completions of a prompt: it averages out over prompts only.

        Args:
            rewards: shape (..., K), finite real numbers.
            reference_rewards: shape (..., N), those of N completions of the reference for the same prompt, or (N,).

        Returns:
            float64 array of shape (..., K).

        Raises:
            ArgumentError: shapes that do not fit, NaN or ±inf.

        >>> calibrated("exp(2)", references=4).rewards([2, 0], [1, 2, 2, 3]).round(4).tolist()
        [2.5556, 1.0]
        """
        own, others = read_rewards(rewards)[0], read_rewards(reference_rewards, argument="reference_rewards")[0]
        if own.ndim == 0 or others.shape not in {(self.references,), (*own.shape[:-1], self.references)}:
            raise ArgumentError(
                f"`reference_rewards` must have shape (..., {self.references}) for `rewards` of shape (..., K), or be "
                f"flat; got shapes {others.shape} and {own.shape}"
            )
        below, equal = np.zeros(own.shape, np.int64), np.zeros(own.shape, np.int64)
        for reference in np.moveaxis(others, -1, 0):
            below += reference[..., None] < own
            equal += reference[..., None] == own
        return self._mean(below, equal)

    def _mean(self, below: NDArray[np.int64], equal: NDArray[np.int64]) -> Array:
        """The mean of the coefficients at `below`..`below` + `equal`, rounded once."""
        result: Array = self.coefficients[below]
        tied = np.nonzero(equal)
        pairs = list(zip(below[tied].tolist(), equal[tied].tolist(), strict=True))
        means = {(m, e): float((self._sums[m + e + 1] - self._sums[m]) / (e + 1)) for m, e in set(pairs)}
        result[tied] = [means[pair] for pair in pairs]
        return result

    @cached_property
    def _sums(self) -> list[Fraction]:
        return list(accumulate(self.exact, initial=Fraction(0)))


def calibrated(transform: str, references: int) -> Calibrated:
    """The rewards Φ(C) of completions with known rewards, from N reference rewards per prompt.

    - ``"exp(t)"``: c_m = Σ_{j≤m} C(m,j) t^j/(N)_j, t > 0, has the mean Σ_{j≤N} (tC)^j/j!, at most Σ_{j>N} t^j/j! below
      Φ; t < 0: e^t times the table of −t, reversed. Training on it is what best of n (t > 0) and worst of n need.
    - ``"power(a)"``, a = 1, 2, … ≤ N: C(m,a)/C(N,a), exact: the probability to beat a draws of the reference.
    - ``"log"``: −Σ_{j=m+1}^{N} 1/j has the mean −Σ_{j≤N} (1−C)^j/j, above Φ by at most (1−C)^{N+1}/((N+1)·C).

    Args:
        transform: one of these.
        references: N ≥ 1.

    Raises:
        ArgumentError: an unknown transform, or one that N references do not estimate.

    >>> calibrated("log", references=4).coefficients.round(4).tolist()
    [-2.0833, -1.0833, -0.5833, -0.25, 0.0]
    >>> calibrated("exp(2)", references=16).error_bound < 1e-9
    True
    """
    N = whole_number("references", references, 1, LARGEST_GROUP)
    found = TRANSFORM.fullmatch(str(transform).replace(" ", ""))
    if not isinstance(transform, str) or not found:
        raise ArgumentError(
            f"`transform` must be 'exp(t)', 'power(a)' or 'log', got {shortened(transform)}; type exp(2)"
        )
    if found[1] is None:
        sums = accumulate((Fraction(-1, j) for j in range(N, 0, -1)), initial=Fraction(0))
        return Calibrated("log", tuple(sums)[::-1], math.inf)
    number, make = _number(found[2]), {"exp": _exponential, "power": _power}[found[1]]
    return Calibrated(f"{found[1]}({number})", *make(number, N))


def _number(text: str) -> Fraction:
    return bounded_rational(text, "transform", "have a number in its brackets")


def _power(a: Fraction, N: int) -> tuple[tuple[Fraction, ...], float]:
    if a.denominator != 1 or not 1 <= a <= N:
        raise ArgumentError(
            f"`transform` power(a) must have a whole a from 1 to the number of references, {N}; got {a}: only those "
            "powers are estimated without bias; draw more references, or use another transform"
        )
    return tuple(Fraction(math.comb(m, int(a)), math.comb(N, int(a))) for m in range(N + 1)), 0.0


def _exponential(t: Fraction, N: int) -> tuple[tuple[Fraction, ...], float]:
    if abs(t) > LARGEST:
        raise ArgumentError(f"`transform` exp(t) must have t from −{LARGEST} to {LARGEST}, got {t}; scale it")
    size = abs(t)
    table, tail = [_taylor(size, m, N) for m in range(N + 1)], _tail(size, N)
    whole = ONE
    if t < 0:
        table, whole = table[::-1], ONE + _tail(size, 0)  # e^|t|
    bound = math.nextafter(float(Fraction(tail, whole)), math.inf)
    return tuple(Fraction(c, whole) for c in table), bound


def _taylor(t: Fraction, m: int, N: int) -> int:
    """Σ_{j≤m} C(m,j) t^j/(N)_j in fixed point."""
    total = term = ONE
    for j in range(1, m + 1):
        term = term * (m - j + 1) * t.numerator // (j * (N - j + 1) * t.denominator)
        if not term:
            break
        total += term
    return total


def _tail(t: Fraction, N: int) -> int:
    """Σ_{j>N} t^j/j! in fixed point, every term rounded up, until they shrink to one unit."""
    total, term, j = 0, ONE, 0
    while j <= N or j < 4 * t or term > 1:
        j += 1
        term = -(-term * t.numerator // (j * t.denominator))
        total += term if j > N else 0
    return total + 1
