"""Scoring flat answers by group ids: groups of any sizes, in any order.

Every group is scored with the table of its own size; a group of one completion scores NaN, with one warning.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from polyest.online import grouping, scoring
from polyest.online.lookup import lookups
from polyest.problems.budget import RaggedArguments, as_ragged, from_ragged
from polyest.problems.problem import LARGEST_GROUP, Problem, check_sizes, problem_of_answers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from polyest.online.answers import AnswersLike
    from polyest.online.layout import Array, Scores
    from polyest.online.lookup import Lookup
    from polyest.problems.targets import Target
    from polyest.uncertainty import ValueEstimate

__all__ = ["advantages", "rewards", "tables_of", "value", "value_with_error"]


def rewards(
    answers: AnswersLike,
    groups: AnswersLike,
    target: str | Target,
    method: str | None = None,
    *,
    baseline: str | None = None,
    reference: ArrayLike | None = None,
    padding_id: Hashable = None,
    no_answer_reward: float | None = None,
    weights: ArrayLike | None = None,
    usable: ArrayLike | None = None,
    out: Scores | None = None,
    dtype: DTypeLike | None = None,
    threads: int = 1,
    **budget: Unpack[RaggedArguments],
) -> NDArray[Any]:
    """The reward of every completion, c[m_i] − r(q_i) with the table of its group's size (theory.md §2).

    Args:
        answers: shape (N,), as in `polyest.load(...).rewards`; rows equal to `padding_id` score NaN and count nowhere.
        groups: shape (N,), the group of each completion: integers or hashable ids, in any order.
        target, method, baseline: as in `polyest.load`; the others as in `polyest.load(...).rewards`.
        budget: ``noise_budget=ρ`` or ``bias_budget=κ`` as in `polyest.load`, or ``averaged_groups=M``, what is called
            ``groups`` there: the number of groups that an update averages.

    Returns:
        Array of shape (N,), in the order of the answers; NaN for groups of one, with one warning.

    Raises:
        ArgumentError: lengths that differ, an array of floats, missing group ids, a group of two with a `baseline`, or
            another bad argument.
        TableNotFoundError: names every group size that has no table, before anything is scored.

    >>> rewards([1, 1, 2, 1, 3], ["x", "y", "x", "y", "y"], "log", method="harmonic").tolist()
    [-1.0, -0.5, -1.0, -0.5, -1.5]
    """
    options = grouping.Options("rewards", target, reference, padding_id, no_answer_reward, threads, weights, usable)
    job = grouping.ragged(tables_of(target, method, budget, baseline), answers, groups, options)
    return scoring.scores(job, out, dtype)


def advantages(
    answers: AnswersLike,
    groups: AnswersLike,
    target: str | Target,
    method: str | None = None,
    *,
    reference: ArrayLike | None = None,
    padding_id: Hashable = None,
    no_answer_reward: float | None = None,
    weights: ArrayLike | None = None,
    usable: ArrayLike | None = None,
    out: Scores | None = None,
    dtype: DTypeLike | None = None,
    threads: int = 1,
    **budget: Unpack[RaggedArguments],
) -> NDArray[Any]:
    """Rewards minus the exact leave-one-out baseline of each group (theory.md §5).

    Arguments, returns and errors are those of `rewards`, without `baseline`.

    >>> advantages([5, 5, 8], [0, 0, 0], "log", method="harmonic").round(3).tolist()
    [0.5, 0.5, -1.5]
    """
    options = grouping.Options("advantages", target, reference, padding_id, no_answer_reward, threads, weights, usable)
    job = grouping.ragged(tables_of(target, method, budget), answers, groups, options)
    return scoring.scores(job, out, dtype)


def value(
    answers: AnswersLike,
    groups: AnswersLike,
    target: str | Target,
    method: str | None = None,
    *,
    reference: ArrayLike | None = None,
    padding_id: Hashable = None,
    no_answer_reward: float | None = None,
    weights: ArrayLike | None = None,
    usable: ArrayLike | None = None,
    threads: int = 1,
    **budget: Unpack[RaggedArguments],
) -> tuple[Any, Array]:
    """The mean reward of every group (theory.md §6): for ``log``, minus the entropy of its answers in nats.

    Arguments and errors are those of `rewards`, without `baseline`, `out` and `dtype`.

    Returns:
        The group ids by first appearance (a list, or an array if `groups` is one), and their values, both of shape
        (G,). Groups of padding alone are left out.

    >>> ids, means = value([1, 1, 2, 1], ["x", "y", "x", "y"], "log", method="harmonic")
    >>> dict(zip(ids, means.tolist()))
    {'x': -1.0, 'y': 0.0}
    """
    options = grouping.Options("values", target, reference, padding_id, no_answer_reward, threads, weights, usable)
    job = grouping.ragged(tables_of(target, method, budget), answers, groups, options)
    ids, order = _by_appearance(job, groups)
    return ids, scoring.values(job)[order]


def value_with_error(
    answers: AnswersLike,
    groups: AnswersLike,
    target: str | Target,
    method: str | None = None,
    *,
    reference: ArrayLike | None = None,
    padding_id: Hashable = None,
    no_answer_reward: float | None = None,
    error: str = "multinomial",
    threads: int = 1,
    **budget: Unpack[RaggedArguments],
) -> tuple[Any, ValueEstimate]:
    """The value of every group with its standard error; see `polyest.load(...).value_with_error`.

    Arguments and errors are those of `value`, and `error`; there are no weights.

    Returns:
        The group ids by first appearance, as in `value`, and a `polyest.uncertainty.ValueEstimate` of arrays of shape
        (G,).

    >>> ids, found = value_with_error([1, 1, 2, 1, 1], ["x", "y", "x", "y", "x"], "log", method="harmonic")
    >>> ids, found.value.round(3).tolist(), found.standard_error.round(3).tolist(), found.is_doubtful.tolist()
    (['x', 'y'], [-0.833, 0.0], [0.438, 0.497], [True, True])
    """
    from polyest.uncertainty.estimate import estimate

    options = grouping.Options("values", target, reference, padding_id, no_answer_reward, threads)
    tables = tables_of(target, method, budget)
    job = grouping.ragged(tables, answers, groups, options)
    ids, order = _by_appearance(job, groups)
    return ids, estimate(job, tables, error, no_answer_reward).take(order)


def _by_appearance(job: grouping.Job, groups: AnswersLike) -> tuple[Any, NDArray[np.int64]]:
    """The ids of the groups by first appearance, and their numbers in the job."""
    firsts = job.layout.starts[:-1] if job.layout.rows is None else job.layout.rows[job.layout.starts[:-1]]
    order = np.argsort(firsts)
    rows = firsts[order]
    ids = [groups[row] for row in rows.tolist()] if isinstance(groups, list) else np.asarray(groups)[rows]
    return ids, order


def tables_of(
    target: str | Target, method: str | None, budget: RaggedArguments, baseline: str | None = None
) -> grouping.Lookups:
    """The look-up arrays of the group sizes that it is asked for."""
    given = from_ragged(budget)

    def problem(group_size: int) -> Problem:
        with as_ragged():
            return problem_of_answers(target, group_size, method, baseline=baseline, **given)

    def tables(sizes: list[int]) -> dict[int, Lookup]:
        check_sizes(sizes)
        if not sizes:
            problem(LARGEST_GROUP)  # the arguments are checked where there is no group, too
        return lookups(problem(n) for n in sizes)

    return tables
