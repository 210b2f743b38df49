"""Advantages for SkyRL: of rewards and answers, and of graded rewards.

SkyRL registers functions, and shows them nothing of a completion but its reward. So the environment pays a reward that
carries the answer in its low bits (`polyest.adapters.code`), and the estimator reads both::

    from polyest.adapters.skyrl import AnswerAdvantages, GradedAdvantages, encode
    from skyrl.backends.skyrl_train.utils.ppo_utils import AdvantageEstimatorRegistry

    return BaseTextEnvStepOutput(observations=[], reward=encode(correct, answer), done=True, metadata={})   # in the env
    AdvantageEstimatorRegistry.register("polyest", AnswerAdvantages(weight=0.1))                 # before training
    AdvantageEstimatorRegistry.register("best_of_4", GradedAdvantages(graded.best_of(4)))        # any rewards, no codes

    trainer.algorithm.advantage_estimator=polyest trainer.algorithm.loss_reduction=seq_mean_token_sum_norm

Rewards have to be multiples of 1/8 between −1.875 and 1.875 (`reward_weight` scales them), and nothing may be added to
them. Two different answers are taken for one with probability 1/2046. Tested with SkyRL 0.3.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

import numpy as np

from polyest.adapters import ragged
from polyest.adapters.code import NO_ANSWER, decode, encode
from polyest.adapters.graded import plain_objective
from polyest.adapters.pay import answer_pay
from polyest.errors import ArgumentError, MissingDependencyError
from polyest.graded import Objective
from polyest.graded import advantages as graded_advantages

try:
    import torch
except ImportError as error:
    raise MissingDependencyError.for_extra("torch", "torch", "polyest.adapters.skyrl") from error

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from polyest.adapters.pay import PayArguments

    Array = NDArray[np.float64]

__all__ = ["AnswerAdvantages", "GradedAdvantages", "encode"]

PADDING = re.compile(r"pad\d+")
REFUSED = {
    "use_kl_in_reward": "the reward carries the identity of the answer; use use_kl_loss",
    "advantage_batch_normalize": "dividing by a standard deviation is not linear and biases every reward",
}


class AnswerAdvantages:
    """An advantage estimator: exact advantages of reward_weight · R_i, and of the answers, added or multiplied.

    Args:
        reward_weight: of the reward that `encode` carries.
        pay: the attributes of `polyest.adapters.pay.AnswerPay`: target, sign, weight, method, …

    Raises:
        ArgumentError: on construction, an argument is outside its domain; when called, a reward is no code, or SkyRL's
            configuration would bias what is estimated.
        TableNotFoundError: when called, there is no table for the size of a group.

    Source: theory.md §5 and §9.

    >>> estimator = AnswerAdvantages(method="harmonic", weight=0.5)
    >>> rewards = torch.tensor([[encode(1.0, "a")], [encode(0.0, "b")], [encode(0.0, "b")]])
    >>> estimator(rewards, torch.ones(3, 1), index=["x"] * 3)[0].ravel().tolist()
    [1.75, -0.75, -0.75]
    """

    def __init__(self, *, reward_weight: float = 1.0, **pay: Unpack[PayArguments]) -> None:
        self._pay = answer_pay(pay)
        self._pay.check_finite("reward_weight", reward_weight)
        self._reward_weight = reward_weight

    def __call__(
        self,
        token_level_rewards: torch.Tensor,
        response_mask: torch.Tensor,
        index: Sequence[Hashable],
        config: object = None,
        **_: object,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The advantages and returns of SkyRL, shape (B, T), equal; `index` names the group of each completion."""
        _check(config)
        rewards, identities = decode(_sums(token_level_rewards))
        R, groups, usable = self._reward_weight * rewards, list(index), _no_padding(index)
        answers = [None if z == NO_ANSWER else z for z in identities.tolist()]
        weights = R if self._pay.multiplies else None
        paid = ragged.advantages(self._pay, answers, groups, usable=usable, weights=weights)
        if not self._pay.multiplies:
            paid += ragged.centred(R, groups, usable)
        return _spread(paid, response_mask)


@dataclass(frozen=True)
class GradedAdvantages:
    """An advantage estimator: exact advantages of an objective of `polyest.graded`, from any finite rewards.

    Each group is scored by the table of its own size; those that are too small for the objective get 0, with a warning.

    Attributes:
        objective: made by `polyest.graded.best_of` and its like, without baseline; its group size does not matter.

    Raises:
        ArgumentError: it is no such objective; when called, a reward is no finite number.

    Source: docs/graded.md, section 2.

    >>> from polyest import graded
    >>> estimator = GradedAdvantages(graded.best_of(2))
    >>> estimator(torch.tensor([[1.0], [2.0], [4.0]]), torch.ones(3, 1), index=["x"] * 3)[0].ravel().tolist()
    [-1.0, -0.5, 4.5]
    """

    objective: Objective

    def __post_init__(self) -> None:
        plain_objective(self.objective)

    def __call__(
        self,
        token_level_rewards: torch.Tensor,
        response_mask: torch.Tensor,
        index: Sequence[Hashable],
        config: object = None,
        **_: object,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The advantages and returns of SkyRL, shape (B, T), equal; `index` names the group of each completion."""
        _check(config)
        sums, usable = _sums(token_level_rewards), _no_padding(index)
        paid = np.zeros(len(sums))
        groups = [group for group, use in zip(index, usable, strict=True) if use]
        paid[usable] = np.nan_to_num(graded_advantages(sums[usable], groups, self.objective))
        return _spread(paid, response_mask)


def _check(config: object) -> None:
    """Refuse what SkyRL's algorithm section may do to rewards and advantages."""
    for name, reason in REFUSED.items():
        if getattr(config, name, False):
            raise ArgumentError(f"`trainer.algorithm.{name}` must be False, got True: {reason}")
    sampling = getattr(getattr(config, "dynamic_sampling", None), "type", None)
    if sampling is not None:
        raise ArgumentError(
            f"`trainer.algorithm.dynamic_sampling.type` must be None, got {sampling!r}: dropping groups for their "
            "rewards biases what is left; leave it out"
        )


def _sums(token_level_rewards: torch.Tensor) -> Array:
    sums: Array = token_level_rewards.double().sum(dim=-1).cpu().numpy()
    return sums


def _no_padding(index: Sequence[Hashable]) -> NDArray[np.bool_]:
    """Which rows are completions; SkyRL fills its last batch up with copies, of the groups "pad0", "pad1", …"""
    return np.array([not (isinstance(uid, str) and PADDING.fullmatch(uid)) for uid in index], np.bool_)


def _spread(advantages: Array, response_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """At each token of the completions."""
    mask = response_mask.to(torch.promote_types(response_mask.dtype, torch.float32))
    spread = torch.from_numpy(advantages).to(mask).unsqueeze(-1) * mask
    return spread, spread.clone()
