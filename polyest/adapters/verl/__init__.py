"""Advantage estimators for verl, and the reward function that goes with the one for answers.

| ``algorithm.adv_estimator`` | its expected gradient is that of | ``+algorithm.polyest.…`` |
| --- | --- | --- |
| ``polyest`` | reward and diversity of answers, added or multiplied | the attributes of `Options` |
| ``polyest_best_of`` | E[the best of n rewards] | ``n``; ``worst_case_bias``, for n > K |
| ``polyest_worst_of``, ``polyest_median_of`` | E[the worst (middle) of n rewards] | ``n`` |
| ``polyest_success`` | g(success rate), from rewards 0 and 1 | ``objective``; with ``power``, a method and a budget |

verl finds them by itself where polyest is installed (entry-point group ``verl.plugins``;
``VERL_USE_EXTERNAL_PLUGINS`` must not exclude it), or by ``VERL_USE_EXTERNAL_MODULES=polyest.adapters.verl``. Groups
may have any sizes. Nothing is divided by a standard deviation: ``algorithm.norm_adv_by_std_in_grpo`` has no effect.
Gradients are those over whole completions if the loss adds up tokens (``seq-mean-token-sum``;
``seq-mean-token-mean`` divides by lengths, which biases it). KL in the reward (use ``actor.use_kl_loss``) and
``algorithm.filter_groups``, which drops groups for their rewards, are refused. Rows that verl adds as padding get 0.
Agent loops must return one output per session: verl gives several the same uid and score, so that they would match
each other.

**Without answers.** The estimators of graded rewards and of success rates need no reward function of polyest's:

    python -m verl.trainer.main_ppo algorithm.adv_estimator=polyest_best_of +algorithm.polyest.n=4 \\
        actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-sum …

**With answers.** ``polyest`` needs one that names the answer of each completion, in a file of the user's (say
``rewards.py``):

    from polyest.adapters.verl import reward_function
    from verl.utils.reward_score import default_compute_score

    compute_score = reward_function("math-verify", default_compute_score)

    python -m verl.trainer.main_ppo algorithm.adv_estimator=polyest \\
        +algorithm.polyest.target=log +algorithm.polyest.sign=-1 +algorithm.polyest.weight=0.1 \\
        reward.custom_reward_function.path=rewards.py \\
        actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-sum …

Completion i is paid reward_weight · R_i + sign · weight · c[m_i], or with ``+algorithm.polyest.combine=multiply``
reward_weight · R_i · (offset + sign · weight · c[m_i]); its advantage is the exact one of that (`advantages`).

**What the reward carries.** verl shows an estimator nothing of a completion but the sum of its token-level rewards, a
float32. So the identity of the answer travels in its low bits (`polyest.adapters.code`): the score is R plus a
number that depends on the answer and lies within ±1/16. Hence

- R has to be a multiple of 1/8 between −1.875 and 1.875, and nothing may be added to the score afterwards: KL in the
  reward is refused, and so are DAPO's overlong buffer, rewards on more than one token, and scores that are no codes. Of
  these, multiples of 1/4096 and codes with one added are refused always (a multiple of 1/8 is a part of R), anything
  else with probability 99.8 %.
- ``critic/score/*``, ``critic/rewards/*``, ``reward`` in validation and the scores in dumps are off by up to 1/16, in a
  direction that depends on the answers; ``critic/advantages/*`` are the true ones. The exact R is in the extra key
  ``acc`` (validation metrics and dumps; verl logs no extra keys in training), the answer in ``pred``.
- two different answers are taken for one with probability 1/2046 = 0.05 %.

A completion without an answer gets the least rewarding value of the table. A completion alone in its group gets
reward_weight·R (times the offset in a product), with one warning.

Tested with verl 0.9.1; with a version outside `TESTED` a warning says so.

**Prompts that come back.** ``+algorithm.polyest.visits=4`` (and ``forgetting``, ``drift``) pools a prompt's completions
with those of its last visits. verl passes no prompts to estimators: train with a class
``Trainer(ReturningPrompts, PPOTrainerSync)``, see `returning`, which names them and saves what is remembered.

`answers` and `graded` are the advantage estimators, which read verl's `batch` and its configuration (`options`);
`reward` is the reward function, whose score is a `code`, and whose extra key is `pred`.
"""

from __future__ import annotations

from polyest.errors import MissingDependencyError

try:
    import torch  # noqa: F401
    from verl.trainer.ppo.core_algos import register_adv_est
except ImportError as error:
    raise MissingDependencyError.for_extra("verl 0.9", "verl", "polyest.adapters.verl") from error

from polyest.adapters.verl.answers import advantages
from polyest.adapters.verl.batch import TESTED
from polyest.adapters.verl.graded import best_of, median_of, success_rate, worst_of
from polyest.adapters.verl.options import Options
from polyest.adapters.verl.returning import ReturningPrompts, prompts
from polyest.adapters.verl.reward import reward_function

__all__ = [
    "TESTED",
    "Options",
    "ReturningPrompts",
    "advantages",
    "best_of",
    "median_of",
    "prompts",
    "reward_function",
    "success_rate",
    "worst_of",
]

register_adv_est("polyest")(advantages)
register_adv_est("polyest_best_of")(best_of)
register_adv_est("polyest_worst_of")(worst_of)
register_adv_est("polyest_median_of")(median_of)
register_adv_est("polyest_success")(success_rate)
