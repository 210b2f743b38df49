"""Completions of groups that are spread over the ranks of a process group, brought together on every rank.

What one rank cannot do, every rank refuses: each step ends with an exchange of reports, so that no rank is left waiting
for another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

import numpy as np
from torch import distributed

from polyest import errors
from polyest.errors import ArgumentError, PolyestError
from polyest.identity import NOTHING, answers_of, integers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch.distributed import ProcessGroup

    from polyest.online.answers import Answers

    Ids = NDArray[np.int64] | NDArray[np.uint64]
    Floats = NDArray[np.float64]
    Report = tuple[tuple[str, str] | None, object]

__all__ = ["Completions", "Gathered", "agreed", "gather", "of_first", "shared"]

T = TypeVar("T")


class Completions(NamedTuple):
    """What a rank sends: rows of `polyest.identity`, shape (n, 3), q and w, shape (n,), or None.

    `settings` is what all ranks have to agree on.
    """

    groups: NDArray[np.int64]
    answers: NDArray[np.int64]
    reference: Floats | None
    weights: Floats | None
    settings: str


@dataclass(frozen=True)
class Gathered:
    """All completions of the groups that this rank has a part in, its own first; nothing is encoded again.

    Attributes:
        answers: as the runtime takes them, shape (N,): integers, with a mask where some have none.
        groups: integers, shape (N,).
        reference: q, shape (N,), or None.
        weights: w, likewise.
        own: how many completions are this rank's.
    """

    answers: Ids | Answers
    groups: Ids
    reference: Floats | None
    weights: Floats | None
    own: int

    @property
    def firsts(self) -> NDArray[np.int64]:
        """The first completion of every group, by first appearance; always one of this rank's."""
        return np.sort(np.unique(self.groups, return_index=True)[1])


def shared(work: Callable[[], T], process_group: ProcessGroup | None) -> list[T]:
    """What some work returns on each rank, on every rank; an error of one rank is raised on all."""
    result, failure = _attempt(work)
    try:
        return _exchange(cast(T, result), failure, process_group)
    finally:
        del failure  # else it would be in a cycle with its traceback, and keep the process group alive


def agreed(work: Callable[[], T], process_group: ProcessGroup | None) -> T:
    """What some work returns on this rank, once it is done on all; an error of one rank is raised on all."""
    result, failure = _attempt(work)
    try:
        _exchange(None, failure, process_group)
        return cast(T, result)
    finally:
        del failure


def of_first(work: Callable[[], T], process_group: ProcessGroup | None) -> T:
    """What some work returns on the first rank, which alone does it, on every rank; its error is raised on all."""
    is_first = process_group is None or distributed.get_rank(process_group) == 0
    result, failure = _attempt(work) if is_first else (None, None)
    reports: list[Report] = [(_told(failure), result)]
    try:
        if process_group is not None:
            first = distributed.get_global_rank(process_group, 0)
            distributed.broadcast_object_list(reports, first, group=process_group)
        _raise_failures(failure, reports)
    finally:
        del failure
    return cast(T, reports[0][1])


def gather(read: Callable[[], Completions], process_group: ProcessGroup | None) -> Gathered:
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


def _exchange(payload: T, failure: Exception | None, process_group: ProcessGroup | None) -> list[T]:
    """The payload of each rank, on every rank; the failure of one rank is raised on all."""
    own = (_told(failure), payload)
    reports: list[Report] = [own]
    if process_group is not None:
        reports *= distributed.get_world_size(process_group)
        distributed.all_gather_object(reports, own, group=process_group)
    try:
        _raise_failures(failure, reports)
    finally:
        del failure
    return [cast(T, sent) for _, sent in reports]


def _told(failure: Exception | None) -> tuple[str, str] | None:
    return None if failure is None else (type(failure).__name__, str(failure))


def _raise_failures(failure: Exception | None, reports: list[Report]) -> None:
    """This rank's own failure, or else the first that is reported."""
    try:
        if failure is not None:
            raise failure
    finally:
        del failure
    for rank, (other, _) in enumerate(reports):
        if other is not None:
            kind = getattr(errors, other[0], PolyestError)
            raise kind(f"rank {rank} of the process group failed with {other[0]}: {other[1]}")


def _check_member(process_group: ProcessGroup | None) -> None:
    """Refuse what is no process group, or one that this process is not in."""
    if not distributed.is_available() or not isinstance(process_group, distributed.ProcessGroup):
        raise ArgumentError(
            "`process_group` must be a torch.distributed process group that this process is in, "
            f"got {process_group!r}; call torch.distributed.init_process_group, then pass torch.distributed.group.WORLD"
        )


def _join(parts: list[Completions]) -> Gathered:
    settings = sorted({part.settings for part in parts})
    if len(settings) > 1:
        raise ArgumentError(f"`process_group` needs the same arguments on every rank, got {' and '.join(settings)}")
    filled, own = [part for part in parts if len(part.groups)], len(parts[0].groups)
    groups = integers_of(np.concatenate([part.groups for part in parts]))
    kept = np.flatnonzero(np.isin(groups, groups[:own]))
    answers = np.concatenate([part.answers for part in parts])[kept]
    read = answers_of(answers) if (answers[:, 0] == NOTHING).any() else integers_of(answers)
    reference = _joined("reference", [part.reference for part in filled], kept)
    weights = _joined("weights", [part.weights for part in filled], kept)
    return Gathered(read, groups[kept], reference, weights, own)


def _joined(name: str, columns: list[Floats | None], rows: NDArray[np.int64]) -> Floats | None:
    given = [column for column in columns if column is not None]
    if not given:
        return None
    if len(given) < len(columns):
        raise ArgumentError(f"`{name}` must be given on every rank or on none; only some gave one")
    return np.concatenate(given)[rows]
