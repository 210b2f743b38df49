"""What verl's configuration says: ``algorithm.polyest.*``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError

from polyest.adapters.pay import AnswerPay
from polyest.errors import ArgumentError, nearest
from polyest.estimator import Estimator
from polyest.problems.problem import make_problem
from polyest.storage.loading import lookups

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Options"]


@dataclass(frozen=True, kw_only=True)
class Options(AnswerPay):
    """The entries of ``algorithm.polyest``.

    Attributes:
        target, method, noise_budget, bias_budget, groups: as in `polyest.load`.
        sign: −1 pays for diversity, +1 for consistency.
        weight: of the answers' part, positive.
        reward_weight: of the reward that `correctness` returns.
        no_answer_reward: the reward of a completion without an answer; by default the least rewarding value of the
            table, weight · min(sign · c).
    """

    SECTION: ClassVar[str] = "algorithm.polyest."

    reward_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_finite("reward_weight", self.reward_weight)

    @classmethod
    def of(cls, config: Any) -> Options:
        """The options in verl's ``config.algorithm``, which is checked for what would undo unbiased advantages.

        So is the rest of the configuration, as far as the section still belongs to it.
        """
        _check(config)
        _check_overlong_buffer(config)
        given = config.get("polyest")
        if not isinstance(given, Mapping):
            raise ArgumentError(
                f"`algorithm.polyest` must be a section of the configuration, got {given!r}; "
                "add +algorithm.polyest.weight=0.1 to the command line, and target, sign and others likewise"
            )
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise ArgumentError(
                    f"`{cls.SECTION}{name}` must be one of {', '.join(known)}{nearest(str(name), known)}"
                )
        return cls(**{str(name): given[name] for name in given})

    def estimators(self, group_sizes: Iterable[int]) -> dict[int, Estimator]:
        """The estimator of each group size.

        Raises:
            TableNotFoundError: names every size that has no table.
        """
        found = lookups(make_problem(self.target, n, self.method, **self.budget) for n in group_sizes)
        return {n: Estimator(lookup) for n, lookup in found.items()}


def _check(config: Any) -> None:
    if config is None:
        raise ArgumentError(
            "`config` must be verl's algorithm configuration, with `algorithm.polyest`, got None; pass it on"
        )
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


def _check_overlong_buffer(algorithm: Any) -> None:
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
