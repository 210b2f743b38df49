"""A reward for ms-swift's GRPO, for a file that ``--external_plugins`` names::

    # plugin.py
    from polyest.adapters.ms_swift import answer_reward
    from swift.rewards import orms

    orms["diversity"] = answer_reward(extract, weight=0.1)

    swift rlhf --rlhf_type grpo --external_plugins plugin.py --reward_funcs accuracy diversity \\
        --scale_rewards none --loss_type dr_grpo --num_generations 8 …

ms-swift subtracts the mean of each group; the table is proof against that, and like every reward there it comes out
times 1 − 1/K (with ``--advantage_estimator rloo``, times 1). Groups are ms-swift's own: runs of ``num_generations``
completions in the order of the processes, which are brought together. Tested with ms-swift 4.6.0, its trainers for
transformers, one turn.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Unpack

import numpy as np

from polyest.adapters import ragged
from polyest.adapters.extraction import Extractor
from polyest.adapters.pay import AnswerPay, answer_pay
from polyest.errors import ArgumentError, MissingDependencyError
from polyest.identity import answers_of, row_of

try:
    from torch import distributed

    from polyest.adapters.torch.gather import shared
except ImportError as error:
    raise MissingDependencyError.for_extra("torch", "torch", "polyest.adapters.ms_swift") from error

if TYPE_CHECKING:
    from polyest.adapters.pay import PayArguments

__all__ = ["AnswerORM", "answer_reward"]


def answer_reward(
    extract: Callable[[str], Hashable] | str, *, time_limit: float | None = 5.0, **pay: Unpack[PayArguments]
) -> Callable[..., AnswerORM]:
    """An entry for ms-swift's `orms`, which makes the reward function once the arguments of the training are known.

    Args:
        extract: from a completion's text to its answer, or ``"math-verify"``; None for no answer.
        time_limit: seconds for one completion; see `polyest.adapters.extraction.Extractor`.
        pay: the attributes of `polyest.adapters.pay.AnswerPay`: target, sign, weight, method, …; no product, as
            ms-swift does not tell a reward function what another one pays.

    Raises:
        ArgumentError: an argument is outside its domain.
    """
    paying = answer_pay(pay)
    if paying.multiplies:
        raise ArgumentError(
            "`combine` must be 'add' in ms-swift, which does not tell a reward function what another one pays, got "
            "'multiply'; let the weights be a reward function of your own, or use TRL"
        )
    extractor = Extractor(extract, time_limit, partial(row_of, argument="extract"))
    return partial(AnswerORM, extractor, paying)


@dataclass
class AnswerORM:
    """A reward function of ms-swift: pays completions for their answers, in groups that processes may share.

    Attributes:
        extractor, pay: see `answer_reward`.
        args: ms-swift's.

    Raises:
        ArgumentError: the arguments would undo what is paid; when called, on any process, `extract` raises, or there
            are parts of groups.
        TableNotFoundError: when called, there is no table for ``num_generations``.
    """

    extractor: Extractor
    pay: AnswerPay
    args: object = None

    def __post_init__(self) -> None:
        _check(self.args)

    def __call__(self, completions: Sequence[str], **_: object) -> list[float]:
        """The rewards of this process's completions; ms-swift calls it, on all processes."""
        started = distributed.is_available() and distributed.is_initialized()
        parts = shared(lambda: self._rows(completions), distributed.group.WORLD if started else None)
        ends = list(accumulate(map(len, parts), initial=0))
        rank = distributed.get_rank() if started else 0
        K: int = getattr(self.args, "num_generations", 0)
        if not K or ends[-1] % K:
            raise ArgumentError(
                f"`completions` must be whole groups of `num_generations` {K} over all processes, got {ends[-1]}; "
                "ms-swift passes the arguments of the training on"
            )
        read = answers_of(np.concatenate(parts))
        paid = ragged.rewards(self.pay, read, np.arange(ends[-1]) // K)
        own: list[float] = paid[ends[rank] : ends[rank + 1]].tolist()
        return own

    def _rows(self, completions: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        return np.array([self.extractor(text) for text in completions], np.int64).reshape(-1, 3)


def _check(args: object) -> None:
    """Refuse what ms-swift may do to rewards.

    Raises:
        ArgumentError: it divides by a standard deviation, drops groups for their rewards, or has groups of two.
    """
    scaling = getattr(args, "scale_rewards", "none")
    if scaling != "none":
        raise ArgumentError(
            f"`scale_rewards` must be 'none', got {scaling!r}: dividing by a standard deviation of the rewards is not "
            "linear and biases every reward again; set --scale_rewards none"
        )
    estimator = getattr(args, "advantage_estimator", "grpo")
    if estimator not in ("grpo", "rloo"):
        raise ArgumentError(f"`advantage_estimator` must be grpo or rloo, which only centre, got {estimator!r}")
    if getattr(args, "dynamic_sample", False):
        raise ArgumentError(
            "`dynamic_sample` must be False, got True: dropping groups for their rewards biases what is left"
        )
    K, evaluation = getattr(args, "num_generations", 3), getattr(args, "num_generations_eval", None)
    if K < 3:
        raise ArgumentError(
            f"`num_generations` must be 3 or more, got {K}: ms-swift subtracts the group mean, which cancels every "
            "reward for matches between two; raise it"
        )
    if evaluation not in (None, K):
        raise ArgumentError(
            f"`num_generations_eval` must be that of the training, {K}, got {evaluation}: reward functions are not "
            "told which one it is; leave it out"
        )
