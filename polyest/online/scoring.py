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
    if isinstance(value, str) or not np.isfinite(number):
        raise ArgumentError(
            f"`no_answer_reward` must be a finite number, got {shortened(value)}; leave it out for 0 matches"
        )
    return number


def rewards(layout: Layout, extras: Extras, out: Scores) -> None:
    """w_i·(c[m_i] − r(q_i)), or `extras.pay` in place of c; NaN in a group of one."""
    backend.choose(layout.work).scores(layout, extras.weights_of_counts, out)
    if extras.unpaid is not None:
        out[extras.unpaid] *= 0.0  # a group of one stays NaN
    if (known := extras.known) is not None:
        out += known


def advantages(layout: Layout, extras: Extras, out: Scores) -> None:
    """The reward minus the mean of what the others are paid when this completion is left out; NaN in a group of one."""
    chosen = backend.choose(layout.work)
    chosen.scores(layout, extras.weights_of_counts, out)
    if extras.unpaid is not None:
        out[extras.unpaid] -= layout.spread(layout.tables.without_matches(layout.sizes)[0])[extras.unpaid]
        out += layout.spread(_unpaid(layout, extras.unpaid))
    if (known := extras.known) is not None:
        rest = layout.spread(chosen.sums(layout, known)) - known
        out += known - rest / np.maximum(layout.spread(np.subtract(layout.sizes, 1, dtype=np.float64)), 1)


def values(layout: Layout, extras: Extras) -> Array:
    """The mean reward of each group; NaN for fewer than two completions."""
    chosen, result = backend.choose(layout.work), np.empty(len(layout.starts) - 1)
    chosen.values(layout, extras.weights_of_counts, result)
    if extras.unpaid is not None:
        result -= _unpaid(layout, extras.unpaid)
    if (known := extras.known) is not None:
        result += chosen.sums(layout, known) / np.maximum(layout.sizes, 1)
    return result


def _unpaid(layout: Layout, unpaid: NDArray[np.bool_]) -> Array:
    """What completions that are not paid added to their group's mean: they have no matches."""
    count = backend.choose(layout.work).sums(layout, unpaid.astype(np.float64))
    share: Array = count * layout.tables.without_matches(layout.sizes)[1]
    return share
