"""What verl's configuration says: ``algorithm.polyest.*``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError

from polyest.adapters.pay import AnswerPay
from polyest.errors import ArgumentError, nearest, shortened
from polyest.estimator import Estimator
from polyest.polynomials.bernstein import target_values
from polyest.problems.problem import make_problem
from polyest.storage.loading import lookups

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from polyest.problems.targets import Target

    Array = NDArray[np.float64]
    Config = Mapping[str, object]

__all__ = ["SECTION", "Options", "entries"]

SECTION = "algorithm.polyest."
COMBINE, COUNT = ("add", "multiply"), ("all", "correct")
CARRIED = "the reward carries the identity of the answer"
PROBABILITIES = np.arange(1, 257) / 256


@dataclass(frozen=True, kw_only=True)
class Options(AnswerPay):
    """The entries of ``algorithm.polyest``; what completion i is paid, R_i the reward that `correctness` returns:

        add:       reward_weight · R_i + weight · sign · c[m_i]
        multiply:  reward_weight · R_i + weight · sign · w_i · c[m_i],    w_i = R_i + reward_offset ≥ 0

    Attributes:
        target, method, noise_budget, bias_budget, groups: as in `polyest.load`.
        combine: ``"add"``, or ``"multiply"`` for reward × diversity, such as R · p^(−½): target ``power(-0.5)``.
        sign: −1 pays for diversity, +1 for consistency.
        weight: of the answers' part, positive.
        reward_weight: of the reward alone; by default 1 with ``add``, and 0 with ``multiply``, where R is a factor.
        reward_offset: with ``multiply``, what makes a weight of a reward: 1 for rewards −1 and 1.
        count: with ``multiply``, whose answers are counted: ``"all"``, or ``"correct"`` for completions with w > 0
            only, the others being without an answer: p is then the probability of the answer *and* of w > 0.
        no_answer_reward: the reward of a completion without an answer, with ``multiply`` times w_i; by default the
            least rewarding value of the table, weight · min(sign · c).
    """

    SECTION: ClassVar[str] = SECTION

    combine: str = "add"
    reward_weight: float | None = None
    reward_offset: float = 0.0
    count: str = "all"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value, known in (("combine", self.combine, COMBINE), ("count", self.count, COUNT)):
            if value not in known:
                hint = nearest(str(value), known)
                raise ArgumentError(f"`{SECTION}{name}` must be one of {', '.join(known)}; got {value!r}{hint}")
        if self.reward_weight is not None:
            self.check_finite("reward_weight", self.reward_weight)
        self.check_finite("reward_offset", self.reward_offset)
        if self.combine == "multiply":
            self._check_bonus()
        elif self.count != "all" or self.reward_offset:
            name = "count" if self.count != "all" else "reward_offset"
            raise ArgumentError(
                f"`{SECTION}{name}` must be left out unless rewards are multiplied, got {getattr(self, name)!r}; add "
                f"+{SECTION}combine=multiply"
            )

    @classmethod
    def of(cls, config: Config | None) -> Options:
        """The options in verl's ``config.algorithm``, which is checked for what would undo unbiased advantages.

        So is the rest of the configuration, as far as the section still belongs to it.
        """
        given = entries(config, [field.name for field in fields(cls)], CARRIED)
        _check_overlong_buffer(config)
        return cls(**given)

    @property
    def reward_scale(self) -> float:
        """What R alone is multiplied by."""
        if self.reward_weight is None:
            return float(self.combine == "add")
        return self.reward_weight

    def weights(self, rewards: Array) -> Array | None:
        """w = R + reward_offset with ``multiply``; None with ``add``.

        Raises:
            ArgumentError: a weight is negative.
        """
        if self.combine == "add":
            return None
        weights = rewards + self.reward_offset
        if (weights < 0).any():
            least = rewards.min()
            raise ArgumentError(
                f"`correctness` must return R ≥ {0.0 - self.reward_offset:g} for {SECTION}combine=multiply, got {least:g}: "
                "with it a bonus becomes a penalty, the larger the rarer the answer; multiply by R + "
                f"{-least:g} with +{SECTION}reward_offset={-least:g}, or let `correctness` return 0 at least"
            )
        return weights

    def estimators(self, group_sizes: Iterable[int]) -> dict[int, Estimator]:
        """The estimator of each group size.

        Raises:
            TableNotFoundError: names every size that has no table.
        """
        found = lookups(make_problem(self.target, n, self.method, **self.budgets) for n in group_sizes)
        return {n: Estimator(lookup) for n, lookup in found.items()}

    def _check_bonus(self) -> None:
        """Refuse factors of R, reward_weight + weight · sign · r(p), that are nowhere positive."""
        if self.reward_scale + self.weight * _largest(self.target, self.sign) <= 0:
            raise ArgumentError(
                f"`{SECTION}sign` must let rewards be multiplied by something positive, got {self.sign} with target "
                f"{self.target}: {self.sign} · r(p) is never positive, so that a correct completion is paid no more "
                f"than a wrong one; take {SECTION}sign={-self.sign}, or add +{SECTION}reward_weight=1"
            )


@lru_cache(maxsize=16)
def _largest(target: str | Target, sign: int) -> float:
    """The largest sign · r(p), over a grid."""
    return float((sign * target_values(target, PROBABILITIES)).max())


def entries(config: Config | None, known: Collection[str], reason: str) -> dict[str, Any]:
    """The entries of ``algorithm.polyest``, all of them known.

    Args:
        config: verl's algorithm section.
        known: their names.
        reason: why a penalty that depends on the policy must not be added to the reward.

    Raises:
        ArgumentError: another entry, no section, or settings of verl's that would bias what is estimated.
    """
    if config is None:
        raise ArgumentError(
            "`config` must be verl's algorithm configuration, with `algorithm.polyest`, got None; pass it on"
        )
    _check(config, reason)
    given = config.get("polyest")
    if not isinstance(given, Mapping):
        raise ArgumentError(
            f"`algorithm.polyest` must be a section of the configuration, got {shortened(given)}; "
            f"add +{SECTION}{_example(known)} to the command line, and others likewise"
        )
    for name in given:
        if name not in known:
            raise ArgumentError(f"`{SECTION}{name}` must be one of {', '.join(known)}{nearest(str(name), known)}")
    return {str(name): given[name] for name in given}


def _example(known: Collection[str]) -> str:
    examples = {"weight": "weight=0.1", "n": "n=4", "objective": "objective=variance"}
    return next(text for name, text in examples.items() if name in known)


def _check(config: Config, reason: str) -> None:
    if config.get("use_kl_in_reward", False):
        raise ArgumentError(
            f"`algorithm.use_kl_in_reward` must be False, as {reason}, got True; "
            "use actor_rollout_ref.actor.use_kl_loss instead"
        )
    filters = config.get("filter_groups")
    if isinstance(filters, Mapping) and filters.get("enable", False):
        raise ArgumentError(
            "`algorithm.filter_groups.enable` must be False, as dropping groups for their rewards biases what is left, "
            "got True; switch it off"
        )


def _check_overlong_buffer(algorithm: Config | None) -> None:
    """Refuse DAPO's overlong penalty, for which the reward section stands beside this one, under two names."""
    if not isinstance(algorithm, DictConfig):
        return
    for section in ("reward", "reward_model"):
        name = f"{section}.reward_kwargs.overlong_buffer_cfg.enable"
        try:
            enabled = OmegaConf.select(algorithm, f"..{name}", default=False)
        except ConfigKeyError:  # the section stands alone
            return
        if enabled:
            raise ArgumentError(
                f"`{name}` must be False, as the penalty would be added to a score that carries the identity of the "
                f"answer, got {enabled!r}; switch it off, or let `correctness` subtract a multiple of 1/8"
            )
