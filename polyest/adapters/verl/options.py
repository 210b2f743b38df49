"""What verl's configuration says: ``algorithm.polyest.*``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError

from polyest.adapters.pay import AnswerPay
from polyest.adapters.ragged import estimators
from polyest.errors import ArgumentError, nearest, shortened
from polyest.history.settings import PoolSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from polyest.estimator import Estimator

    Config = Mapping[str, object]

__all__ = ["SECTION", "Options", "entries"]

SECTION = "algorithm.polyest."
CARRIED = "the reward carries the identity of the answer"


@dataclass(frozen=True, kw_only=True)
class Options(AnswerPay):
    """The entries of ``algorithm.polyest``; R_i is the reward that `correctness` returns, and a completion is paid

        add:       reward_weight · R_i + weight · sign · c[m_i]
        multiply:  reward_weight · R_i · (offset + weight · sign · c[m_i]),    reward_weight · R_i ≥ 0

    ``multiply`` is reward × diversity: R · p^(−½) with the target ``power(-0.5)``. Rewards −1 and 1 are not multiplied:
    let `correctness` return 0 for the failures, or add.

    Attributes:
        target, method, noise_budget, bias_budget, groups: as in `polyest.load`.
        combine, offset, count: see `polyest.adapters.pay.AnswerPay`.
        sign: −1 pays for diversity, +1 for consistency.
        weight: of the answers' part, positive.
        reward_weight: of the reward that `correctness` returns; with ``multiply`` it is positive.
        no_answer_reward: the reward of a completion without an answer, beside R_i or times it; by default the least
            rewarding value of the table, weight · min(sign · c), plus the offset.
        visits, forgetting, drift: pool a prompt's completions with those of its last visits−1 batches, as
            `polyest.history.TrainingHistory` does; `polyest.adapters.verl.returning` names the prompts.
    """

    SECTION: ClassVar[str] = SECTION

    reward_weight: float = 1.0
    visits: int = 1
    forgetting: float = 1.0
    drift: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.pool
        self.check_finite("reward_weight", self.reward_weight)
        if self.multiplies and self.reward_weight <= 0:
            raise ArgumentError(
                f"`{SECTION}reward_weight` must be positive for {SECTION}combine=multiply, where it is a factor of all "
                f"that is paid, got {self.reward_weight}; leave it out"
            )

    @property
    def pool(self) -> PoolSettings:
        """What is remembered."""
        return PoolSettings(self.visits, self.forgetting, self.drift, section=SECTION)

    @classmethod
    def of(cls, config: Config | None) -> Options:
        """The options in verl's ``config.algorithm``, which is checked for what would undo unbiased advantages.

        So is the rest of the configuration, as far as the section still belongs to it.
        """
        given = entries(config, [field.name for field in fields(cls)], CARRIED)
        _check_overlong_buffer(config)
        return cls(**given)

    def estimators(self, group_sizes: Iterable[int]) -> dict[int, Estimator]:
        """The estimator of each group size.

        Raises:
            TableNotFoundError: names every size that has no table.
        """
        return estimators(self, group_sizes)


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
