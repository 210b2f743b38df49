"""Advantages for Tunix: of the trainer's rewards and of the answers in the completions.

Tunix calls its reward functions with the completions of a batch and hands the sum of what they pay to an advantage
estimator, in the same thread. `AnswerAdvantages` is both: as a reward function it pays 0 and reads the answers, as the
estimator it sets the exact advantages::

    from polyest.adapters.tunix import AnswerAdvantages
    from tunix.rl.function_registry import register_advantage_estimator

    answers = AnswerAdvantages(extract, weight=0.1)
    register_advantage_estimator("polyest")(answers.advantages)
    config = GRPOConfig(num_generations=8, advantage_estimator="polyest", loss_agg_mode="seq-mean-token-sum")
    GRPOLearner(cluster, algo_config=config, reward_fns=[correct, answers])

    register_advantage_estimator("best_of_4")(GradedAdvantages(graded.best_of(4)))     # any rewards, no answers

Tested with google-tunix 0.1.7 and its sequence-level reward manager.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from polyest.adapters import ragged
from polyest.adapters.extraction import Extractor
from polyest.adapters.graded import plain_objective
from polyest.adapters.pay import answer_pay
from polyest.errors import ArgumentError
from polyest.graded import Objective

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.adapters.pay import PayArguments

    Array = NDArray[np.float64]

__all__ = ["AnswerAdvantages", "GradedAdvantages"]


class AnswerAdvantages:
    """A reward function that pays 0 and reads answers, and the advantage estimator that goes with it.

    Groups are Tunix's own: runs of ``num_generations`` completions. Other reward functions pay as ever; their sum R_i
    is centred by the mean of the others', and nothing is divided by a standard deviation.

    Args:
        extract: from a completion's text to its answer, or ``"math-verify"``; None for no answer.
        time_limit: seconds for one completion; see `polyest.adapters.extraction.Extractor`.
        pay: the attributes of `polyest.adapters.pay.AnswerPay`: target, sign, weight, method, …; with
            ``combine="multiply"`` R_i ≥ 0 is the other factor.

    Raises:
        ArgumentError: an argument is outside its domain; when called, the estimator is asked about completions that
            this reward function has not read.
        TableNotFoundError: when called, there is no table for ``num_generations``.

    Source: theory.md §5 and §9.

    >>> answers = AnswerAdvantages(str.strip, time_limit=None, method="harmonic")
    >>> answers(["?"] * 3, ["a", "b ", "b"])
    [0.0, 0.0, 0.0]
    >>> answers.advantages(rewards=np.array([1.0, 0.0, 0.0]), num_generations=3).tolist()
    [2.5, -1.0, -1.0]
    """

    def __init__(
        self,
        extract: Callable[[str], Hashable] | str,
        *,
        time_limit: float | None = 5.0,
        **pay: Unpack[PayArguments],
    ) -> None:
        self._extract = Extractor(extract, time_limit)
        self._pay = answer_pay(pay)
        self._read = threading.local()
        self.__name__ = "answer_advantages"

    def __call__(self, prompts: Sequence[str], completions: Sequence[str], **_: object) -> list[float]:
        """Read the answers; Tunix calls it."""
        self._read.answers = [self._extract(text) for text in completions]
        return [0.0] * len(completions)

    def advantages(self, rewards: ArrayLike, num_generations: int) -> Array:
        """The advantages of the completions that were read last in this thread, shape (N,); Tunix calls it."""
        R = np.asarray(rewards, np.float64)
        answers = self._read.__dict__.pop("answers", [])
        if R.shape != (len(answers),):
            raise ArgumentError(
                f"`reward_fns` must hold this object, whose `advantages` are the estimator, got {R.size} rewards for "
                f"{len(answers)} completions that it has read; pass both to one learner"
            )
        groups = _groups(len(R), num_generations)
        if self._pay.multiplies:
            return ragged.advantages(self._pay, answers, groups, weights=R)
        return ragged.centred(R, groups) + ragged.advantages(self._pay, answers, groups)


class GradedAdvantages:
    """An advantage estimator: exact advantages of an objective of `polyest.graded`, from any finite rewards.

    Args:
        objective: made by `polyest.graded.best_of` and its like, without baseline; its group size does not matter.

    Raises:
        ArgumentError: it is no such objective; when called, groups are too small for it, or a reward is not finite.

    Source: docs/graded.md, section 2.

    >>> from polyest import graded
    >>> GradedAdvantages(graded.best_of(2))(rewards=np.array([1.0, 2.0, 4.0]), num_generations=3).tolist()
    [-1.0, -0.5, 4.5]
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = plain_objective(objective)

    def __call__(self, rewards: ArrayLike, num_generations: int) -> Array:
        """The advantages of runs of ``num_generations`` completions, shape (N,); Tunix calls it."""
        R = np.asarray(rewards, np.float64)
        _groups(R.size, num_generations)
        return self._objective.at(num_generations).advantages(R.reshape(-1, num_generations)).ravel()


def _groups(completions: int, group_size: int) -> NDArray[np.int64]:
    if completions % group_size:
        raise ArgumentError(
            f"`rewards` must be of whole groups of {group_size}, got {completions}; leave Tunix's batches as they are"
        )
    return np.arange(completions) // group_size
