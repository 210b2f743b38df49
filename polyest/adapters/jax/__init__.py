"""Rewards, advantages and values on JAX arrays: pure functions of arrays, under `jax.jit` and `jax.vmap` or without.

>>> import jax, jax.numpy as jnp, polyest.adapters.jax
>>> estimator = polyest.adapters.jax.load("log", group_size=3, method="harmonic")
>>> jax.jit(estimator.rewards)(jnp.array([[5, 5, 8]])).tolist()
[[-0.5, -0.5, -1.5]]

`arrays` reads and checks, `scoring` is the pure function behind `Estimator`, `graded` has graded rewards.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypedDict, Unpack

from polyest.errors import MissingDependencyError

try:
    import jax  # noqa: F401
except ImportError as error:
    raise MissingDependencyError.for_extra("jax", "jax", "polyest.adapters.jax") from error

import jax.numpy as jnp
from jax import Array

from polyest import estimator as runtime
from polyest.adapters.jax.arrays import differ, ids, mask, numbers, probabilities
from polyest.adapters.jax.graded import GradedObjective
from polyest.adapters.jax.scoring import Given, score
from polyest.adapters.lookup import Matrices, check_names, check_padding_id, check_shape, matrices
from polyest.problems.problem import Problem
from polyest.problems.targets import Target

if TYPE_CHECKING:
    from polyest.adapters.jax.arrays import Booleans, Ids, Numbers
    from polyest.problems.budget import BudgetArguments

__all__ = ["Estimator", "GradedObjective", "ids", "load"]


class Weighing(TypedDict, total=False):
    """What completions have besides answers; see `Estimator.rewards`."""

    weights: Numbers | None
    usable: Booleans | None


class Estimator:
    """A table that scores groups of K completions; made by `load`.

    Every method takes `answers` of shape (..., K), integer (or bool) ids, and returns an array of floats: float64 with
    ``jax_enable_x64``, else float32. No gradient flows through any result.

    Entries equal to `padding_id` are no completions: their score is NaN, they match nothing, and a group that has
    n < K completions left is scored with the table of n. Where nothing can be scored (n < 2, or a size without a table,
    which a warning names when the estimator is made) the score is NaN. Entries that are not `usable` are padding too;
    the first call with `usable` loads the tables of 2..K−1 completions, if the estimator has no `padding_id`.

    >>> estimator = load("log", 3, method="plug_in", padding_id=-1)
    >>> estimator.rewards(jnp.array([[5, 5, 8], [5, 5, -1]])).tolist()[1]
    [0.0, 0.0, nan]
    """

    def __init__(self, estimator: runtime.Estimator, padding_id: int | None = None) -> None:
        self.padding_id = check_padding_id(padding_id)
        self._estimator = estimator
        self._matrices = matrices(estimator, padded=padding_id is not None)

    def __eq__(self, other: object) -> bool:
        """Whether both have the same table and the same padding."""
        return self._parts() == other._parts() if isinstance(other, Estimator) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts())

    def _parts(self) -> tuple[runtime.Estimator, int | None]:
        return self._estimator, self.padding_id

    @property
    def problem(self) -> Problem:
        """What is estimated, and how."""
        return self._estimator.problem

    @property
    def coefficients(self) -> Array:
        """c, shape (K,): the reward at 0..K−1 matches."""
        return jnp.asarray(self._estimator.coefficients)

    @property
    def leave_one_out_coefficients(self) -> Array:
        """c', shape (K−1,): what the others are paid without the completion itself (theory.md §5)."""
        return jnp.asarray(self._estimator.leave_one_out_coefficients)

    def rewards(self, answers: Ids, reference: Numbers | None = None, **given: Unpack[Weighing]) -> Array:
        """The reward of every completion: c[m_i] − r(q_i), m_i the number of others with the same answer.

        Args:
            answers: ids, shape (..., K): a JAX array, or a numpy array or list whose ids fit the integer width in use.
            reference: q, shape (..., K): the probability that a reference gives each completion's answer; adds −r(q).
                Where q is outside [0, 1] or r(q) is not finite, the score is NaN.
            weights: w, shape (..., K), real numbers of any dtype: what the whole reward of each completion is
                multiplied by, in the floats of the result. A NaN or ±inf makes the reward NaN, and the advantages and
                the value of its group.
            usable: booleans, shape (..., K): False for a completion that was lost for a reason that does not depend on
                its answer (a crash, a lost worker); see `polyest.load(...).rewards`.

        Returns:
            Array of the answers' shape.

        Raises:
            ArgumentError: a wrong last dimension, ids that are no integers or do not fit, arrays on different devices.

        Source: theory.md §2.
        """
        return self._score("rewards", answers, reference, given)

    def advantages(self, answers: Ids, reference: Numbers | None = None, **given: Unpack[Weighing]) -> Array:
        """Rewards minus the exact leave-one-out baseline: w_i c[m_i] − 1/(K−1) Σ_{j≠i} w_j c'[m_j − 1{z_j = z_i}].

        The weights w are 1 where none are given. The reference's part of a reward has the mean of the others' as its
        baseline. Arguments, returns and errors are those of `rewards`; an estimator loaded with ``baseline=`` has no
        advantages.

        Source: theory.md §5, §9.

        >>> load("log", 3, method="harmonic").advantages([5, 5, 8]).tolist()
        [0.5, 0.5, -1.5]
        """
        _ = self._estimator.leave_one_out_coefficients  # raises the reason where there are none
        return self._score("advantages", answers, reference, given)

    def value(self, answers: Ids, reference: Numbers | None = None, **given: Unpack[Weighing]) -> Array:
        """The mean reward of every group, shape (...,): for ``log``, minus the entropy of the answers in nats.

        Arguments and errors are those of `rewards`.

        Source: theory.md §6.

        >>> load("log", 2, method="harmonic").value([[1, 1], [1, 2]]).tolist()
        [0.0, -1.0]
        """
        return self._score("value", answers, reference, given)

    def _score(self, kind: str, answers: Ids, reference: Numbers | None, besides: Weighing) -> Array:
        check_names(besides, Weighing.__annotations__)
        weights, usable = besides.get("weights"), besides.get("usable")
        array = ids(answers)
        check_shape(self._estimator, array.shape)
        q = None if reference is None else probabilities(reference, array)
        w = None if weights is None else numbers(weights, array)
        may_match = None if usable is None else mask(usable, array)
        valid = None if self.padding_id is None else differ(array, self.padding_id)
        tables = self._matrices
        if may_match is not None:
            tables = self._all_sizes if valid is None else tables
            valid = may_match if valid is None else valid & may_match
        return score(kind, self.problem.target, tables, Given(array, valid, may_match, q, w))

    @cached_property
    def _all_sizes(self) -> Matrices:
        """The tables of 2..K completions, for an estimator without padding."""
        return matrices(self._estimator, padded=True)

    def __repr__(self) -> str:
        return f"Estimator({self.problem})"


def load(
    target: str | Target,
    group_size: int,
    method: str | None = None,
    *,
    baseline: str | None = None,
    padding_id: int | None = None,
    **budget: Unpack[BudgetArguments],
) -> Estimator:
    """The estimator of a target for groups of K completions.

    Args:
        target, group_size, method, baseline, budget: as in `polyest.load`.
        padding_id: the id that marks an entry as padding; None if groups are always full.

    Returns:
        An `Estimator`.

    Raises:
        ArgumentError, TableNotFoundError: as `polyest.load` does.

    >>> load("log", 2, method="harmonic").coefficients.tolist()
    [-1.0, 0.0]
    """
    return Estimator(runtime.load(target, group_size, method, baseline=baseline, **budget), padding_id)
