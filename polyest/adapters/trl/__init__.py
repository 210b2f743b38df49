"""Rewards and advantages for TRL's `GRPOTrainer`, from the answers of whole groups, wherever their completions are.

`AnswerReward` is a reward function for answers, `GradedReward` one for the best of n and its like. A trainer that only
centres rewards, ``scale_rewards="none"``, can use them::

    reward = AnswerReward(extract, "log", weight=0.1)              # diversity: pays −0.1·log p̂
    GRPOTrainer(model, reward_funcs=[correct, reward], args=GRPOConfig(scale_rewards="none", …), …)

    reward = AnswerReward(extract, "log", combine="multiply", reward=correct)       # pays −correct·log p̂
    reward = GradedReward(polyest.graded.best_of(4), quality)                       # trains E[the best of 4]
    GRPOTrainer(model, reward_funcs=[reward], args=GRPOConfig(scale_rewards="none", …), …)

`ExactAdvantagesMixin` makes a trainer in which the same objects set exact advantages instead, which needs no
centring-proof table and does not mind how the other rewards are scaled::

    class Trainer(ExactAdvantagesMixin, GRPOTrainer): ...
    Trainer(model, reward_funcs=[correct, reward], args=GRPOConfig(…), …)

Scale. GRPOTrainer subtracts the group mean from every reward, which shrinks the expected gradient of an ordinary
reward R to (1 − 1/K)·∇E[R]. Both ways give (1 − 1/K)·weight·sign·∇Φ_Q, so that `weight` is the rate of exchange
between Φ and R, and the common factor belongs to the learning rate. Φ_Q is the surrogate of the table of K−1 for the
reward function, of K for the mixin (theory.md §5). It is the gradient over whole completions if the loss does not
divide by their length: ``loss_type="dr_grpo"``.

Tested with trl `TESTED`; with another version a warning says so.

A file for each class: `answer_reward`, `graded_reward`, and in `group_reward` what they have in common, with the mixin.
`trainer` reads and checks the trainer, `texts` reads completions, `logs` says what is logged about answers; for prompts
that come back, `prompts` tells them apart and `checkpoint` saves what is remembered of them. From `adapters/torch` come
`batch`, which brings the processes together, and `other_reward`, which calls another reward function.
"""

from __future__ import annotations

from polyest.errors import MissingDependencyError

try:
    import torch  # noqa: F401
    import trl  # noqa: F401
except ImportError as error:
    raise MissingDependencyError.for_extra("trl", "trl", "polyest.adapters.trl") from error

from polyest.adapters.trl.answer_reward import AnswerReward
from polyest.adapters.trl.graded_reward import GradedReward
from polyest.adapters.trl.group_reward import ExactAdvantagesMixin
from polyest.adapters.trl.trainer import TESTED

__all__ = ["TESTED", "AnswerReward", "ExactAdvantagesMixin", "GradedReward"]
