"""Means over groups and prompts with standard errors, and the difference of two samples."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from polyest.arrays import read_numbers
from polyest.errors import ArgumentError, nearest, shortened
from polyest.uncertainty.estimate import ValueEstimate, fraction
from polyest.uncertainty.student import two_sided

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["Mean", "Summary", "summary"]

REDRAWN = {
    "prompts": "the mean over the population that the prompts were drawn from",
    "completions": "the mean over these very prompts, completions drawn afresh",
}


LARGEST = 1e150  # its square is finite


@dataclass(frozen=True)
class Mean:
    """A mean, or a difference of means, with its error.

    Attributes:
        mean, standard_error: numbers.
        bias: what `value_with_error` makes of the estimator's bias, averaged; no part of the error. NaN if not known.
        degrees_of_freedom: of Student's t for the interval; infinite where the error is not estimated from spread.
        redrawn: what would be drawn afresh, prompts or completions only; see `summary`.
    """

    mean: float
    bias: float
    standard_error: float
    degrees_of_freedom: float
    redrawn: str

    @property
    def of(self) -> str:
        """What `standard_error` is an error of."""
        return REDRAWN[self.redrawn]

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """mean ∓ t·standard_error, t the quantile of Student's distribution.

        Raises:
            ArgumentError: the confidence is not between 0 and 1.
        """
        reach = two_sided(fraction(confidence), self.degrees_of_freedom) * self.standard_error
        return self.mean - reach, self.mean + reach

    def apart(self, other: Mean) -> Mean:
        """The difference to another one, of other prompts or completions: variances are added, and Welch's degrees."""
        _check(other, Mean)
        parts = [(sample.standard_error**2, sample.degrees_of_freedom) for sample in (self, other)]
        return Mean(self.mean - other.mean, self.bias - other.bias, *_combined(parts), self.redrawn)

    def __str__(self) -> str:
        return f"{self.mean:.4f} ± {self.standard_error:.4f}"


@dataclass(frozen=True, eq=False)
class Summary(Mean):
    """The mean of a sample, with what differences need.

    Attributes:
        prompts: ids, by first appearance; None where every group is a prompt of its own.
        means: of each prompt, shape (P,).
        variances: of `means` over fresh completions, shape (P,); None if prompts are redrawn.
        groups: how many groups have a value.
        left_out: how many have none (NaN).
    """

    prompts: tuple[Hashable, ...] | None
    means: Array
    variances: Array | None
    groups: int
    left_out: int

    def minus(self, other: Summary, *, paired: bool = True) -> Mean:
        """The difference of two means, of one run and another.

        Paired, prompt by prompt, what the prompts differ in cancels; both must have the same prompts. Unpaired, or
        where only completions are redrawn, the two variances are added; degrees of freedom are Welch's.

        Raises:
            ArgumentError: the prompts are not the same, or the two errors are not of one kind.

        >>> new = summary([-1.0, -2.0, -3.0], ["x", "y", "z"])
        >>> old = summary([-3.6, -1.4, -2.5], ["z", "x", "y"])
        >>> print(new.minus(old), "or", new.minus(old, paired=False))
        0.5000 ± 0.0577 or 0.5000 ± 0.8583
        """
        _check(other, Summary)
        if self.redrawn != other.redrawn:
            raise ArgumentError(
                f"`other` must have redrawn={self.redrawn!r} as well, got {other.redrawn!r}; summarise both alike"
            )
        if paired:
            theirs = _aligned(self, other)
            if self.redrawn == "prompts":
                differences, bias = self.means - other.means[theirs], self.bias - other.bias
                return Mean(float(differences.mean()), bias, *_over_prompts(differences), self.redrawn)
        return self.apart(other)


def summary(values: object, prompts: object = None, *, redrawn: str = "prompts") -> Summary:
    """The mean over prompts of the mean value of each prompt's groups, with its standard error.

    Every prompt counts alike, however many groups it has. Which error is asked for depends on what might have been
    drawn otherwise:

    - ``redrawn="prompts"``: prompts are a sample. The error is the standard deviation of the prompts' means over √P,
      which is honest whatever the values are, and however many groups a prompt has (clustered by prompt).
    - ``redrawn="completions"``: the prompts are given, as in a fixed test set, and only completions would be drawn
      afresh. The error is √(Σ_p s_p²)/P, s_p² from the variances of a `ValueEstimate`, or without one from the spread
      of each prompt's groups, of which there must be two.

    Neither knows the estimator's bias, which no averaging removes: take aqp for means and differences, and see `bias`.

    Args:
        values: of groups, any shape, as `value` or `value_with_error` returns them; NaN is left out.
        prompts: the prompt of each group, same shape; without it every group is a prompt of its own.
        redrawn: ``"prompts"`` or ``"completions"``.

    Raises:
        ArgumentError: shapes that differ, infinite values, fewer than two prompts, or prompts with one group where
            their spread is needed.

    >>> found = summary([-1.0, -1.2, -2.0, -3.0], ["x", "x", "y", "z"])
    >>> print(found, found.of)
    -2.0333 ± 0.5487 the mean over the population that the prompts were drawn from
    >>> print(summary([-1.0, -1.2, -2.0, -3.0], ["x", "x", "y", "y"], redrawn="completions"))
    -1.8000 ± 0.2550
    """
    _check_redrawn(redrawn)
    sample = _read(values, prompts)
    means = sample.means()
    if redrawn == "prompts":
        variances, error = None, _over_prompts(means)
    else:
        variances, freedom = sample.variances(means)
        error = _combined(zip((variances / len(means) ** 2).tolist(), freedom, strict=True))
    counts = len(sample.values), sample.left_out
    return Summary(float(means.mean()), sample.bias(), *error, redrawn, sample.prompts, means, variances, *counts)


