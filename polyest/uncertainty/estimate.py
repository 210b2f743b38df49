"""The value of every group with its standard error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError, nearest, shortened
from polyest.online import scoring
from polyest.uncertainty import jackknife, multinomial, unbiased
from polyest.uncertainty.pay import ErrorOfValue, Pay
from polyest.uncertainty.profile import Profile, profiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.online.grouping import Job, Lookups

    Numbers = NDArray[np.float64]  # or one number, for a single group

__all__ = ["ERRORS", "ValueEstimate", "estimate", "fraction"]

ERRORS: dict[str, Callable[[Profile, Pay], ErrorOfValue]] = {
    "multinomial": multinomial.error_of,
    "jackknife": jackknife.error_of,
    "unbiased": unbiased.error_of,
}
FEW = 8  # completions of which too little can be told
ALIKE = 0.75  # share of a group with one answer from which on it counts as collapsed


@dataclass(frozen=True, eq=False)
class ValueEstimate:
    """Values of groups and how far fresh groups of the same policy would scatter around their mean; shapes (...,).

    Attributes:
        value: V, the mean reward of each group.
        variance: an estimate of Var V over fresh groups of K from the same policy. With ``error="unbiased"`` it may be
            negative.
        bias: an estimate of E V − Σ_z ν(z) r(ν(z)), which more groups do not average away, and which `standard_error`
            leaves out. Good enough to warn of plug_in's and harmonic's; aqp's comes out too small, take its
            certificate: at most β for every answer. NaN for ``error="jackknife"`` and for unknown custom targets.
        is_doubtful: True where experience says that the error may be wrong: at most 8 completions, three quarters of
            the group agree on one answer, or |bias| exceeds the standard error.
        error: how the variance was estimated.
    """

    value: Numbers
    variance: Numbers
    bias: Numbers
    is_doubtful: NDArray[np.bool_]
    error: str

    @property
    def standard_error(self) -> Numbers:
        """√variance: the error of V as an estimate of its own mean E V = Σ_z ν(z)·Q_c(ν(z)); 0 if negative."""
        return np.sqrt(np.maximum(self.variance, 0.0))

    @property
    def of(self) -> str:
        """What `standard_error` is an error of."""
        return "the mean value of groups of this size from the same policy; the bias comes on top"

    def reshape(self, shape: tuple[int, ...]) -> ValueEstimate:
        """The same numbers in another shape; numbers instead of arrays for ()."""
        return self._each(lambda array: np.reshape(array, shape)[()])

    def take(self, groups: NDArray[np.integer | np.bool_]) -> ValueEstimate:
        """The numbers of some groups, in this order."""
        return self._each(lambda array: array[groups])

    def _each(self, change: Callable[[Any], Any]) -> ValueEstimate:
        value, variance, bias, is_doubtful = map(change, (self.value, self.variance, self.bias, self.is_doubtful))
        return ValueEstimate(value, variance, bias, is_doubtful, self.error)

    def interval(self, confidence: float = 0.95) -> tuple[Numbers, Numbers]:
        """value ∓ z·standard_error: for E V, not for the truth. For few and skewed answers it covers less than it says.

        Raises:
            ArgumentError: the confidence is not between 0 and 1.
        """
        z = NormalDist().inv_cdf((1 + fraction(confidence)) / 2)
        return self.value - z * self.standard_error, self.value + z * self.standard_error


def fraction(confidence: float) -> float:
    """A confidence as a number between 0 and 1."""
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 < confidence < 1:
        raise ArgumentError(f"`confidence` must be between 0 and 1, got {shortened(confidence)}; 0.95 is usual")
    return float(confidence)


def estimate(job: Job, lookups: Lookups, error: str, no_answer: float | None) -> ValueEstimate:
    """The values of a job and their errors, shape (G,); NaN and doubtful for groups of fewer than two.

    Raises:
        ArgumentError: no such kind of error, or it does not exist for this table.
    """
    if not isinstance(error, str) or error not in ERRORS:
        raise ArgumentError(
            f"`error` must be one of {', '.join(ERRORS)}; got {shortened(error)}{nearest(str(error).lower(), ERRORS)}"
        )
    found, index = profiles(job)
    errors = _errors(found, lookups, error, no_answer)
    known = [(e.variance, e.bias, _is_doubtful(e, profile)) for e, profile in zip(errors, found, strict=True)]
    variance, bias, doubtful = np.array([*known, (np.nan, np.nan, True)]).T  # the last is that of index −1
    return ValueEstimate(scoring.values(job), variance[index], bias[index], doubtful[index] > 0, error)


def _errors(found: list[Profile], lookups: Lookups, error: str, no_answer: float | None) -> list[ErrorOfValue]:
    """One of each profile."""
    pays = {}
    for size, lookup in lookups(sorted({profile.size for profile in found})).items():
        others = tuple(lookup.others.tolist()) if error == "jackknife" else None
        pays[size] = Pay(lookup.table.problem, lookup.table.coefficients, others, no_answer)
    return [_error_of(error, profile, pays[profile.size]) for profile in found]


@lru_cache(maxsize=1 << 14)
def _error_of(error: str, profile: Profile, pay: Pay) -> ErrorOfValue:
    return ERRORS[error](profile, pay)


def _is_doubtful(error: ErrorOfValue, profile: Profile) -> bool:
    is_collapsed = max(cell.count for cell in profile.cells) >= ALIKE * profile.size
    return profile.size <= FEW or is_collapsed or abs(error.bias) > max(error.variance, 0.0) ** 0.5
