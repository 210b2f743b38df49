"""Completions of groups that are spread over the ranks of a process group, brought together on every rank.

What one rank cannot do, every rank refuses: each step ends with an exchange of reports, so that no rank is left waiting
for another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np
from torch import distributed

from polyest import errors
from polyest.adapters.identity import labels
from polyest.errors import ArgumentError, PolyestError
from polyest.online.hashable_answers import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Completions", "Gathered", "agreed", "gather"]

T = TypeVar("T")


class Completions(NamedTuple):
    """What a rank sends: rows of `polyest.adapters.identity`, shape (n, 3), and q, shape (n,), or None.

    `settings` is what all ranks have to agree on.
    """

    groups: NDArray[np.int64]
    answers: NDArray[np.int64]
    reference: NDArray[np.float64] | None
    settings: str


@dataclass(frozen=True)
class Gathered:
    """All completions of the groups that this rank has a part in, its own first.

    Attributes:
        answers: hashable, shape (N,).
        groups: codes 0, 1, … by first appearance, shape (N,).
        reference: q, shape (N,), or None.
        own: how many completions are this rank's.
    """

    answers: list[Any]
    groups: NDArray[np.int64]
    reference: NDArray[np.float64] | None
    own: int

    @property
    def firsts(self) -> NDArray[np.int64]:
        """The first completion of every group, by first appearance; always one of this rank's."""
        return np.unique(self.groups, return_index=True)[1]


def shared(work: Callable[[], T], process_group: Any) -> list[T]:
    """What some work returns on each rank, on every rank; an error of one rank is raised on all."""
    result, failure = _attempt(work)
    try:
        return _exchange(result, failure, process_group)
    finally:
        del failure  # else it would be in a cycle with its traceback, and keep the process group alive


def agreed(work: Callable[[], T], process_group: Any) -> T:
    """What some work returns on this rank, once it is done on all; an error of one rank is raised on all."""
    result, failure = _attempt(work)
    try:
        _exchange(None, failure, process_group)
        return cast(T, result)
    finally:
        del failure


def gather(read: Callable[[], Completions], process_group: Any) -> Gathered:
    """What `read` returns on every rank, brought together in one exchange; without a process group, that of this one.

    Raises:
        ArgumentError: the ranks do not agree; and whatever `read` raises, on any rank.
    """
    if process_group is not None:
        _check_member(process_group)
    parts = shared(read, process_group)
    own = parts.pop(0 if process_group is None else distributed.get_rank(process_group))
    return _join([own, *parts])


def _attempt(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """The result of some work on this rank, or its error."""
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001  (`_exchange` tells the other ranks, then raises it)
        return None, error


def _exchange(payload: Any, failure: Exception | None, process_group: Any) -> list[Any]:
    """The payload of each rank, on every rank; the failure of one rank is raised on all."""
    told = None if failure is None else (type(failure).__name__, str(failure))
    reports: list[Any] = [(told, payload)]
    if process_group is not None:
        reports *= distributed.get_world_size(process_group)
        distributed.all_gather_object(reports, (told, payload), group=process_group)
    try:
        if failure is not None:
            raise failure
    finally:
        del failure
    for rank, (other, _) in enumerate(reports):
        if other is not None:
            kind = getattr(errors, other[0], PolyestError)
            raise kind(f"rank {rank} of the process group failed with {other[0]}: {other[1]}")
    return [sent for _, sent in reports]


def _check_member(process_group: Any) -> None:
    """Refuse what is no process group, or one that this process is not in."""
    if not distributed.is_available() or not isinstance(process_group, distributed.ProcessGroup):
        raise ArgumentError(
            "`process_group` must be a torch.distributed process group that this process is in, "
            f"got {process_group!r}; call torch.distributed.init_process_group, then pass torch.distributed.group.WORLD"
        )


def _join(parts: list[Any]) -> Gathered:
    settings = sorted({part.settings for part in parts})
    if len(settings) > 1:
        raise ArgumentError(f"`process_group` needs the same arguments on every rank, got {' and '.join(settings)}")
    filled = [part for part in parts if len(part.groups)]
    if len({part.reference is None for part in filled}) > 1:
        raise ArgumentError("`reference` must be given on every rank or on none; only some gave one")
    own = len(parts[0].groups)
    codes, _ = encode(labels(np.concatenate([part.groups for part in parts])), "groups")
    kept = np.flatnonzero(codes <= codes[:own].max(initial=-1))
    reference = None
    if filled and filled[0].reference is not None:
        reference = np.concatenate([part.reference for part in filled])[kept]
    return Gathered(labels(np.concatenate([part.answers for part in parts])[kept]), codes[kept], reference, own)
