"""Rewards, advantages and values as one pure function of arrays."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from polyest.adapters.lookup import ArrayFunctions, Matrices
from polyest.problems.targets import get_target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table = NDArray[np.float64]

__all__ = ["Given", "score"]

FUNCTIONS = ArrayFunctions(jnp.log, jnp.exp, jnp.sqrt)
UNROLL = 16


class Given(NamedTuple):
    """What is scored.

    Attributes:
        answers: ids, shape (..., K).
        valid: which entries are completions; None if all are.
        usable: which entries may match others; None if all may.
        reference: q, or None.
        weights: w, or None.
    """

    answers: Array
    valid: Array | None
    usable: Array | None
    reference: Array | None
    weights: Array | None

    @property
    def sizes(self) -> Array | int:
        """n of each group, shape (..., 1), or one number for all."""
        return self.answers.shape[-1] if self.valid is None else self.valid.sum(-1, keepdims=True)

    def mask(self, values: Array, other: float = 0.0) -> Array:
        """The values of completions, and another where there is none."""
        return values if self.valid is None else jnp.where(self.valid, values, other)

    def sum(self, values: Array) -> Array:
        """The sum over each group's completions, shape (..., 1)."""
        return self.mask(values).sum(-1, keepdims=True)

    def rest(self, values: Array) -> Array:
        """The mean over the other completions of the group."""
        return (self.sum(values) - values) / (self.sizes - 1)


def score(kind: str, target: str, tables: Matrices, given: Given) -> Array:
    """`kind` is rewards, advantages or value; rows n of the tables where completions may be missing, else one row."""
    rows: tuple[Table, ...] | Table = (tables.rewards,)
    if kind == "advantages" and tables.advantages is not None and tables.weights is not None:
        rows = (tables.advantages, tables.weights.integers * tables.weights.scales[:, None])
        if given.weights is not None and tables.weighted is not None:
            rows = tables.weighted  # one array to move
    result: Array = _score(kind, target, rows, given)
    return result


@partial(jax.jit, static_argnames=("kind", "target"))
def _score(kind: str, target: str, tables: tuple[Table, ...] | Table, given: Given) -> Array:
    given = given._replace(weights=_finite(given))
    scores = _counted(tables, given)
    if given.reference is not None:
        r = _reference_reward(target, given)
        scores = scores - (r - given.rest(r) if kind == "advantages" else r)
    if kind == "value":
        return (given.sum(scores) / given.sizes).squeeze(-1)
    return given.mask(scores, jnp.nan)


def _counted(tables: tuple[Table, ...] | Table, given: Given) -> Array:
    """The part of the scores that depends on matches: of rewards with one table, of advantages with two or three."""
    matches, *same = _count(given, *(() if len(tables) < 3 or given.weights is None else (given.weights,)))
    row = 0 if given.valid is None else given.sizes
    looked = [jnp.asarray(table)[row, matches] for table in tables]
    w, others = 1.0 if given.weights is None else given.weights, given.sizes - 1
    match looked:
        case [pay]:
            return pay * w
        case [pay, rate]:
            return pay - given.sum(rate) / others
        case [own, step, rate]:
            total = jnp.dot(given.mask(w * rate), jnp.ones(matches.shape[-1:]), precision="highest")  # not fused
            return w * own + same[0] * step - total[..., None]
    raise AssertionError(len(looked))


def _count(given: Given, *weights: Array) -> tuple[Array, ...]:
    """m_i, and W_i of each weights, those of all completions with the answer of i; one column after the other.

    A loop with weights is left one: unrolled into a single step it would be repeated wherever its results are used.
    """
    ids = given.answers
    ones = jnp.ones(ids.shape, jnp.int32) if given.usable is None else given.usable.astype(jnp.int32)
    columns, unroll = (ones, *weights), min(UNROLL, ids.shape[-1] // 2) if weights else UNROLL

    def add(column: int, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        is_same = ids == _column(ids, column)
        return tuple(s + jnp.where(is_same, _column(v, column), 0) for s, v in zip(sums, columns, strict=True))

    start = (-ones, *map(jnp.zeros_like, columns[1:]))
    return tuple(jax.lax.fori_loop(0, ids.shape[-1], add, start, unroll=unroll))


def _column(array: Array, column: int) -> Array:
    return jax.lax.dynamic_slice_in_dim(array, column, 1, axis=-1)


def _finite(given: Given) -> Array | None:
    """w_i held fixed, NaN where it is not finite, 0 where there is no completion."""
    if given.weights is None:
        return None
    w = jax.lax.stop_gradient(given.weights)
    return given.mask(jnp.where(jnp.isfinite(w), w, jnp.nan))


def _reference_reward(target: str, given: Given) -> Array:
    """r(q_i), weighted, NaN where q is no probability, 0 where there is no completion."""
    q = jnp.asarray(given.reference)
    r = get_target(target).formula(q, FUNCTIONS)
    r = given.mask(jnp.where((q >= 0) & (q <= 1) & jnp.isfinite(r), r, jnp.nan))
    return r if given.weights is None else r * given.weights
