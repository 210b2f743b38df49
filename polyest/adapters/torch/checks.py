"""What torch modules are given besides answers, checked without looking at numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from polyest.errors import ArgumentError

__all__ = ["check_dense", "check_device", "check_dtype", "check_reference", "check_usable", "check_weights"]


def check_dtype(dtype: torch.dtype) -> torch.dtype:
    """A dtype of results: float32 or float64."""
    if dtype not in (torch.float32, torch.float64):
        raise ArgumentError(f"`dtype` must be torch.float32 or torch.float64, got {dtype}; cast the results instead")
    return dtype


def check_dense(argument: str, tensor: Tensor) -> None:
    """A tensor whose numbers all lie in memory as they are: not sparse, quantized, nested or masked."""
    is_masked = hasattr(tensor, "get_mask")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested or is_masked:
        remedy = "pass its data, and its mask as `usable`" if is_masked else "use .to_dense(), or .dequantize()"
        raise ArgumentError(
            f"`{argument}` must be a dense tensor, got a {type(tensor).__name__} of {tensor.layout}, {tensor.dtype}; "
            f"{remedy}"
        )


def check_device(argument: str, tensor: Tensor, table: Tensor) -> None:
    """A tensor that is where the module's tables are."""
    if tensor.device != table.device:
        raise ArgumentError(
            f"`{argument}` must be on the module's device {table.device}, got {tensor.device}; "
            "move one of them with .to(device)"
        )


def check_reference(reference: object, answers: Tensor) -> None:
    """One floating-point number for each answer."""
    if not isinstance(reference, Tensor) or not reference.dtype.is_floating_point:
        raise ArgumentError(
            f"`reference` must be a floating-point tensor of probabilities, got {_kind(reference)}; use .float()"
        )
    _check_shape("reference", reference, answers, "probability")


def check_weights(weights: object, answers: Tensor) -> None:
    """One real number for each answer."""
    if not isinstance(weights, Tensor) or weights.dtype.is_complex:
        raise ArgumentError(f"`weights` must be a tensor of real numbers, got {_kind(weights)}; use torch.as_tensor")
    _check_shape("weights", weights, answers, "number")


def check_usable(usable: object, answers: Tensor) -> None:
    """One boolean for each answer."""
    if not isinstance(usable, Tensor) or usable.dtype != torch.bool:
        raise ArgumentError(
            f"`usable` must be a tensor of booleans, got {_kind(usable)}; say True for every completion that counts"
        )
    _check_shape("usable", usable, answers, "boolean")


def _check_shape(argument: str, tensor: Tensor, answers: Tensor, entry: str) -> None:
    check_dense(argument, tensor)
    if tensor.shape != answers.shape:
        raise ArgumentError(
            f"`{argument}` must have the answers' shape {tuple(answers.shape)}, got {tuple(tensor.shape)}; "
            f"give one {entry} for each completion"
        )
    check_device(argument, tensor, answers)


def _kind(given: object) -> str:
    return str(given.dtype) if isinstance(given, Tensor) else type(given).__name__
