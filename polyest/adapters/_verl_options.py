"""What verl's configuration says: ``algorithm.polyest.*``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from polyest.errors import ArgumentError, nearest
from polyest.estimator import Estimator
from polyest.loading import lookups
from polyest.problem import make_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Options"]

SECTION = "algorithm.polyest"


@dataclass(frozen=True)
class Options:
    """The entries of ``algorithm.polyest``.

    Attributes:
        target, method, noise_budget, bias_budget, groups: as in `polyest.load`.
        sign: −1 pays for diversity, +1 for consistency.
        weight: of the answers' part, positive.
        reward_weight: of the reward that `correctness` returns.
        no_answer_reward: the reward of a completion without an answer; by default the least rewarding value of the
            table, weight · min(sign · c).
    """

    target: str = "log"
    sign: int = -1
    weight: float = 1.0
    reward_weight: float = 1.0
    method: str | None = None
    noise_budget: Any = None
    bias_budget: Any = None
    groups: Any = None
    no_answer_reward: float | None = None

    def __post_init__(self) -> None:
        if self.sign not in (-1, 1):
            raise ArgumentError(f"`{SECTION}.sign` must be -1 (diversity) or 1 (consistency), got {self.sign!r}")
        if not (_is_finite(self.weight) and self.weight > 0):
            raise ArgumentError(f"`{SECTION}.weight` must be positive and finite, got {self.weight!r}; use `sign`")
        optional = 0 if self.no_answer_reward is None else self.no_answer_reward
        for name, value in (("reward_weight", self.reward_weight), ("no_answer_reward", optional)):
            if not _is_finite(value):
                raise ArgumentError(f"`{SECTION}.{name}` must be a finite number, got {value!r}; leave it out")

    @classmethod
    def of(cls, config: Any) -> Options:
        """The options in verl's ``config.algorithm``, which is checked for what would undo unbiased advantages."""
        _check(config)
        given = config.get("polyest")
        if not isinstance(given, Mapping):
            raise ArgumentError(
                f"`{SECTION}` must be a section of the configuration, got {given!r}; "
                f"add +{SECTION}.weight=0.1 to the command line, and target, sign and others likewise"
            )
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise ArgumentError(f"`{SECTION}.{name}` must be one of {', '.join(known)}{nearest(str(name), known)}")
        return cls(**{str(name): given[name] for name in given})

    @property
    def scale(self) -> float:
        """sign · weight."""
        return self.sign * self.weight

    def estimators(self, group_sizes: Iterable[int]) -> dict[int, Estimator]:
        """The estimator of each group size.

        Raises:
            TableNotFoundError: names every size that has no table.
        """
        budgets = {"noise_budget": self.noise_budget, "bias_budget": self.bias_budget, "groups": self.groups}
        found = lookups(make_problem(self.target, n, self.method, **budgets) for n in group_sizes)
        return {n: Estimator(lookup) for n, lookup in found.items()}

    def no_answer_pay(self, estimator: Estimator) -> float:
        """What a completion without an answer is paid, in units of the table."""
        if self.no_answer_reward is not None:
            return self.no_answer_reward / self.scale
        return self.sign * float((self.sign * estimator.coefficients).min())


def _check(config: Any) -> None:
    if config is None:
        raise ArgumentError(f"`config` must be verl's algorithm configuration, with `{SECTION}`, got None; pass it on")
    if config.get("use_kl_in_reward", False):
        raise ArgumentError(
            "`algorithm.use_kl_in_reward` must be False, as the reward carries the identity of the answer, got True; "
            "use actor_rollout_ref.actor.use_kl_loss instead"
        )
    if (config.get("filter_groups") or {}).get("enable", False):
        raise ArgumentError(
            "`algorithm.filter_groups.enable` must be False, as dropping groups for their rewards biases what is left, "
            "got True; switch it off"
        )


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
