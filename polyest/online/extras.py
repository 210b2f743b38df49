"""What is paid besides the table, and what all of it is weighted with (theory.md §9).

Weights are summed as integers, hence in any order. In a group of n completions, b the binary digits of n, they are
rounded to multiples of 2^(2b − 62) of a power of two above the largest of them (2^(b − 62) in groups of more than
`PACKED`), so that all of them and n fit an integer; of 2^−1000 where that is more, some 1e-301.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import read_numbers
from polyest.errors import ArgumentError, shortened
from polyest.polynomials.bernstein import target_values
from polyest.problems.targets import Target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.online.layout import Array, Integers

__all__ = [
    "LARGEST",
    "MOST_DIGITS",
    "PACKED",
    "Extras",
    "check_bounded",
    "no_answer_pay",
    "read_probabilities",
    "read_weights",
    "reference_values",
]

LARGEST = 1e200  # times a coefficient it stays finite
PACKED = 64  # completions of the largest group in which one integer holds a count and a sum
MOST_DIGITS = 1000  # binary digits by which a weight is shifted at most: both powers of two are floats


@dataclass(frozen=True)
class Extras:
    """What is paid besides the table; arrays have shape (N,).

    Attributes:
        reference: r(q_i), or None.
        missing: completions without an answer that are paid `pay` instead; None if they are paid as 0 matches.
        pay: the reward of a completion without an answer, of all or of each.
        weights: what the whole reward is multiplied by, or None.
    """

    reference: Array | None = None
    missing: NDArray[np.bool_] | None = None
    pay: float | Array = 0.0
    weights: Array | None = None

    @property
    def is_empty(self) -> bool:
        return self.reference is None and self.missing is None and self.weights is None

    @property
    def weights_of_counts(self) -> Array | None:
        """The weights of the part that depends on matches, which no answer has not; None without weights."""
        if self.weights is None or self.missing is None:
            return self.weights
        return np.where(self.missing, 0.0, self.weights)

    @property
    def unpaid(self) -> NDArray[np.bool_] | None:
        """Completions without an answer where weights do not already say so."""
        return self.missing if self.weights is None else None

    @property
    def known(self) -> Array | None:
        """The part of each reward that does not depend on matches; None if there is none."""
        if self.reference is None and self.missing is None:
            return None
        known = np.zeros(1) if self.missing is None else np.where(self.missing, self.pay, 0.0)
        known = known if self.reference is None else known - self.reference
        return known if self.weights is None else known * self.weights


def no_answer_pay(value: object) -> float | None:
    """`no_answer_reward` as a finite float."""
    if value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if isinstance(value, str | bool | np.bool_) or not np.isfinite(number):
        raise ArgumentError(
            f"`no_answer_reward` must be a finite number, got {shortened(value)}; leave it out for 0 matches"
        )
    return number


def reference_values(
    target: str | Target, reference: ArrayLike, shape: tuple[int, ...], ignored: NDArray[np.bool_] | None
) -> Array:
    """r(q) of the answers' shape; 0 where a completion is paid no reference term.

    Raises:
        ArgumentError: another shape, a q outside [0, 1], or an r(q) that is not finite.
    """
    q = read_probabilities(reference)
    if q.shape != shape:
        raise ArgumentError(
            f"`reference` must have the answers' shape {shape}, got {q.shape}; give one probability for each answer"
        )
    if ignored is not None:
        q[ignored] = 1.0
    with np.errstate(all="ignore"):
        values = target_values(target, q)
        wrong = ~((q >= 0) & (q <= 1) & np.isfinite(values))
    if wrong.any():
        raise ArgumentError(
            f"`reference` must be probabilities in (0, 1] at which {target} is finite; got {q[wrong][0]} "
            f"(and {np.count_nonzero(wrong) - 1} more); smooth the reference, or leave these answers out"
        )
    if ignored is not None:
        values[ignored] = 0.0
    return values


def read_probabilities(reference: ArrayLike) -> Array:
    """A new float64 array of real numbers."""
    return np.array(read_numbers(reference, "reference", "probabilities, one for each answer", "without gradient"))


def read_weights(weights: ArrayLike, shape: tuple[int, ...]) -> Array:
    """One number for each completion, flat.

    Raises:
        ArgumentError: another shape than the answers', or what are no real numbers.
    """
    w = read_numbers(weights, "weights", "real numbers, one for each completion", "without gradient")
    if w.shape != shape:
        raise ArgumentError(
            f"`weights` must have the answers' shape {shape}, got {w.shape}; give one number for each completion"
        )
    return w.reshape(-1)


def check_bounded(weights: Array, rows: Integers | None = None) -> None:
    """Refuse weights that are not finite, or too large; those of some rows only, if these are given."""
    if np.isfinite(np.einsum("i,i->", weights, weights)):  # in one pass and one thread
        return
    counted = weights if rows is None else weights[rows]
    if len(wrong := counted[~(np.abs(counted) <= LARGEST)]):
        raise ArgumentError(
            f"`weights` must be finite and at most 1e200 in size, got {wrong[0]} (and {len(wrong) - 1} more); "
            "give 0 to completions that count for nothing"
        )
