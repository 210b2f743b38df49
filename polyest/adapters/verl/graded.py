"""Advantage estimators that need no answers: L-statistics of graded rewards, and objectives of success rates."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from polyest import graded, success
from polyest.adapters.verl.batch import Batch, check_version
from polyest.adapters.verl.code import is_code
from polyest.adapters.verl.options import SECTION, entries
from polyest.errors import ArgumentError, nearest, shortened, warn
from polyest.problems.budget import AqpArguments
from polyest.problems.problem import whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.adapters.verl.batch import Array, Uids
    from polyest.adapters.verl.options import Config
    from polyest.problems.budget import Exact

__all__ = ["best_of", "l_statistic", "median_of", "success_rate", "worst_of"]

POLICY = "the objective of a reward that depends on the policy has another gradient"
ORDERED = {"pass_at": success.pass_at, "majority_at": success.majority_at, "truncated_log": success.truncated_log}
RATES = (*ORDERED, "power", "variance")
WRITTEN = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*")
TABLE = ("method", *AqpArguments.__annotations__)  # what names the table of power


class Objective(Protocol):
    """What groups of one size are scored by."""

    @property
    def name(self) -> str: ...

    def advantages(self, rewards: ArrayLike, /) -> Array:
        """Shape (groups, n), as the rewards."""


AtSize = Callable[[int], Objective]


@torch.no_grad()
def l_statistic(
    make: Callable[..., graded.Objective],
    options: tuple[str, ...],
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Uids | None = None,
    config: Config | None = None,
    **_: object,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The advantage estimators ``polyest_best_of``, ``polyest_worst_of`` and ``polyest_median_of``, one per `make`.

    Their expected gradient is that of E[the greatest (least, middle) of n rewards], n = ``algorithm.polyest.n``. A
    completion's reward R_i is the sum of its token-level rewards, any finite number; with c the table of the group's
    size K (`polyest.graded.best_of`) and m_i(t) the number of others with rewards above t,

        A_i = ∫ c[m_i(t)] · (1{R_i > t} − m_i(t)/(K−1)) dt,    in units of the reward,

    at each token (docs/graded.md §2). Best of n is pass@n where rewards are 0 and 1. Ties need no convention, a group
    without spread gets 0, and ``algorithm.norm_adv_by_std_in_grpo`` has no effect: nothing is ever divided.

    Groups of K ≥ n are exact. The greatest (least) of n in n/2 ≤ K < n is off by at most `worst_case_bias` of the
    rewards' range (default 0.05, with a warning, if there is a table; docs/graded.md §7). Others get 0, with a warning.

    Args:
        make, options: `polyest.graded.best_of` or its like, and its arguments besides n and K.
        token_level_rewards, response_mask: shape (B, T).
        index: shape (B,), the uid of each completion's group; groups of any sizes in any order.
        config: verl's ``algorithm`` section, with ``algorithm.polyest.n`` and `options`.

    Returns:
        advantages, returns: shape (B, T) both, equal.

    Raises:
        ArgumentError: NaN, ±inf, scores of `reward_function`, no group that is large enough, a bad n or `algorithm`.
        TableNotFoundError: there is no table of the `worst_case_bias` given.
    """
    check_version()
    at_size = _at_size(make, entries(config, ["n", *options], POLICY))
    batch = _batch(token_level_rewards, response_mask, index)
    return batch.spread(_advantages(batch, batch.rewards, at_size))


def _at_size(make: Callable[..., graded.Objective], given: dict[str, Any]) -> AtSize:
    if "n" not in given:
        raise ArgumentError(f"`{SECTION}n` must say of how many draws, got none; add +{SECTION}n=4")
    n = whole_number(f"{SECTION}n", given.pop("n"), least=1)
    return partial(make, n, **given)


def _extreme(
    make: Callable[..., graded.Objective], n: int, group_size: int, worst_case_bias: Exact | None = None
) -> graded.Objective:
    """`polyest.graded.best_of` or `worst_of`; a bias that nobody asked for is told."""
    objective = make(n, group_size, worst_case_bias=worst_case_bias)
    if worst_case_bias is None and objective.worst_case_bias > 0:
        warn(
            f"`index` names groups of {group_size}, from which {objective.name} is not exact: the gradient is that of "
            f"an objective within {objective.worst_case_bias:.2g} of the rewards' range; sample {n}, or set "
            f"+{SECTION}worst_case_bias={objective.worst_case_bias:.2g} if that will do"
        )
    return objective


