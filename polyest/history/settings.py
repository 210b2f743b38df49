"""What a user says about pooling, in training and in trainers."""

from __future__ import annotations

from dataclasses import dataclass

from polyest.errors import ArgumentError, shortened
from polyest.history.store import LARGEST_POOL, VisitStore
from polyest.problems.problem import whole_number

__all__ = ["PoolSettings", "share"]


@dataclass(frozen=True)
class PoolSettings:
    """The arguments of `polyest.history.TrainingHistory` that do not name a table.

    Attributes:
        section: what stands before an argument's name in errors.
    """

    visits: int = 1
    forgetting: float = 1.0
    drift: float | None = None
    max_prompts: int = 1_000_000
    seed: int = 0
    section: str = ""

    def __post_init__(self) -> None:
        whole_number(f"{self.section}visits", self.visits, 1, LARGEST_POOL)
        whole_number(f"{self.section}max_prompts", self.max_prompts, 1)
        whole_number(f"{self.section}seed", self.seed, 0)
        share(f"{self.section}forgetting", self.forgetting, least_open=True)
        if self.drift is not None:
            share(f"{self.section}drift", self.drift)
        if self.visits == 1 and (self.forgetting != 1 or self.drift is not None):
            raise ArgumentError(
                f"`{self.section}visits` must be 2 or more for `forgetting` and `drift` to mean anything, got 1; set "
                "visits=4, or leave them out"
            )

    def store(self) -> VisitStore:
        """An empty one."""
        return VisitStore(self.visits, float(self.forgetting), self.max_prompts, self.seed)


def share(argument: str, value: object, *, least_open: bool = False) -> float:
    """A number in [0, 1], or (0, 1]."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        among = f"{'(' if least_open else '['}0, 1]"
        raise ArgumentError(
            f"`{argument}` must be a number in {among}, got {shortened(value)}; give a share, or leave it out"
        )
    if least_open and value == 0:
        raise ArgumentError(f"`{argument}` must be positive, got 0; use visits=1 to forget everything at once")
    return float(value)
