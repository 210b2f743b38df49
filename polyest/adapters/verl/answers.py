"""The advantage estimator ``polyest``: rewards and answers, added or multiplied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from polyest.adapters.code import NO_ANSWER, decode
from polyest.adapters.verl.batch import Batch, check_version
from polyest.adapters.verl.options import Options
from polyest.adapters.verl.returning import current_prompts, history_of
from polyest.errors import ArgumentError, warn
from polyest.identity import NOTHING, rows_of_array, without
from polyest.online.answers import Answers

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

    n is the size of a group, and S_i = reward_weight · R_i. The advantage of a completion is

        add:       S_i − mean of the others' S + weight · sign · A_i,               A_i with w = 1,
        multiply:  offset · (S_i − mean of the others' S) + weight · sign · A_i,    A_i with w = S,
        A_i = w_i c[m_i] − 1/(n−1) Σ_{j≠i} w_j c'[m_j − 1{z_j = z_i}].

    The expected gradient is that of E[S] + weight·sign·Φ_Q, or E[S(y) (offset + weight·sign·Q_c(p)) ∇log π(y)].

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
    return batch.spread(_pooled(batch, options) if options.visits > 1 else _advantages(batch, options))


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
    rewards *= options.reward_weight
    missing, rows_of = identities == NO_ANSWER, batch.by_size()
    if 1 in rows_of:
        warn(
            "`index` names groups of one completion, which nothing can be compared with; their advantage is their "
            "reward alone, without a baseline; let every prompt have at least two completions"
        )
    result = rewards * options.offset if options.multiplies else rewards.copy()
    for n, estimator in options.estimators(n for n in rows_of if n > 1).items():
        rows = rows_of[n]
        answers, R = without(Answers(identities[rows]), missing[rows]), rewards[rows]
        if options.multiplies:
            result[rows] = options.advantages(estimator, answers, R)
        else:
            result[rows] -= (R.sum(axis=1, keepdims=True) - R) / (n - 1)
            result[rows] += options.advantages(estimator, answers)
    return result


def _pooled(batch: Batch, options: Options) -> Array:
    """Those of completions in the pools of their prompts, shape (N,)."""
    rewards, identities = decode(batch.rewards)
    rewards *= options.reward_weight
    answers = rows_of_array(identities)
    answers[identities == NO_ANSWER, 0] = NOTHING
    named = current_prompts(len(batch.mask))
    factors = rewards if options.multiplies else None
    visit = history_of(options).visit(named.keys[batch.rows], answers, factors)
    named.statistics.update(visit.statistics())
    result = visit.advantages()
    if not options.multiplies:
        for n, rows in batch.by_size().items():
            R = rewards[rows]
            result[rows] += R - (R.sum(axis=1, keepdims=True) - R) / max(n - 1, 1)
    return result