best_of = partial(l_statistic, partial(_extreme, graded.best_of), ("worst_case_bias",))
worst_of = partial(l_statistic, partial(_extreme, graded.worst_of), ("worst_case_bias",))
median_of = partial(l_statistic, graded.median_of, ())


@torch.no_grad()
def success_rate(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Uids | None = None,
    config: Config | None = None,
    **_: object,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The advantage estimator ``polyest_success``: an objective g(s) of the success rate, from rewards 0 and 1.

    ``algorithm.polyest.objective`` is ``pass_at(k)``, ``majority_at(k)``, ``truncated_log(T)`` (MaxRL: T = K),
    ``variance`` or ``power(a)`` (Tsallis; −1 < a < 0), as in `polyest.success`; with ``power`` there may be `method`
    and a budget, as in `polyest.load`. Hydra wants parentheses in quotes, and a shell quotes around these:
    ``'+algorithm.polyest.objective="power(-0.5)"'``. With h_i correct ones among the K − 1 others,

        A_i = c[h_i] · (1{i correct} − h_i/(K−1)).

    Arguments, returns and errors are those of `l_statistic`'s, and also

    Raises:
        ArgumentError: a reward is neither 0 nor 1, or there is no such objective.
        TableNotFoundError: ``power`` has no table for a group's size.
    """
    check_version()
    given = entries(config, ["objective", *TABLE], POLICY)
    at_size = _rate(given.pop("objective", None), given)
    batch = _batch(token_level_rewards, response_mask, index)
    wrong = batch.rewards[~np.isin(batch.rewards, (0, 1))]
    if wrong.size:
        raise ArgumentError(
            f"`token_level_rewards` must sum to 0 or 1, the verdict on a completion, got {wrong[0]:g} in {wrong.size} "
            f"of {batch.rewards.size} completions; use algorithm.adv_estimator=polyest_best_of for graded rewards"
        )
    return batch.spread(_advantages(batch, batch.rewards.astype(np.int64), at_size))


def _batch(token_level_rewards: torch.Tensor, response_mask: torch.Tensor, index: Uids | None) -> Batch:
    batch = Batch.of(token_level_rewards, response_mask, index)
    finite = np.isfinite(batch.rewards)
    if not finite.all():
        raise ArgumentError(
            f"`token_level_rewards` must be finite, got {batch.rewards[~finite][0]} in {np.count_nonzero(~finite)} of "
            f"{finite.size} completions: it has no rank; give a failure a finite reward, the least there is"
        )
    if batch.rewards.size > 1 and is_code(batch.rewards).all():
        raise ArgumentError(
            "`token_level_rewards` must be rewards alone, got those of polyest's reward_function, which carry answers; "
            "give verl the reward function that you passed to it as `correctness`"
        )
    return batch


def _advantages(batch: Batch, rewards: Array | NDArray[np.int64], at_size: AtSize) -> Array:
    """Those of completions, shape (N,); 0 where a group is too small and another is not."""
    result, few, reason = np.zeros(len(rewards)), 0, ""
    objective = None
    for n, rows in sorted(batch.by_size().items(), reverse=True):
        try:
            objective = at_size(n)
        except ArgumentError as error:
            if objective is None:
                raise
            few, reason = few + len(rows), reason or str(error)
        else:
            result[rows] = objective.advantages(rewards[rows])
    if few and objective is not None:
        warn(
            f"`index` names {few} groups with too few completions for {objective.name}; their advantages are 0: "
            f"{reason}"
        )
    return result


def _rate(text: object, budget: dict[str, Any]) -> AtSize:
    """The objective of a success rate at each group size."""
    found = WRITTEN.fullmatch(text if isinstance(text, str) else "")
    name, parameter = found.groups("") if found else ("", "")
    if name not in RATES or (parameter == "") != (name == "variance"):
        raise ArgumentError(
            f"`{SECTION}objective` must be pass_at(k), majority_at(k), truncated_log(T), power(a) or variance, got "
            f"{shortened(text)}{nearest(name, RATES)}"
        )
    if name == "power":
        return lambda n: success.power(parameter, n, **budget)
    if budget:
        raise ArgumentError(f"`{SECTION}{min(budget)}` must be left out for {text}, which is exact; drop it")
    if name == "variance":
        return success.variance
    order = _order(parameter)
    return lambda n: ORDERED[name](order, n)


def _order(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ArgumentError(f"`{SECTION}objective` must have a whole number in parentheses, got {text}") from None
