"""The advantage estimator ``polyest``: rewards and answers, added or multiplied."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from polyest.adapters.verl.batch import Batch, check_version
from polyest.adapters.verl.code import NO_ANSWER, decode
from polyest.adapters.verl.options import Options
from polyest.errors import ArgumentError
from polyest.online.answers import coded

if TYPE_CHECKING:
    from polyest.adapters.verl.batch import Array, Uids
    from polyest.adapters.verl.options import Config

__all__ = ["advantages"]


@torch.no_grad()
def advantages(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Uids | None = None,
    config: Config | None = None,
    **_: object,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The advantage estimator ``polyest``: exact advantages of R and of the answers (`polyest.adapters.verl`).

    With `Options`' w_i, which is 1 where ``combine`` is ``add``,

        reward_weight · (R_i − mean of the others' R) + sign · weight · A_i,
        A_i = w_i c[m_i] − 1/(n−1) Σ_{j≠i} w_j c'[m_j − 1{z_j = z_i}],

    n the size of the group; the expected gradient is that of reward_weight·E[R] + sign·weight·E[w Q_c(ν)], w fixed.

    Args:
        token_level_rewards: shape (B, T), one score of `reward_function` in each row.
        response_mask: shape (B, T).
        index: shape (B,), the uid of each completion's group; groups of any sizes in any order.
        config: verl's ``algorithm`` section, with ``algorithm.polyest``.

    Returns:
        advantages, returns: shape (B, T) both, equal.

    Raises:
        ArgumentError: the configuration or a reward is refused (see the package).
        TableNotFoundError: names every group size that has no table.

    Source: theory.md §5 and §9.
    """
    check_version()
    options = Options.of(config)
    _check_scores(token_level_rewards)
    batch = Batch.of(token_level_rewards, response_mask, index)
    return batch.spread(_advantages(batch, options))


def _check_scores(token_level_rewards: torch.Tensor) -> None:
    if token_level_rewards.dtype not in (torch.float32, torch.float64):
        raise ArgumentError(
            f"`token_level_rewards` must be float32, which holds the codes exactly, got {token_level_rewards.dtype}; "
            "keep rewards in float32"
        )
    if bool((token_level_rewards.count_nonzero(dim=-1) > 1).any()):
        raise ArgumentError(
            "`token_level_rewards` must have one number in each row, the score, got several; switch off what "
            "pays single tokens (KL in the reward, process rewards)"
        )


def _advantages(batch: Batch, options: Options) -> Array:
    """Those of completions, shape (N,)."""
    rewards, identities = decode(batch.rewards)
    weights, missing = options.weights(rewards), identities == NO_ANSWER
    if weights is not None and options.count == "correct":
        missing |= weights == 0
    rows_of = batch.by_size()
    if 1 in rows_of:
        warnings.warn(
            "`index` names groups of one completion, which nothing can be compared with; their advantage is "
            "reward_weight · R, without a baseline; let every prompt have at least two completions",
            stacklevel=3,
        )
    result: Array = options.reward_scale * rewards
    for n, estimator in options.estimators(n for n in rows_of if n > 1).items():
        rows = rows_of[n]
        result[rows] -= (result[rows].sum(axis=1, keepdims=True) - result[rows]) / (n - 1)
        result[rows] += options.scale * estimator.advantages(
            coded(identities[rows], missing[rows]),
            no_answer_reward=options.no_answer_pay(estimator),
            weights=None if weights is None else weights[rows],
        )
    return result
