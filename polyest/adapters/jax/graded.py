"""Graded rewards on JAX arrays: best of n and other L-statistics, pure functions of arrays."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from polyest.errors import ArgumentError
from polyest.graded import Objective

__all__ = ["GradedObjective"]


class GradedObjective:
    """An objective of `polyest.graded` for groups of K completions, under `jax.jit` and `jax.vmap` or without.

    Every method takes `rewards` of shape (..., K), real numbers, and returns floats: float64 with ``jax_enable_x64``,
    else float32, in which the sums are then taken too. A NaN or ±inf is no error here: it is not ranked either, its
    whole group scores NaN. No gradient flows through any result.

    >>> from polyest.graded import best_of
    >>> GradedObjective(best_of(3, group_size=5)).advantages([1.0, 4, 2, 8, 5]).tolist()
    [-1.375, -0.875, -1.375, 10.625, 0.5]
    """

    def __init__(self, objective: Objective) -> None:
        if not isinstance(objective, Objective) or objective.group_size is None:
            raise ArgumentError(
                f"`objective` must be made by polyest.graded with a group_size, got {objective!r:.60}; "
                "for instance best_of(4, group_size=16)"
            )
        self.objective = objective

    def rewards(self, rewards: Any) -> Array:
        """`polyest.graded.Objective.rewards`, shape (..., K)."""
        return self._scores("rewards", rewards)

    def advantages(self, rewards: Any) -> Array:
        """`polyest.graded.Objective.advantages`, shape (..., K)."""
        return self._scores("advantages", rewards)

    def values(self, rewards: Any) -> Array:
        """`polyest.graded.Objective.values`, shape (...,)."""
        return self._scores("values", rewards)

    def _scores(self, kind: str, rewards: Any) -> Array:
        pay, array = self.objective.pay(kind), jnp.asarray(rewards)
        if array.ndim == 0 or array.shape[-1] != self.objective.group_size:
            raise ArgumentError(
                f"`rewards` must have shape (..., {self.objective.group_size}), the group size of this "
                f"{self.objective.name}; got {array.shape}; make an objective for that size"
            )
        if jnp.iscomplexobj(array):
            raise ArgumentError(f"`rewards` must be real numbers, got {array.dtype}; pass their real parts")
        tables = jnp.asarray(pay.up), jnp.asarray(pay.down)
        scores: Array = _scores(kind == "values", pay.is_split, *tables, array)
        return scores

    def __repr__(self) -> str:
        return f"GradedObjective({self.objective.name}, group_size={self.objective.group_size})"


@partial(jax.jit, static_argnums=(0, 1))
def _scores(is_total: bool, is_split: bool, up: Array, down: Array, rewards: Array) -> Array:
    """See `polyest.graded.scoring`; equal rewards take the score of the first of them."""
    x = jax.lax.stop_gradient(rewards.astype(up.dtype))
    order = jnp.argsort(x, axis=-1)
    ranked = jnp.take_along_axis(x, order, axis=-1)
    y, z = (jnp.maximum(ranked, 0), jnp.minimum(ranked, 0)) if is_split else (ranked, ranked)
    above = jnp.cumsum(jnp.diff(y, axis=-1, prepend=0) * up, axis=-1)
    below = jnp.cumsum((jnp.diff(z, axis=-1, append=0) * down)[..., ::-1], axis=-1)[..., ::-1]
    finite = jnp.isfinite(x).all(axis=-1, keepdims=True)
    if is_total:
        return jnp.where(finite[..., 0], above[..., -1] - below[..., 0], jnp.nan)
    new = jnp.diff(ranked, axis=-1, prepend=jnp.nan) != 0
    firsts = jax.lax.cummax(jnp.where(new, jnp.arange(x.shape[-1]), 0), axis=x.ndim - 1)
    pay = jnp.take_along_axis(above - below, firsts, axis=-1)
    return jnp.where(finite, jnp.take_along_axis(pay, jnp.argsort(order, axis=-1), axis=-1), jnp.nan)
