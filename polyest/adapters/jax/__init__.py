"""Rewards, advantages and values on JAX arrays: pure functions of arrays, under `jax.jit` and `jax.vmap` or without.

>>> import jax, jax.numpy as jnp, polyest.adapters.jax
>>> estimator = polyest.adapters.jax.load("log", group_size=3, method="harmonic")
>>> jax.jit(estimator.rewards)(jnp.array([[5, 5, 8]])).tolist()
[[-0.5, -0.5, -1.5]]
"""

from __future__ import annotations

from functools import partial
from typing import Any, Unpack

from polyest.errors import MissingDependencyError
from polyest.problems.budget import BudgetArguments

try:
    import jax
except ImportError as error:
    raise MissingDependencyError.for_extra("jax", "jax", "polyest.adapters.jax") from error

import jax.numpy as jnp
from jax import Array

from polyest import estimator as runtime
from polyest.adapters.jax.arrays import differ, ids, probabilities
from polyest.adapters.jax.graded import GradedObjective
from polyest.adapters.lookup import Functions, check_padding_id, check_shape, matrices
from polyest.problems.problem import Problem
from polyest.problems.targets import Target, get_target

__all__ = ["Estimator", "GradedObjective", "ids", "load"]

FUNCTIONS = Functions(jnp)
UNROLL = 16


class Estimator:
    """A table that scores groups of K completions; made by `load`.

    Every method takes `answers` of shape (..., K), integer (or bool) ids, and returns an array of floats: float64 with
    ``jax_enable_x64``, else float32. No gradient flows through any result.

    Entries equal to `padding_id` are no completions: their score is NaN, they match nothing, and a group that has
    n < K completions left is scored with the table of n. Where nothing can be scored (n < 2, or a size without a table,
    which a warning names when the estimator is made) the score is NaN.

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

    def rewards(self, answers: Any, reference: Any = None) -> Array:
        """The reward of every completion: c[m_i] − r(q_i), m_i the number of others with the same answer.

        Args:
            answers: ids, shape (..., K): a JAX array, or a numpy array or list whose ids fit the integer width in use.
            reference: q, shape (..., K): the probability that a reference gives each completion's answer; adds −r(q).
                Where q is outside [0, 1] or r(q) is not finite, the score is NaN.

        Returns:
            Array of the answers' shape.

        Raises:
            ArgumentError: a wrong last dimension, ids that are no integers or do not fit, arrays on different devices.

        Source: theory.md §2.
        """
        return self._score("rewards", answers, reference)

    def advantages(self, answers: Any, reference: Any = None) -> Array:
        """Rewards minus the exact leave-one-out baseline: A_i = c[m_i] − 1/(K−1) Σ_{j≠i} c'[m_j − 1{z_j = z_i}].

        The reference's part of a reward has the mean of the others' as its baseline. Arguments, returns and errors are
        those of `rewards`; an estimator loaded with ``baseline=`` has no advantages.

        Source: theory.md §5.

        >>> load("log", 3, method="harmonic").advantages([5, 5, 8]).tolist()
        [0.5, 0.5, -1.5]
        """
        _ = self._estimator.leave_one_out_coefficients  # raises the reason where there are none
        return self._score("advantages", answers, reference)

    def value(self, answers: Any, reference: Any = None) -> Array:
        """The mean reward of every group, shape (...,): for ``log``, minus the entropy of the answers in nats.

        Arguments and errors are those of `rewards`.

        Source: theory.md §6.

        >>> load("log", 2, method="harmonic").value([[1, 1], [1, 2]]).tolist()
        [0.0, -1.0]
        """
        return self._score("value", answers, reference)

    def _score(self, kind: str, answers: Any, reference: Any) -> Array:
        array, tables = ids(answers), self._matrices
        check_shape(self._estimator, array.shape)
        if reference is not None:
            reference = probabilities(reference, array)
        valid = None if self.padding_id is None else differ(array, self.padding_id)
        pay, weights = tables.rewards, None
        if kind == "advantages" and tables.advantages is not None and tables.weights is not None:
            pay, weights = tables.advantages, tables.weights.integers * tables.weights.scales[:, None]
        scores: Array = _scores(kind, self.problem.target, pay, weights, array, valid, reference)
        return scores

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


@partial(jax.jit, static_argnames=("kind", "target"))
def _scores(kind: str, target: str, pay: Any, weights: Any, answers: Array, valid: Any, reference: Any) -> Array:
    """Rewards, advantages or values; rows n of the tables with padding, one row without."""
    sizes = answers.shape[-1] if valid is None else valid.sum(-1, keepdims=True)
    row = 0 if valid is None else sizes
    matches = _count_matches(answers)
    scores = jnp.asarray(pay)[row, matches]
    others = sizes - 1
    if kind == "advantages":
        scores = scores - _sum(jnp.asarray(weights)[row, matches], valid) / others
    if reference is not None:
        r = _reference_reward(target, reference, valid)
        scores = scores - (r - (_sum(r, valid) - r) / others if kind == "advantages" else r)
    if kind == "value":
        return (_sum(scores, valid) / sizes).squeeze(-1)
    return scores if valid is None else jnp.where(valid, scores, jnp.nan)


def _count_matches(array: Array) -> Array:
    """m_i = #{j ≠ i : z_j = z_i} along the last dimension, comparing with one column after the other."""

    def add(column: Any, counts: Array) -> Array:
        return counts + (array == jax.lax.dynamic_slice_in_dim(array, column, 1, axis=-1))

    counts: Array = jax.lax.fori_loop(0, array.shape[-1], add, jnp.full(array.shape, -1, jnp.int32), unroll=UNROLL)
    return counts


def _reference_reward(target: str, q: Array, valid: Any) -> Array:
    """r(q_i), NaN where q is no probability, 0 where there is no completion."""
    r = get_target(target).formula(q, FUNCTIONS)
    r = jnp.where((q >= 0) & (q <= 1) & jnp.isfinite(r), r, jnp.nan)
    return r if valid is None else jnp.where(valid, r, 0.0)


def _sum(values: Array, valid: Any) -> Array:
    """The sum over each group's completions, shape (..., 1)."""
    return (values if valid is None else jnp.where(valid, values, 0.0)).sum(-1, keepdims=True)
