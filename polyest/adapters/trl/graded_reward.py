"""`GradedReward`: the best of n, the median, the worst of n and other L-statistics of a graded reward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from polyest.adapters.graded import centred_objective, plain_objective
from polyest.adapters.pay import check_positive
from polyest.adapters.trl.group_reward import GroupReward
from polyest.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.adapters.torch.batch import Groups
    from polyest.adapters.torch.other_reward import RewardFunction
    from polyest.adapters.trl.texts import Completion, LogExtra
    from polyest.graded import Objective

    Array = NDArray[np.float64]

__all__ = ["GradedReward"]


class GradedReward(GroupReward):
    """A reward function whose gradient is that of weight · E[best of n], or of another objective of `polyest.graded`.

    R_i is what `reward` pays completion i, any finite number; give this to the trainer *in place of* `reward`. A
    completion is paid weight · ∫ c[m_i(t)] dt over thresholds t up to R_i, m_i(t) the others of its group with rewards
    above t (docs/graded.md). 0/1 rewards give pass@n, that all n are correct, or majority@n.

    In training the trainer subtracts the group mean: the table is that of K − 1, the integral starts at the group's
    least reward, and what comes out is (1 − 1/K) times the exact leave-one-out advantage, for any rewards; n ≤ K − 1.
    (Plain best-of-n rewards would train something else after the subtraction.) In a trainer with `ExactAdvantagesMixin`
    the advantages of `polyest.graded` are set, n ≤ K. Evaluation pays the plain rewards, from 0 to R_i; n ≤
    ``num_generations_eval`` unless that is 1 (no reward: None).

    Logged through TRL: ``{name}/value``, the unbiased estimate of the objective, on average over groups of at least n;
    ``{name}/mean``, the mean of R; ``{name}/reward``, the mean of what is paid.

    Args:
        objective: `polyest.graded.best_of`, `worst_of`, `median_of` or `l_statistic`, without baseline; its group size
            does not matter, the trainer's counts.
        reward: a plain reward function as TRL takes them; it is called once, with all that TRL passes. None for a whole
            group: the group has no reward.
        weight: positive; relative to the trainer's other rewards. To train for the least, negate `reward`.
        name: the name in TRL's logs.

    Raises:
        ArgumentError: an argument is outside its domain. When called or bound: the trainer divides by a standard
            deviation, weighs this reward negatively, or has groups too small for n; on any rank `reward` raises, pays
            what is no finite number, or None for a part of a group.

    Source: docs/graded.md, sections 2 and 3.

    >>> from polyest.graded import best_of
    >>> def length(completions, **columns):
    ...     return [float(len(completion)) for completion in completions]
    >>> GradedReward(best_of(4), length).__name__
    'graded_reward'
    """

    REMEDY = "it would train against the objective; negate `reward`, or leave the weight out"

    def __init__(
        self, objective: Objective, reward: RewardFunction, *, weight: float = 1.0, name: str = "graded_reward"
    ) -> None:
        super().__init__(reward, name)
        self._objective = plain_objective(objective)
        check_positive("weight", weight, "to train for the least, negate `reward`")
        self._weight = weight

    def _load(self, group_size: int, centred: bool) -> Objective:
        objective = centred_objective(self._objective) if centred else self._objective
        if group_size < objective.least_group_size:
            reason = ", as TRL subtracts the group mean" if centred else ""
            would_do = group_size >= self._objective.least_group_size
            remedy = ", let a class Trainer(ExactAdvantagesMixin, GRPOTrainer) set the advantages" if would_do else ""
            raise ArgumentError(
                f"`num_generations` (in evaluation `num_generations_eval`) must be at least "
                f"{objective.least_group_size} for {objective.name}{reason}, got {group_size}: no estimator from fewer "
                f"completions is unbiased; raise it{remedy}, or choose a smaller n"
            )
        return objective.at(group_size)

    def _rows(self, texts: Sequence[Completion], log_extra: LogExtra | None) -> NDArray[np.int64]:
        return np.empty((len(texts), 0), np.int64)

    def _pay(self, groups: Groups, centred: bool) -> Array:
        return self._weight * self._load(groups.rewards.shape[1], centred).rewards(groups.rewards)

    def _advantages(self, groups: Groups) -> Array:
        return self._weight * self._load(groups.rewards.shape[1], centred=False).advantages(groups.rewards)

    def _statistics(self, groups: Groups) -> dict[str, float]:
        K, mean = groups.rewards.shape[1], {"mean": float(groups.rewards.mean())}
        if self._objective.least_group_size > K:
            return mean
        return mean | {"value": float(self._load(K, centred=False).values(groups.rewards).mean())}
