"""What the JAX estimator is given, checked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from polyest.arrays import check_unmasked, read_array, read_lists
from polyest.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = Array | NDArray[np.generic] | Sequence[object]
    Numbers = Array | NDArray[np.generic]
    Booleans = Array | NDArray[np.bool_]

__all__ = ["differ", "ids", "mask", "numbers", "probabilities"]


def ids(answers: Ids) -> Array:
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


def _host_array(answers: Ids) -> NDArray[np.generic]:
    if isinstance(answers, np.ndarray):
        return read_array(answers, "answers")
    if not isinstance(answers, list):
        raise ArgumentError(
            f"`answers` must be a JAX array, a numpy array or a list, got {type(answers).__name__}; "
            "convert it with jax.numpy.asarray"
        )
    try:
        return read_lists(answers)
    except TypeError as error:
        raise ArgumentError(
            f"`answers` must be lists of equal lengths of integers; got {error}; pass an array"
        ) from None


def probabilities(reference: Numbers, answers: Array) -> Array:
    """q as a constant array of floats, checked against the answers."""
    if not isinstance(reference, Array | np.ndarray) or not jnp.issubdtype(reference.dtype, jnp.floating):
        raise ArgumentError(
            f"`reference` must be a floating-point array of probabilities, got {_kind(reference)}; use .astype(float)"
        )
    _check_place("reference", reference, answers, "probability")
    return jax.lax.stop_gradient(jnp.asarray(reference, jnp.zeros(0).dtype))


def numbers(weights: Numbers, answers: Array) -> Array:
    """w likewise; held fixed where it is used, and there moved from numpy too: neither costs anything there."""
    if not isinstance(weights, Array | np.ndarray) or not _is_real(weights.dtype):
        raise ArgumentError(f"`weights` must be an array of real numbers, got {_kind(weights)}; use jax.numpy.asarray")
    _check_place("weights", weights, answers, "number")
    width = jax.dtypes.canonicalize_dtype(float)
    if isinstance(weights, Array):
        return weights if weights.dtype == width else weights.astype(width)
    return cast("Array", np.asarray(weights, width))


@lru_cache
def _is_real(dtype: np.dtype[np.generic]) -> bool:
    return bool(jnp.isdtype(dtype, ("bool", "integral", "real floating")))


def mask(usable: Booleans, answers: Array) -> Array:
    """Which completions are usable, likewise."""
    if not isinstance(usable, Array | np.ndarray) or usable.dtype != bool:
        raise ArgumentError(
            f"`usable` must be an array of booleans, got {_kind(usable)}; say True for every completion that counts"
        )
    _check_place("usable", usable, answers, "boolean")
    return cast("Array", usable)


def _kind(given: object) -> object:
    return getattr(given, "dtype", type(given).__name__)


def _check_place(argument: str, given: Numbers, answers: Array, entry: str) -> None:
    """The answers' shape and devices."""
    check_unmasked(given, argument)
    if given.shape != answers.shape:
        raise ArgumentError(
            f"`{argument}` must have the answers' shape {answers.shape}, got {given.shape}; give one {entry} for each "
            "completion"
        )
    places = [_devices(array) for array in (answers, given)]
    if all(places) and places[0] != places[1]:
        raise ArgumentError(f"`{argument}` must be on the answers' {places[0]}, got {places[1]}; use jax.device_put")


def _devices(array: Numbers) -> set[jax.Device]:
    """Where an array is, if it is bound to its place."""
    if not isinstance(array, Array) or isinstance(array, jax.core.Tracer) or not array.committed:
        return set()
    return set(array.sharding.device_set)


def differ(array: Array, padding_id: int) -> Array:
    """Which entries are not `padding_id`, which may be beyond the array's integers."""
    bounds = jnp.iinfo(jnp.uint8 if array.dtype == bool else array.dtype)  # type: ignore[no-untyped-call]
    return array != padding_id if bounds.min <= padding_id <= bounds.max else jnp.ones(array.shape, bool)
