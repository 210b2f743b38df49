"""Graded rewards on JAX arrays: best of n and other L-statistics, pure functions of arrays."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array

from polyest.adapters.gaps import check_objective, pay_by_size
from polyest.adapters.jax.arrays import mask
from polyest.arrays import check_unmasked
from polyest.errors import ArgumentError
from polyest.graded import Objective
from polyest.graded.reading import check_missing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from polyest.adapters.jax.arrays import Booleans

__all__ = ["GradedObjective"]


class GradedObjective:
    """An objective of `polyest.graded` for groups of K completions, under `jax.jit` and `jax.vmap` or without.

    Every method takes `rewards` of shape (..., K), real numbers, and returns floats: float64 with ``jax_enable_x64``,
    else float32, in which the sums are then taken too. A NaN or ±inf is no error here: it is not ranked either, its
    whole group scores NaN. With ``missing="drop"`` a completion whose reward is NaN is left out instead, as one that is
    not `usable` is (booleans of the rewards' shape): it scores NaN, and its group is scored by the table of as many as
    are left, or NaN where these are too few. No gradient flows through any result.

    >>> from polyest.graded import best_of
    >>> GradedObjective(best_of(3, group_size=5)).advantages([1.0, 4, 2, 8, 5]).tolist()
    [-1.375, -0.875, -1.375, 10.625, 0.5]
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = check_objective(objective)

    def rewards(self, rewards: ArrayLike, missing: str | None = None, usable: Booleans | None = None) -> Array:
        """`polyest.graded.Objective.rewards`, shape (..., K)."""
        return self._scores("rewards", rewards, missing, usable)

    def advantages(self, rewards: ArrayLike, missing: str | None = None, usable: Booleans | None = None) -> Array:
        """`polyest.graded.Objective.advantages`, shape (..., K)."""
        return self._scores("advantages", rewards, missing, usable)

    def values(self, rewards: ArrayLike, missing: str | None = None, usable: Booleans | None = None) -> Array:
        """`polyest.graded.Objective.values`, shape (...,)."""
        return self._scores("values", rewards, missing, usable)

    def _scores(self, kind: str, rewards: ArrayLike, missing: str | None, usable: Booleans | None) -> Array:
        check_missing(missing)
        check_unmasked(rewards, "rewards")
        pay, array = self.objective.pay(kind), jnp.asarray(rewards)
        check_unmasked(rewards, "rewards", array.ndim)
        if array.ndim == 0 or array.shape[-1] != self.objective.group_size:
            raise ArgumentError(
                f"`rewards` must have shape (..., {self.objective.group_size}), the group size of this "
                f"{self.objective.name}; got {array.shape}; make an objective for that size"
            )
        if jnp.iscomplexobj(array):
            raise ArgumentError(f"`rewards` must be real numbers, got {array.dtype}; pass their real parts")
        absent = None if usable is None else ~mask(usable, array)
        if missing is not None:
            absent = jnp.isnan(array) if absent is None else absent | jnp.isnan(array)
        tables = (pay.up, pay.down) if absent is None else tuple(_pay_by_size(self.objective, kind))
        scores: Array = _scores(kind == "values", pay.is_split, tables, array, absent)
        return scores

    def __repr__(self) -> str:
        return f"GradedObjective({self.objective.name}, group_size={self.objective.group_size})"


@lru_cache(maxsize=64)
def _pay_by_size(objective: Objective, kind: str) -> NDArray[np.float64]:
    return pay_by_size(objective, kind)


@partial(jax.jit, static_argnums=(0, 1))
def _scores(
    is_total: bool, is_split: bool, tables: tuple[NDArray[np.float64], ...], rewards: Array, absent: Array | None
) -> Array:
    """See `polyest.graded.scoring`; equal rewards take the score of the first of them."""
    up, down = map(jnp.asarray, tables)
    x = jax.lax.stop_gradient(rewards.astype(up.dtype))
    order = jnp.argsort(x if absent is None else jnp.where(absent, jnp.inf, x), axis=-1)
    ranked = jnp.take_along_axis(x, order, axis=-1)
    if absent is not None:
        x, sizes = jnp.where(absent, 0.0, x), (~absent).sum(axis=-1)
        ranked = jnp.where(jnp.arange(x.shape[-1]) < sizes[..., None], ranked, 0.0)
        up, down = up[sizes], down[sizes]
    above, below = _sums(is_split, up, down, ranked)
    finite = jnp.isfinite(x).all(axis=-1, keepdims=True)
    if is_total:
        return jnp.where(finite[..., 0], above[..., -1] - below[..., 0], jnp.nan)
    new = jnp.diff(ranked, axis=-1, prepend=jnp.nan) != 0
    firsts = jax.lax.cummax(jnp.where(new, jnp.arange(x.shape[-1]), 0), axis=x.ndim - 1)
    pay = jnp.take_along_axis(above - below, firsts, axis=-1)
    scored = finite if absent is None else finite & ~absent
    return jnp.where(scored, jnp.put_along_axis(pay, order, pay, axis=-1, inplace=False), jnp.nan)


def _sums(is_split: bool, up: Array, down: Array, ranked: Array) -> tuple[Array, Array]:
    y, z = (jnp.maximum(ranked, 0), jnp.minimum(ranked, 0)) if is_split else (ranked, ranked)
    above = jnp.cumsum(jnp.diff(y, axis=-1, prepend=0) * up, axis=-1)
    below = jnp.cumsum((jnp.diff(z, axis=-1, append=0) * down)[..., ::-1], axis=-1)[..., ::-1]
    return above, below
