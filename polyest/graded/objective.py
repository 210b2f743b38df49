"""Objectives of graded rewards: expected L-statistics of n draws, which groups of n and more estimate exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError, nearest, shortened
from polyest.graded import tables
from polyest.graded.grouping import dense
from polyest.graded.reading import read_rewards
from polyest.online.lookup import read_only
from polyest.problems.coefficients import read_coefficients
from polyest.problems.problem import BASELINES, LARGEST_GROUP, whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from polyest.graded.tables import Array, Pay

__all__ = [
    "Objective",
    "best_of",
    "checked_baseline",
    "l_statistic",
    "median_of",
    "too_small",
    "worst_of",
]

LONGEST = 60  # characters of the weights in a name


@dataclass(frozen=True)
class Objective:
    """E[Σ_j w_j R_(j:n)], R_(1:n) ≤ … ≤ R_(n:n) the sorted rewards of n draws; made by the functions of this module.

    Attributes:
        name: how it is written.
        weights: w_1..w_n.
        group_size: K ≥ n; None for the ragged functions only, which use the size of every group.
        baseline: None, or the mean that the trainer is going to subtract.

    >>> objective = best_of(2, group_size=4)
    >>> objective.values([1, 0, 3, 0]).round(3).tolist(), objective.advantages([1, 0, 3, 0]).round(3).tolist()
    (1.833, [0.0, -1.333, 4.889, -1.333])
    """

    name: str
    weights: tuple[Fraction, ...]
    group_size: int | None = None
    baseline: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """By its attributes: copies of the arrays could be written to."""
        return Objective, (self.name, self.weights, self.group_size, self.baseline)

    @property
    def least_group_size(self) -> int:
        """The least K that estimates it: n, with a baseline n + 1, and at least 2."""
        return max(len(self.weights) + (self.baseline is not None), 2)

    @property
    def worst_case_bias(self) -> float:
        """How far the estimated objective may be from this one, per range of the rewards: 0, it is exact."""
        return 0.0

    @cached_property
    def coefficients(self) -> Array:
        """c, shape (K,), read-only: the pay per unit of reward while 0..K−1 of the others have more."""
        return read_only([float(c) for c in tables.coefficients(self.weights, self._size, self.baseline)])

    def values(self, rewards: ArrayLike, missing: str | None = None, usable: ArrayLike | None = None) -> Array:
        """Unbiased estimates of the objective, (1/K) Σ_k c_{K−k} R_(k), from rewards of shape (..., K); shape (...,).

        With a baseline, those without it. Arguments and errors are those of `rewards`.

        >>> float(worst_of(2, group_size=3).values([1, 2, 4]).round(3))
        1.333
        """
        return self._scores("values", rewards, missing, usable)

    def rewards(self, rewards: ArrayLike, missing: str | None = None, usable: ArrayLike | None = None) -> Array:
        """Pay whose policy gradient is that of the objective on average: ∫_0^{R_i} c[m_i(t)] dt, shape (..., K).

        m_i(t) is the number of others with rewards above t. With a baseline the integral starts at the group's least
        reward, and the gradient is exact after the trainer has subtracted that mean.

        Args:
            rewards: shape (..., K), real numbers of any dtype; equal numbers are ties, which need no convention.
            missing: None, or "drop": a completion whose reward is NaN (or None) is left out.
            usable: booleans of the rewards' shape: False for a completion that was lost whatever it said (a crash); it
                is left out, and its reward not looked at. What is left out scores NaN, and its group is scored by the
                table of as many as are left; groups with too few left score NaN, with one warning.

        Returns:
            float64 array of the rewards' shape.

        Raises:
            ArgumentError: a wrong last dimension, what are no real numbers, NaN, ±inf, or what is no mask.

        >>> best_of(2, group_size=3).rewards([1, 2, 4]).tolist()
        [0.0, 1.0, 5.0]
        """
        return self._scores("rewards", rewards, missing, usable)

    def advantages(self, rewards: ArrayLike, missing: str | None = None, usable: ArrayLike | None = None) -> Array:
        """∫ c[m_i(t)]·(1{R_i > t} − m_i(t)/(K−1)) dt, shape (..., K): the expected gradient of `rewards`, less noise.

        A constant added to all rewards changes nothing, a factor scales them; a group without spread gets 0. Arguments
        and errors are those of `rewards`; there are none with a baseline.

        >>> best_of(1, group_size=3).advantages([1, 2, 4]).tolist()  # R_i − the mean of the others
        [-2.0, -0.5, 2.5]
        """
        return self._scores("advantages", rewards, missing, usable)

    def at(self, group_size: int) -> Objective:
        """The same for another group size.

        Raises:
            ArgumentError: groups of that size cannot estimate it.
        """
        return _made(self.name, self.weights, group_size, self.baseline)

    def pay(self, kind: str) -> Pay:
        """What the gaps between sorted rewards pay; `kind` is rewards, advantages or values."""
        self._check(kind)
        return tables.pay(kind, self.weights, self._size, self.baseline)

    def _check(self, kind: str) -> None:
        if kind == "advantages" and self.baseline is not None:
            raise ArgumentError(
                f"`advantages` need an objective without baseline, got baseline={self.baseline!r}: its rewards are "
                "made for a trainer that subtracts the mean itself; use .rewards, or leave `baseline` out"
            )

    @property
    def _size(self) -> int:
        if self.group_size is None:
            raise ArgumentError(f"`group_size` must be given for this, as in {self.name} with group_size=16; got None")
        return self.group_size

    def _scores(self, kind: str, rewards: ArrayLike, missing: str | None, usable: ArrayLike | None) -> Array:
        self.pay(kind)
        values, absent = read_rewards(rewards, missing, usable=usable)
        if values.ndim == 0 or values.shape[-1] != self.group_size:
            raise ArgumentError(
                f"`rewards` must have shape (..., {self.group_size}), the group size of this {self.name}; got shape "
                f"{values.shape}; make an objective for that size, or pass flat rewards and group ids to polyest.graded"
            )
        return np.asarray(dense(kind, self, values, absent))


def best_of(
    n: int, group_size: int | None = None, baseline: str | None = None, worst_case_bias: Any = None
) -> Objective:
    """The expected greatest of n rewards; pass@n where rewards are 0 and 1. Exact for n ≤ K.

    For K < n ≤ 2K no table is exact; what there is has a proved bias (`polyest.graded.beyond`), which its repr says.

    Args:
        n: how many draws, at most 65,536.
        group_size: K ≥ 2; may be left out for the ragged functions of `polyest.graded`.
        baseline: ``"group_mean"`` or ``"leave_one_out_mean"`` for a trainer that subtracts that mean itself; n < K.
        worst_case_bias: how far off, per range of the rewards, the objective may be for n > K (0.05 by default; that
            and 0.02 are shipped for n = 12, 16, 24, 32 and all K from n/2); the smaller, the noisier. Without a group
            size it makes the ragged functions score groups of fewer than n.

    Raises:
        ArgumentError: n > K, which no estimator does without bias, and there is no table.
        TableNotFoundError: there is no table of that `worst_case_bias`; the message names the command that solves it.

    >>> best_of(3, group_size=5).coefficients.tolist()
    [3.0, 1.5, 0.5, 0.0, 0.0]
    >>> best_of(12, group_size=8).worst_case_bias.__round__(12)
    0.05
    """
    n = _draws(n)
    return _extreme(f"best_of({n})", _unit(n, n), group_size, baseline, worst_case_bias)


def worst_of(
    n: int, group_size: int | None = None, baseline: str | None = None, worst_case_bias: Any = None
) -> Objective:
    """The expected least of n rewards; that all of n are correct where rewards are 0 and 1. Exact for n ≤ K.

    For K < n ≤ 2K it is minus the best of n of the negated rewards. Arguments and errors are those of `best_of`.

    >>> worst_of(3, group_size=5).coefficients.tolist()
    [0.0, 0.0, 0.5, 1.5, 3.0]
    """
    n = _draws(n)
    return _extreme(f"worst_of({n})", _unit(1, n), group_size, baseline, worst_case_bias)


def median_of(n: int, group_size: int | None = None, baseline: str | None = None) -> Objective:
    """The expected median of n rewards, n odd, n ≤ K; majority@n where rewards are 0 and 1. See `best_of`."""
    n = _draws(n)
    if n % 2 == 0:
        raise ArgumentError(
            f"`n` must be odd, so that one reward is the middle one; got {n}; use {n - 1} or {n + 1}, or l_statistic "
            "with weights ½ for the two in the middle"
        )
    return _made(f"median_of({n})", _unit(n // 2 + 1, n), group_size, baseline)


def l_statistic(weights: Sequence[Any], group_size: int | None = None, baseline: str | None = None) -> Objective:
    """E[Σ_j w_j R_(j:n)], R_(1:n) the least of n rewards: trimmed means, the mean of the top j, L-moments, ...

    Args:
        weights: w_1..w_n, n ≤ K; floats are taken by their exact value; |w_j| ≤ 1e100.
        group_size, baseline: as in `best_of`.

    >>> l_statistic([0, 0, 0.5, 0.5], group_size=5).coefficients.tolist()  # the better half of four
    [2.0, 2.0, 1.0, 0.0, 0.0]
    """
    exact = read_coefficients("weights", weights, LARGEST_GROUP)
    if not exact:
        raise ArgumentError("`weights` must be at least one number, got none; give w_1..w_n of n draws")
    text = ", ".join(map(str, exact))
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}… of {len(exact)} weights"
    return _made(f"l_statistic({shown})", exact, group_size, baseline)


def _draws(n: int) -> int:
    draws = whole_number("n", n, least=1)
    if draws > LARGEST_GROUP:
        raise ArgumentError(
            f"`n` must be at most {LARGEST_GROUP}, the completions of the largest groups, got {shortened(n)}; choose a "
            "smaller n"
        )
    return draws


def _extreme(
    name: str, weights: tuple[Fraction, ...], group_size: int | None, baseline: str | None, worst_case_bias: Any
) -> Objective:
    """The greatest or the least of n, exact or, where that is impossible, not."""
    from polyest.graded.beyond import beyond

    exact = Objective(name, weights, None, checked_baseline(baseline))
    is_exact = group_size is None or len(weights) <= whole_number("group_size", group_size, 2, LARGEST_GROUP)
    return (
        _sized(exact, group_size)
        if worst_case_bias is None and is_exact
        else beyond(exact, group_size, worst_case_bias)
    )


def _made(name: str, weights: tuple[Fraction, ...], group_size: int | None, baseline: str | None) -> Objective:
    return _sized(Objective(name, weights, None, checked_baseline(baseline)), group_size)


def checked_baseline(baseline: str | None) -> str | None:
    """None, or one of those that a trainer may subtract."""
    if baseline is not None and baseline not in BASELINES:
        raise ArgumentError(
            f"`baseline` must be None or one of {', '.join(BASELINES)}; got {baseline!r}"
            f"{nearest(str(baseline).lower(), BASELINES)}"
        )
    return baseline


def _sized(objective: Objective, group_size: int | None) -> Objective:
    if group_size is None:
        return objective
    K, least = whole_number("group_size", group_size, 2, LARGEST_GROUP), objective.least_group_size
    if least > K:
        is_extreme = objective.name.startswith(("best_of", "worst_of"))
        raise too_small(objective, K, "" if is_extreme else "; for n > K there are tables of best_of and worst_of only")
    return replace(objective, group_size=K)


def too_small(objective: Objective, group_size: int, remedy: str = "") -> ArgumentError:
    """The error for groups that cannot estimate an objective exactly."""
    proof = " with a baseline, as the table of K−1 is used" if objective.baseline is not None else ""
    return ArgumentError(
        f"`group_size` must be at least {objective.least_group_size} for {objective.name}{proof}; got {group_size}: no "
        f"estimator from fewer completions is unbiased; sample larger groups, or choose a smaller n{remedy}"
    )


def _unit(place: int, n: int) -> tuple[Fraction, ...]:
    return tuple(Fraction(j == place) for j in range(1, n + 1))
