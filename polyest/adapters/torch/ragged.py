"""Flat completions and group ids in torch, on one process or spread over a process group."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Unpack, cast

import torch
from torch import Tensor

from polyest import ragged
from polyest.adapters.torch.checks import check_dtype
from polyest.adapters.torch.columns import Columns
from polyest.adapters.torch.gather import Completions, Gathered, agreed, gather
from polyest.errors import shortened
from polyest.problems.budget import RaggedArguments
from polyest.problems.targets import Target, get_target

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

    from polyest.adapters.torch.columns import Booleans, Column, Numbers
    from polyest.adapters.torch.gather import Floats

__all__ = ["advantages", "rewards", "value"]


class Passed(RaggedArguments, total=False):
    """The arguments of `polyest.rewards` that are passed on as they are."""

    baseline: str | None
    no_answer_reward: float | None
    threads: int


class Options(Passed, total=False):
    """The keyword arguments of the functions here; each is explained in `rewards`."""

    reference: Numbers | None
    weights: Numbers | None
    usable: Booleans | None
    padding_id: Hashable
    dtype: torch.dtype
    process_group: ProcessGroup | None


def rewards(
    answers: Column,
    groups: Column,
    target: str | Target,
    method: str | None = None,
    **options: Unpack[Options],
) -> Tensor:
    """The reward of every completion, c[m_i] − r(q_i) with the table of its group's size (theory.md §2).

    With `process_group`, a group may be spread over its ranks in any way, and a rank may have no completion: all ranks
    call this together, each with its own completions, and get what one process would that has all of them. Answers and
    ids are exchanged once, integers as they are, anything else as a 128-bit BLAKE2b hash (n distinct ones collide with
    probability below n²/2¹²⁹). Errors are raised on all ranks, which wait for each other and for their devices.

    Args:
        answers, groups: shape (N,), a tensor of integers, or a list of strings, numbers, None or tuples of these.
        reference, weights, usable: shape (N,), as in `polyest.rewards`: floating-point, real, booleans.
        dtype: of the result, torch.float32 (default) or torch.float64.
        process_group: as ``torch.distributed.group.WORLD``; None if this process has all completions.
        target, method, padding_id, no_answer_reward, threads, a budget: as in `polyest.rewards`; so is `baseline`, for
            rewards only.

    Returns:
        Tensor of shape (N,), on the device of the tensors given (else the CPU); NaN for groups of one, with a warning.

    Raises:
        ArgumentError: lengths that differ, tensors on different devices, ranks that disagree, or a bad argument.
        TableNotFoundError: names every group size that has no table.

    >>> rewards(torch.tensor([1, 1, 2]), ["x", "x", "x"], "log", method="harmonic")
    tensor([-0.5000, -0.5000, -1.5000])
    """
    return _call(ragged.rewards, answers, groups, target, method, options).per_completion()


def advantages(
    answers: Column,
    groups: Column,
    target: str | Target,
    method: str | None = None,
    **options: Unpack[Options],
) -> Tensor:
    """Rewards minus the exact leave-one-out baseline of each group (theory.md §5).

    Arguments, returns and errors are those of `rewards`.

    >>> advantages(torch.tensor([5, 5, 8]), torch.tensor([0, 0, 0]), "log", method="harmonic")
    tensor([ 0.5000,  0.5000, -1.5000])
    """
    return _call(ragged.advantages, answers, groups, target, method, options).per_completion()


def value(
    answers: Column,
    groups: Column,
    target: str | Target,
    method: str | None = None,
    **options: Unpack[Options],
) -> tuple[Column, Tensor]:
    """The mean reward of every group that this process has a completion of (theory.md §6).

    Arguments and errors are those of `rewards`.

    Returns:
        The group ids by first appearance (a tensor if `groups` is one, else as given), and their values, shapes (G,).

    >>> value(torch.tensor([1, 1, 2, 1]), ["x", "y", "x", "y"], "log", method="harmonic")
    (['x', 'y'], tensor([-1.,  0.]))
    """
    return _call(ragged.value, answers, groups, target, method, options).per_group()


def _call(
    function: Callable[..., object],
    answers: Column,
    groups: Column,
    target: str | Target,
    method: str | None,
    options: Options,
) -> _Call:
    reference, weights, usable = options.get("reference"), options.get("weights"), options.get("usable")
    columns = Columns(answers, groups, reference, weights, usable, options.get("padding_id"))
    known = Options.__annotations__.keys() - Passed.__annotations__.keys()
    passed = cast("Passed", {name: value for name, value in options.items() if name not in known})
    dtype = options.get("dtype", torch.float32)
    return _Call(function, target, method, passed, columns, dtype, options.get("process_group"))


@dataclass(frozen=True)
class _Call:
    """One of the functions above, with this process's completions and everything else that it was given."""

    function: Callable[..., object]
    target: str | Target
    method: str | None
    options: Passed
    columns: Columns
    dtype: torch.dtype
    process_group: ProcessGroup | None

    def per_completion(self) -> Tensor:
        everyone, scores = self._run()
        result = torch.full((self.columns.size,), torch.nan, dtype=torch.float64)
        result[torch.from_numpy(self.columns.kept)] = torch.from_numpy(cast("Floats", scores)[: everyone.own])
        return result.to(self.columns.device, self.dtype)

    def per_group(self) -> tuple[Column, Tensor]:
        everyone, scores = self._run()
        _, means = cast("tuple[object, Floats]", scores)
        ids = self.columns.group_ids(self.columns.kept[everyone.firsts])
        return ids, torch.from_numpy(means).to(self.columns.device, self.dtype)

    def _run(self) -> tuple[Gathered, object]:
        everyone = gather(self._read, self.process_group)
        return everyone, agreed(partial(self._score, everyone), self.process_group)

    def _score(self, everyone: Gathered) -> object:
        extras = {"reference": everyone.reference, "weights": everyone.weights, **self.options}
        return self.function(everyone.answers, everyone.groups, self.target, self.method, **extras)

    def _read(self) -> Completions:
        check_dtype(self.dtype)
        return self.columns.read(self._settings)

    @property
    def _settings(self) -> str:
        given = sorted((name, value) for name, value in self.options.items() if name != "threads")
        options = "".join(f", {name}={shortened(value, 10_000)}" for name, value in given)
        return f"{self.function.__name__}({get_target(self.target).name!r}, method={self.method!r}{options})"
