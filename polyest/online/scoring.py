"""Rewards, advantages and values of a layout: what matches pay, and what does not depend on them.

Advantages are rewards minus the exact leave-one-out baseline of theory.md §5. The reference's part of a reward and the
reward of a completion without an answer are known numbers, so their baseline is the plain mean over the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.online import backend
from polyest.online.weights import unbounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Array, Layout, Scores

__all__ = ["Extras", "advantages", "no_answer_pay", "rewards", "values"]


@dataclass(frozen=True)
class Extras:
    """What is paid besides the table; arrays have shape (N,).

    Attributes:
        reference: r(q_i), or None.
        missing: completions without an answer that are paid `pay` instead; None if they are paid as 0 matches.
        pay: the reward of a completion without an answer.
        weights: what the whole reward is multiplied by, or None.
    """

    reference: Array | None = None
    missing: NDArray[np.bool_] | None = None
    pay: float = 0.0
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
    if isinstance(value, str) or not np.isfinite(number):
        raise ArgumentError(
            f"`no_answer_reward` must be a finite number, got {shortened(value)}; leave it out for 0 matches"
        )
    return number


def rewards(layout: Layout, extras: Extras, out: Scores) -> None:
    """w_i·(c[m_i] − r(q_i)), or `extras.pay` in place of c; NaN in a group of one.

    Raises:
        ArgumentError: the weights are not finite, or too large; as in all functions here.
    """
    weights = extras.weights_of_counts
    _check(backend.choose(layout.work).rewards(layout, weights, out), weights, out)
    if extras.missing is not None:
        out[extras.missing] *= 0.0  # a group of one stays NaN
    if extras.known is not None:
        out += extras.known


def advantages(layout: Layout, extras: Extras, out: Scores) -> None:
    """The reward minus the mean of what the others are paid when this completion is left out; NaN in a group of one."""
    chosen, weights, known = backend.choose(layout.work), extras.weights_of_counts, extras.known
    if weights is not None:
        _check(chosen.weighted_advantages(layout, weights, out), weights, out)
    elif extras.missing is None:
        chosen.advantages(layout, out)
    else:
        chosen.rewards(layout, None, out)
        out[extras.missing] *= 0.0  # a group of one stays NaN
        out -= layout.spread(chosen.means(layout, 1, extras.missing))
    if known is not None:
        rest = layout.spread(chosen.sums(layout, known)) - known
        out += known - rest / np.maximum(layout.spread(np.subtract(layout.sizes, 1, dtype=np.float64)), 1)


def values(layout: Layout, extras: Extras) -> Array:
    """The mean reward of each group; NaN for fewer than two completions."""
    chosen, weights, known = backend.choose(layout.work), extras.weights_of_counts, extras.known
    if weights is None:
        result = chosen.means(layout, 0, extras.missing)
    else:
        result = np.empty(len(layout.starts) - 1)
        _check(chosen.weighted_values(layout, weights, result), weights, result)
    if known is not None:
        result += chosen.sums(layout, known) / np.maximum(layout.sizes, 1)
    return result


def _check(is_bounded: bool, weights: Array | None, out: Scores) -> None:
    """Leave no number behind if the weights cannot be summed."""
    if weights is not None and not is_bounded:
        out[...] = np.nan
        raise unbounded(weights)
