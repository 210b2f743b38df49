"""What the JAX estimator is given, checked."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from polyest.errors import ArgumentError

__all__ = ["differ", "ids", "probabilities"]


def ids(answers: Any) -> Array:
    """Integer ids as a JAX array; refused where they do not fit, instead of wrapped around.

    JAX cuts 64-bit integers to 32 bits unless ``jax_enable_x64`` is set, so that different ids can become equal. The
    methods of `Estimator` call this, but arguments of a function under `jax.jit` are cut before it runs: pass numpy
    ids through `ids` first.

    Args:
        answers: a JAX array, a numpy array or (nested) lists, integer or bool, any shape.

    Raises:
        ArgumentError: ids that are no integers, or beyond the integer width in use.

    >>> from polyest.adapters.jax import ids
    >>> ids([[1, 2], [3, 3]]).shape
    (2, 2)
    """
    array = answers if isinstance(answers, Array) else _host_array(answers)
    if not (jnp.issubdtype(array.dtype, jnp.integer) or array.dtype == bool):
        raise ArgumentError(f"`answers` must be integer ids, got {array.dtype}; map every answer to an integer first")
    if isinstance(array, Array):
        return array
    width = jax.dtypes.canonicalize_dtype(array.dtype)
    if width != array.dtype and array.size and not np.array_equal(array.astype(width), array):
        raise ArgumentError(
            f"`answers` must fit {width}, got ids from {array.min()} to {array.max()}; set jax_enable_x64, or number "
            "the answers with np.unique(answers, return_inverse=True)[1]"
        )
    return jnp.asarray(array)


def _host_array(answers: Any) -> Any:
    if not isinstance(answers, np.ndarray | list):
        raise ArgumentError(
            f"`answers` must be a JAX array, a numpy array or a list, got {type(answers).__name__}; "
            "convert it with jax.numpy.asarray"
        )
    try:
        return np.asarray(answers)
    except (ValueError, OverflowError) as error:
        raise ArgumentError(f"`answers` must be lists of equal lengths of integers; numpy says: {error}") from None


def probabilities(reference: Any, answers: Array) -> Array:
    """q as a constant array of floats, checked against the answers."""
    if not isinstance(reference, Array | np.ndarray) or not jnp.issubdtype(reference.dtype, jnp.floating):
        came = getattr(reference, "dtype", type(reference).__name__)
        raise ArgumentError(
            f"`reference` must be a floating-point array of probabilities, got {came}; use .astype(float)"
        )
    if reference.shape != answers.shape:
        raise ArgumentError(
            f"`reference` must have the answers' shape {answers.shape}, got {reference.shape}; give one "
            "probability for each completion"
        )
    places = [_devices(array) for array in (answers, reference)]
    if all(places) and places[0] != places[1]:
        raise ArgumentError(f"`reference` must be on the answers' {places[0]}, got {places[1]}; use jax.device_put")
    return jax.lax.stop_gradient(jnp.asarray(reference, jnp.zeros(0).dtype))


def _devices(array: Any) -> set[Any]:
    """Where an array is, if it is bound to its place."""
    concrete = isinstance(array, Array) and not isinstance(array, jax.core.Tracer)
    return set(array.sharding.device_set) if concrete and array.committed else set()


def differ(array: Array, padding_id: int) -> Array:
    """Which entries are not `padding_id`, which may be beyond the array's integers."""
    iinfo: Any = jnp.iinfo
    bounds = iinfo(jnp.uint8 if array.dtype == bool else array.dtype)
    return array != padding_id if bounds.min <= padding_id <= bounds.max else jnp.ones(array.shape, bool)
