"""Another reward function, as one of polyest calls it: on the same completions, once."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Set
from functools import partial
from typing import TYPE_CHECKING, SupportsFloat, TypeAlias

import numpy as np
import torch

from polyest.errors import ArgumentError, shortened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.adapters.pay import AnswerPay

    Array = NDArray[np.float64]

RewardFunction: TypeAlias = "Callable[..., Iterable[float | None]]"

__all__ = ["RewardFunction", "check_factor", "check_function", "paid_by"]

FLOATABLE = (str, bytes, np.complexfloating)  # numpy's have __float__, and are no numbers to pay


def check_function(reward: object) -> RewardFunction:
    """`reward`, if it can be called as trainers call a plain reward function."""
    if callable(reward) and not isinstance(reward, torch.nn.Module) and not _is_async(reward):
        return reward
    kind = "an async function" if callable(reward) and _is_async(reward) else shortened(reward)
    raise ArgumentError(
        f"`reward` must be a plain reward function as the trainer takes them, got {kind}; write a function of "
        "`completions` and **columns that returns one number for each completion"
    )


def check_factor(reward: object, pay: AnswerPay) -> None:
    """Refuse a product without the other reward, and the other reward without a product."""
    if pay.multiplies != (reward is not None):
        raise ArgumentError(
            "`reward` must be given with combine='multiply', and only then, got "
            f"{reward!r:.60} with {pay.combine!r}; what is added has its own place in the trainer's reward_funcs"
        )


def paid_by(reward: RewardFunction, columns: dict[str, object], completions: int) -> Array:
    """What it pays to each of as many completions, NaN for None; `columns` are all that the trainer passes.

    Raises:
        ArgumentError: it returns something else than one finite number, or None, for each.
    """
    name = getattr(reward, "__name__", type(reward).__name__)
    given = reward(**columns)
    try:
        if isinstance(given, str | bytes | Mapping | Set):
            raise TypeError("keys, or in no order")
        paid = [None if number is None else _float(number) for number in given]
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(
            f"`reward` {name} must return a list of finite numbers, one for each completion, got {shortened(given)}"
        ) from None
    if len(paid) != completions:
        raise ArgumentError(
            f"`reward` {name} must return one number for each completion, got {len(paid)} for {completions}"
        )
    for number in paid:
        if number is not None and not math.isfinite(number):
            raise ArgumentError(
                f"`reward` {name} must pay finite numbers, got {number}; pay a failure what it is worth, and None only "
                "where it does not apply to the prompt"
            )
    return np.array([math.nan if number is None else number for number in paid], np.float64)


def _float(number: object) -> float:
    if isinstance(number, FLOATABLE) or not isinstance(number, SupportsFloat):
        raise TypeError("no number")
    return float(number)


def _is_async(function: Callable[..., object]) -> bool:
    while isinstance(function, partial):
        function = function.func
    return any(map(inspect.iscoroutinefunction, (function, getattr(function, "__call__", None))))  # noqa: B004
