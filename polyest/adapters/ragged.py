"""What flat completions are paid for their answers: groups of any sizes, for whichever framework asks.

Of a completion this needs its answer, its group, whether it is usable, and, for a product, its reward R_i as a weight.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np

from polyest.arrays import read_mask, read_numbers
from polyest.errors import ArgumentError
from polyest.estimator import Estimator
from polyest.online.answers import Answers, read_answers
from polyest.online.lookup import lookups
from polyest.problems.problem import check_sizes, problem_of_answers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from polyest.adapters.pay import AnswerPay
    from polyest.online.answers import AnswersLike

    Array = NDArray[np.float64]

__all__ = ["BASELINE", "advantages", "centred", "estimators", "rewards", "rows_by_size"]

# A trainer that subtracts the group mean leaves (1 − 1/K) times the gradient of this table, as of any other reward.
BASELINE = "leave_one_out_mean"


def advantages(
    pay: AnswerPay,
    answers: AnswersLike,
    groups: AnswersLike,
    *,
    usable: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Array:
    """Exact advantages, in place of what a trainer makes of rewards; see `AnswerPay.advantages`.

    Args:
        pay: what is paid; with ``combine="multiply"`` there are weights.
        answers: shape (N,), hashable, None for no answer.
        groups: shape (N,), the group of each completion; any sizes, any order.
        usable: shape (N,), False for completions that were lost whatever they said; they get 0 and count nowhere.
        weights: shape (N,), the rewards R_i of a product.

    Returns:
        Shape (N,); 0 in groups of one, with one warning.

    Raises:
        ArgumentError: lengths that differ, weights without a product or the other way round, negative weights.
        TableNotFoundError: names every group size that has no table.

    >>> from polyest.adapters.pay import AnswerPay
    >>> advantages(AnswerPay(method="harmonic"), ["x", "x", "y", "z", "y"], [7, 7, 7, 8, 8]).tolist()
    [-0.5, -0.5, 1.5, 1.0, 1.0]
    """
    return _scores("advantages", pay, answers, groups, usable, weights)


def rewards(
    pay: AnswerPay,
    answers: AnswersLike,
    groups: AnswersLike,
    *,
    usable: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Array:
    """Rewards for a trainer that subtracts the mean of each group, proof against that (theory.md §5).

    Arguments, returns and errors are those of `advantages`; groups of two, which that subtraction leaves nothing, get 0
    with one warning, too. Unusable completions must be dropped from the group whose mean is subtracted. And:

    Raises:
        ArgumentError: weights that differ between completions of one answer (theory.md §9).

    >>> from polyest.adapters.pay import AnswerPay
    >>> rewards(AnswerPay(method="harmonic"), ["x", "x", "y", "z"], [7, 7, 7, 7]).tolist()
    [0.5, 0.5, 1.5, 1.5]
    """
    return _scores("rewards", pay, answers, groups, usable, weights)


def estimators(pay: AnswerPay, group_sizes: Iterable[int], baseline: str | None = None) -> dict[int, Estimator]:
    """The estimator of each group size.

    Raises:
        TableNotFoundError: names every size that has no table.
    """
    sizes = list(group_sizes)
    check_sizes(sizes)
    found = lookups(problem_of_answers(pay.target, n, pay.method, baseline=baseline, **pay.budget) for n in sizes)
    return {n: Estimator(lookup) for n, lookup in found.items()}


def rows_by_size(groups: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """For each group size n, where the completions of the groups of that size are, shape (G, n).

    >>> {n: rows.tolist() for n, rows in rows_by_size(np.array([5, 3, 5])).items()}
    {1: [[1]], 2: [[0, 2]]}
    """
    order = np.argsort(groups, kind="stable")
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    return {n: order[starts[sizes == n, None] + np.arange(n)] for n in np.unique(sizes).tolist()}


def centred(rewards: Array, groups: AnswersLike, usable: ArrayLike | None = None) -> Array:
    """Ordinary rewards minus the mean of the others' in each group, shape (N,); 0 in groups of one.

    >>> centred(np.array([1.0, 0.0, 0.0, 5.0]), [7, 7, 7, 8]).tolist()
    [1.0, -0.5, -0.5, 0.0]
    """
    ids, result = _ids(groups), np.zeros(len(rewards))
    kept = np.flatnonzero(_usable(usable, len(ids)))
    for n, found in rows_by_size(ids[kept]).items():
        own = rewards[kept[found]]
        result[kept[found]] = (n * own - own.sum(axis=1, keepdims=True)) / max(n - 1, 1)
    return result


def _scores(
    kind: Literal["rewards", "advantages"],
    pay: AnswerPay,
    answers: AnswersLike,
    groups: AnswersLike,
    usable: ArrayLike | None,
    weights: ArrayLike | None,
) -> Array:
    read, ids = read_answers(answers), _ids(groups)
    factors = _weights(pay, weights, len(ids))
    kept = np.flatnonzero(_usable(usable, len(ids)))
    if read.codes.shape != ids.shape:
        raise ArgumentError(
            f"`answers` and `groups` must be flat and of equal length, got shapes {read.codes.shape} and {ids.shape}; "
            "give each completion an answer, None where there is none, and a group"
        )
    result, least = np.zeros(len(ids)), 2 if kind == "advantages" else 3
    by_size = rows_by_size(ids[kept])
    _warn_of_small([n for n in by_size if n < least], least)
    baseline = None if kind == "advantages" else BASELINE
    for n, estimator in estimators(pay, [n for n in by_size if n >= least], baseline).items():
        rows = kept[by_size[n]]
        missing = None if read.missing is None else read.missing[rows]
        R, own = None if factors is None else factors[rows], Answers(read.codes[rows], missing)
        if R is not None and kind == "rewards":
            _check_alike(pay.counted(own, R), R)
        result[rows] = getattr(pay, kind)(estimator, own, R)
    return result


def _ids(groups: AnswersLike) -> NDArray[np.int64]:
    read = read_answers(groups, argument="groups")
    if read.missing is not None or read.codes.ndim != 1:
        raise ArgumentError(
            "`groups` must be flat, with the group of each completion, got None, or another shape; number the prompts"
        )
    return read.codes.astype(np.int64)


def _usable(usable: ArrayLike | None, size: int) -> NDArray[np.bool_]:
    return np.ones(size, np.bool_) if usable is None else read_mask(usable, (size,))


def _weights(pay: AnswerPay, weights: ArrayLike | None, size: int) -> Array | None:
    if pay.multiplies != (weights is not None):
        raise ArgumentError(
            f"`weights` must be the rewards of a product, combine='multiply', and only of one, got "
            f"{'none' if weights is None else 'some'} with {pay.combine!r}"
        )
    if weights is None:
        return None
    numbers = read_numbers(weights, "weights", "the rewards of a product", "one for each completion")
    if numbers.shape != (size,) or not np.isfinite(numbers).all():
        raise ArgumentError(
            f"`weights` must be a finite number for each of {size} completions, got shape {numbers.shape}"
            f"{'' if numbers.shape != (size,) else ' with NaN or infinity'}; pay a failure 0"
        )
    return numbers


def _warn_of_small(sizes: list[int], least: int) -> None:
    if sizes:
        warnings.warn(
            f"`groups` has groups of {' and '.join(map(str, sizes))}, in which answers cannot be compared; they are "
            f"paid 0 for them; let every prompt have at least {least} completions",
            stacklevel=4,
        )


def _check_alike(answers: Answers, weights: Array) -> None:
    same = answers.codes[:, :, None] == answers.codes[:, None, :]
    different = np.argwhere(same & (weights[:, :, None] != weights[:, None, :]))
    if len(different):
        group, one, other = different[0].tolist()
        raise ArgumentError(
            f"`weights` must be alike for all completions of an answer, got {weights[group, one]:g} and "
            f"{weights[group, other]:g} in one group: the trainer subtracts the group mean, and no table is proof "
            "against that otherwise; for rewards of 0 and 1 set count='correct'"
        )
