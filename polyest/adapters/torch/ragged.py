"""Flat completions and group ids in torch, on one process or spread over a process group."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from polyest import ragged
from polyest.adapters.identity import NOTHING, rows_of_items
from polyest.adapters.lookup import check_padding_id
from polyest.adapters.torch.columns import read_column, read_reference
from polyest.adapters.torch.checks import check_dtype
from polyest.adapters.torch.gather import Completions, Gathered, agreed, gather
from polyest.errors import ArgumentError, shortened
from polyest.problems.targets import Target, get_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["advantages", "rewards", "value"]


def rewards(
    answers: Any,
    groups: Any,
    target: str | Target,
    method: str | None = None,
    *,
    reference: Any = None,
    padding_id: Hashable = None,
    dtype: torch.dtype = torch.float32,
    process_group: Any = None,
    **options: Any,
) -> Tensor:
    """The reward of every completion, c[m_i] − r(q_i) with the table of its group's size (theory.md §2).

    With `process_group`, a group may be spread over its ranks in any way, unevenly, and a rank may have no completion
    at all: all ranks call this together, each with its own completions, and each gets the rewards of its own, equal to
    those of one process that has all of them. Answers and group ids are exchanged once, integers as they are, anything
    else as a 128-bit BLAKE2b hash that is the same in every process: n distinct answers collide with probability below
    n²/2¹²⁹. An error on one rank is raised on all. The ranks wait for each other and for their devices.

    Args:
        answers: shape (N,), a tensor of integers, or a list of strings, numbers, None or tuples of these.
        groups: shape (N,), the group of each completion, likewise.
        target, method: as in `polyest.load`.
        reference: q, shape (N,), a floating-point tensor: the probability that a reference gives each completion's
            answer.
        padding_id: the answer that marks a row as no completion; it scores NaN.
        dtype: of the result, torch.float32 or torch.float64.
        process_group: for instance ``torch.distributed.group.WORLD``; None if this process has all completions.
        options: the others of `polyest.rewards`, but `out`; `baseline` for rewards only.

    Returns:
        Tensor of shape (N,), on the device of the tensors given (else the CPU); NaN for groups of one, with a warning.

    Raises:
        ArgumentError: lengths that differ, tensors on different devices, ranks that disagree, or a bad argument.
        TableNotFoundError: names every group size that has no table.

    >>> rewards(torch.tensor([1, 1, 2]), ["x", "x", "x"], "log", method="harmonic")
    tensor([-0.5000, -0.5000, -1.5000])
    """
    call = _Call(ragged.rewards, target, method, options, answers, groups, reference, padding_id, dtype)
    return call.per_completion(process_group)


def advantages(
    answers: Any,
    groups: Any,
    target: str | Target,
    method: str | None = None,
    *,
    reference: Any = None,
    padding_id: Hashable = None,
    dtype: torch.dtype = torch.float32,
    process_group: Any = None,
    **options: Any,
) -> Tensor:
    """Rewards minus the exact leave-one-out baseline of each group (theory.md §5).

    Arguments, returns and errors are those of `rewards`.

    >>> advantages(torch.tensor([5, 5, 8]), torch.tensor([0, 0, 0]), "log", method="harmonic")
    tensor([ 0.5000,  0.5000, -1.5000])
    """
    call = _Call(ragged.advantages, target, method, options, answers, groups, reference, padding_id, dtype)
    return call.per_completion(process_group)


def value(
    answers: Any,
    groups: Any,
    target: str | Target,
    method: str | None = None,
    *,
    reference: Any = None,
    padding_id: Hashable = None,
    dtype: torch.dtype = torch.float32,
    process_group: Any = None,
    **options: Any,
) -> tuple[Any, Tensor]:
    """The mean reward of every group that this process has a completion of (theory.md §6).

    Arguments and errors are those of `rewards`.

    Returns:
        The group ids by first appearance (a tensor if `groups` is one, else as given), and their values, shapes (G,).

    >>> value(torch.tensor([1, 1, 2, 1]), ["x", "y", "x", "y"], "log", method="harmonic")
    (['x', 'y'], tensor([-1.,  0.]))
    """
    call = _Call(ragged.value, target, method, options, answers, groups, reference, padding_id, dtype)
    return call.per_group(process_group)


@dataclass(frozen=True)
class _Call:
    """One of the functions above, with this process's completions and everything else that it was given."""

    function: Callable[..., Any]
    target: str | Target
    method: str | None
    options: dict[str, Any]
    answers: Any
    groups: Any
    reference: Any
    padding_id: Hashable
    dtype: torch.dtype

    def per_completion(self, process_group: Any) -> Tensor:
        everyone, scores = self._run(process_group)
        result = torch.full((len(self.answers),), torch.nan, dtype=torch.float64)
        result[torch.from_numpy(self._kept)] = torch.from_numpy(scores[: everyone.own])
        return result.to(self._device, self.dtype)

    def per_group(self, process_group: Any) -> tuple[Any, Tensor]:
        everyone, (_, means) = self._run(process_group)
        rows = self._kept[everyone.firsts]
        ids = [self.groups[row] for row in rows.tolist()] if isinstance(self.groups, list) else self.groups[rows]
        return ids, torch.from_numpy(means).to(self._device, self.dtype)

    def _run(self, process_group: Any) -> tuple[Gathered, Any]:
        everyone = gather(self._read, process_group)
        return everyone, agreed(partial(self._score, everyone), process_group)

    def _score(self, everyone: Gathered) -> Any:
        return self.function(
            everyone.answers, everyone.groups, self.target, self.method, reference=everyone.reference, **self.options
        )

    def _read(self) -> Completions:
        check_dtype(self.dtype)
        _ = self._device
        groups, reference = read_column(self.groups, "groups"), read_reference(self.reference)
        lengths = [len(rows) for rows in (self._rows, groups, reference) if rows is not None]
        if len(set(lengths)) > 1:
            raise ArgumentError(f"`answers`, `groups` and `reference` must have equal lengths, got {lengths}")
        if np.any(groups[:, 0] == NOTHING):
            raise ArgumentError("`groups` must name the group of every completion, got None or NaN; drop these rows")
        kept = self._kept
        some = None if reference is None else reference[kept]
        return Completions(groups[kept], self._rows[kept], some, self._settings)

    @property
    def _settings(self) -> str:
        given = sorted((name, value) for name, value in self.options.items() if name != "threads")
        options = "".join(f", {name}={shortened(value, 10_000)}" for name, value in given)
        return f"{self.function.__name__}({get_target(self.target).name!r}, method={self.method!r}{options})"

    @property
    def _device(self) -> torch.device:
        """The one device of all tensors given."""
        named = {"answers": self.answers, "groups": self.groups, "reference": self.reference}
        found = {name: value.device for name, value in named.items() if isinstance(value, Tensor)}
        if len(set(found.values())) > 1:
            places = ", ".join(f"`{name}` on {device}" for name, device in found.items())
            raise ArgumentError(f"all tensors must be on one device, got {places}; move them with .to(device)")
        return next(iter(found.values()), torch.device("cpu"))

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        return read_column(self.answers, "answers")

    @cached_property
    def _kept(self) -> NDArray[np.int64]:
        """Where the completions are that are no padding."""
        if self.padding_id is None:
            return np.arange(len(self._rows))
        padding_id = check_padding_id(self.padding_id) if isinstance(self.answers, Tensor) else self.padding_id
        return np.flatnonzero(np.any(self._rows != rows_of_items([padding_id], "padding_id"), axis=1))
