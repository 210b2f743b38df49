"""What a trainer pays for answers: a table, a sign and a weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, SupportsIndex

from polyest.errors import ArgumentError, shortened

if TYPE_CHECKING:
    from polyest.estimator import Estimator
    from polyest.problems.budget import BudgetArguments, Exact
    from polyest.problems.targets import Target

__all__ = ["AnswerPay"]


@dataclass(frozen=True, kw_only=True)
class AnswerPay:
    """What is paid to a completion: weight · sign · c[m], and `no_answer_reward` to one without an answer.

    Attributes:
        target, method, noise_budget, bias_budget, groups: as in `polyest.load`.
        sign: −1 pays for diversity, +1 for consistency.
        weight: positive.
        no_answer_reward: by default the least that the table pays, weight · min_m(sign · c[m]).
        SECTION: what stands before an argument's name in errors.
    """

    SECTION: ClassVar[str] = ""

    target: str | Target = "log"
    sign: int = -1
    weight: float = 1.0
    method: str | None = None
    noise_budget: Exact | None = None
    bias_budget: Exact | None = None
    groups: SupportsIndex | None = None
    no_answer_reward: float | None = None

    def __post_init__(self) -> None:
        if self.sign not in (-1, 1):
            raise ArgumentError(
                f"`{self.SECTION}sign` must be -1 (diversity) or 1 (consistency), got {shortened(self.sign)}"
            )
        if not (_is_finite(self.weight) and self.weight > 0):
            raise ArgumentError(
                f"`{self.SECTION}weight` must be positive and finite, got {shortened(self.weight)}; its sign is `sign`"
            )
        if self.no_answer_reward is not None:
            self.check_finite("no_answer_reward", self.no_answer_reward)

    def check_finite(self, name: str, value: Any) -> None:
        if not _is_finite(value):
            raise ArgumentError(f"`{self.SECTION}{name}` must be a finite number, got {shortened(value)}; leave it out")

    @property
    def scale(self) -> float:
        """sign · weight."""
        return self.sign * self.weight

    @property
    def budget(self) -> BudgetArguments:
        """As `polyest.load` takes it."""
        return {"noise_budget": self.noise_budget, "bias_budget": self.bias_budget, "groups": self.groups}

    def no_answer_pay(self, estimator: Estimator) -> float:
        """What a completion without an answer is paid, in units of the table."""
        if self.no_answer_reward is not None:
            return self.no_answer_reward / self.scale
        return self.sign * float((self.sign * estimator.coefficients).min())


def _is_finite(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    except OverflowError:
        return False
