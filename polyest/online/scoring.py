"""Rewards, advantages and values of a layout: the count part, the reference's part and completions without an answer.

Advantages are rewards minus the exact leave-one-out baseline of theory.md §5. The reference's part of a reward is a
known number, so its baseline is the plain mean over the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.online import engine, weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.layout import Layout

    Array = NDArray[np.float64]

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


def no_answer_pay(value: Any) -> float | None:
    """`no_answer_reward` as a finite float."""
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if isinstance(value, str) or not np.isfinite(number):
        raise ArgumentError(
            f"`no_answer_reward` must be a finite number, got {shortened(value)}; leave it out for 0 matches"
        )
    return number


def rewards(layout: Layout, extras: Extras, out: NDArray[Any]) -> None:
    """c[m_i] − r(q_i), or `extras.pay`; NaN in a group of one."""
    engine.choose(layout.work).rewards(layout, out)
    if extras.missing is not None:
        out[extras.missing & ~np.isnan(out)] = extras.pay
    if extras.reference is not None:
        out -= extras.reference
    if extras.weights is not None:
        out *= extras.weights


def advantages(layout: Layout, extras: Extras, out: NDArray[Any]) -> None:
    """The reward minus the mean of what the others are paid when this completion is left out; NaN in a group of one."""
    chosen = engine.choose(layout.work)
    if extras.weights is not None:
        weighted.advantages(layout, extras.weights, extras.missing, extras.pay, out)
    elif extras.missing is None:
        chosen.advantages(layout, out)
    else:
        chosen.rewards(layout, out)
        own = extras.pay + _over(np.full(out.shape, extras.pay), layout)
        out[extras.missing] = own[extras.missing]
        out -= layout.spread(chosen.means(layout, 1, extras.missing, extras.pay))
    if extras.reference is not None:
        r = extras.reference if extras.weights is None else extras.reference * extras.weights
        out -= r - _over(layout.spread(layout.sums(r)) - r, layout)


def values(layout: Layout, extras: Extras) -> Array:
    """The mean reward of each group; NaN for fewer than two completions."""
    if extras.weights is not None:
        paid = np.empty(len(layout.codes))
        rewards(layout, extras, paid)
        return weighted.means(layout, paid)
    result: Array = engine.choose(layout.work).means(layout, 0, extras.missing, extras.pay)
    if extras.reference is not None:
        result -= layout.sums(extras.reference) / np.maximum(layout.sizes, 1)
    return result


def _over(numbers: Array, layout: Layout) -> Array:
    """The numbers divided by how many others each completion has."""
    others = np.subtract(layout.sizes, 1, dtype=np.float64)
    return numbers / np.maximum(layout.spread(others), 1)