def _check_redrawn(redrawn: str) -> None:
    if not isinstance(redrawn, str) or redrawn not in REDRAWN:
        hint = nearest(str(redrawn).lower(), REDRAWN)
        raise ArgumentError(f"`redrawn` must be one of {', '.join(REDRAWN)}; got {shortened(redrawn)}{hint}")


@dataclass(frozen=True, eq=False)
class _Sample:
    """Groups that have a value: their values, prompts numbered by first appearance, and their errors if known."""

    values: Array
    index: NDArray[np.int64]
    known: ValueEstimate | None
    prompts: tuple[Hashable, ...] | None
    left_out: int

    def means(self, numbers: Array | None = None) -> Array:
        """Of the values, or other numbers, of each prompt's groups, shape (P,)."""
        return np.bincount(self.index, self.values if numbers is None else numbers) / np.bincount(self.index)

    def bias(self) -> float:
        """The mean of the prompts' biases."""
        return math.nan if self.known is None else float(self.means(self.known.bias).mean())

    def variances(self, means: Array) -> tuple[Array, list[float]]:
        """Of those means over fresh completions, and the degrees of freedom of each."""
        sizes = np.bincount(self.index)
        if self.known is not None:
            return self.means(self.known.variance) / sizes, [math.inf] * len(sizes)
        if sizes.min() < 2:
            raise ArgumentError(
                "`values` must come with errors, or two groups for each prompt, where redrawn='completions'; got a "
                "prompt with one group: pass the result of value_with_error"
            )
        squares = np.bincount(self.index, (self.values - means[self.index]) ** 2)
        return squares / (sizes - 1) / sizes, (sizes - 1.0).tolist()


def _read(values: object, prompts: object) -> _Sample:
    known = values.reshape((-1,)) if isinstance(values, ValueEstimate) else None
    numbers = _numbers(values if known is None else known.value)
    kept = ~np.isnan(numbers)
    names, index = (None, np.arange(kept.sum())) if prompts is None else _numbered(prompts, kept)
    if index.max(initial=0) < 1:
        raise ArgumentError(
            "`values` must have groups of at least two prompts, got fewer; for one prompt name no `prompts`, so that "
            "every group counts alone, or take the error of `value_with_error`"
        )
    return _Sample(numbers[kept], index, None if known is None else known.take(kept), names, int((~kept).sum()))


def _numbers(values: object) -> Array:
    """Flat float64 numbers, NaN among them allowed."""
    required, remedy = "numbers, one for each group", "NaN for groups without a value"
    numbers = read_numbers(cast("ArrayLike", values), "values", required, remedy).reshape(-1)
    if (np.abs(numbers) > LARGEST).any():
        raise ArgumentError(f"`values` must be finite, or NaN for groups without a value; got one beyond {LARGEST:g}")
    return numbers


def _numbered(prompts: object, kept: NDArray[np.bool_]) -> tuple[tuple[Hashable, ...], NDArray[np.int64]]:
    """The prompts of the groups that are kept, by first appearance, and which of them each group has."""
    if not isinstance(prompts, Iterable) or isinstance(prompts, Mapping | Set):
        raise ArgumentError(
            f"`prompts` must be a sequence of ids, one for each group; got {type(prompts).__name__}; pass a list"
        )
    ids = prompts.reshape(-1).tolist() if isinstance(prompts, np.ndarray) else list(prompts)
    if len(ids) != len(kept):
        raise ArgumentError(f"`prompts` must name one prompt for each of {len(kept)} groups, got {len(ids)}")
    numbers: dict[Hashable, int] = {}
    try:
        index = [numbers.setdefault(name, len(numbers)) for name, keep in zip(ids, kept.tolist(), strict=True) if keep]
    except TypeError:
        raise ArgumentError("`prompts` must be hashable ids, such as strings or integers") from None
    if any(name is None or name != name for name in numbers):
        raise ArgumentError("`prompts` must name the prompt of every group, got None or NaN; leave these groups out")
    return tuple(numbers), np.array(index, np.int64)


def _over_prompts(means: Array) -> tuple[float, float]:
    """Standard error of the mean of independent numbers, and its degrees of freedom."""
    return float(means.std(ddof=1)) / math.sqrt(len(means)), len(means) - 1.0


def _combined(parts: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Error and degrees of freedom of a sum of independent numbers, from their variances and degrees (Welch)."""
    known = list(parts)
    total = max(math.fsum(variance for variance, _ in known), 0.0)
    spread = math.fsum(variance**2 / freedom for variance, freedom in known)
    return math.sqrt(total), total**2 / spread if spread else math.inf


def _check(other: Mean, kind: type[Mean]) -> None:
    if not isinstance(other, kind):
        raise ArgumentError(
            f"`other` must be a {kind.__name__} like this one, got {shortened(other)}; make it by polyest.summary"
        )


def _aligned(first: Summary, second: Summary) -> list[int]:
    """Where the second has the first's prompts."""
    if first.prompts is None or second.prompts is None or {*first.prompts} != {*second.prompts}:
        raise ArgumentError(
            "`paired` needs two summaries of the same prompts, given by id; name them in `prompts`, keep those that "
            "both have, or say paired=False"
        )
    places = {name: i for i, name in enumerate(second.prompts)}
    return [places[name] for name in first.prompts]
