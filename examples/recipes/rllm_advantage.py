"""rLLM: an advantage estimator, called with the rewards of one group of trajectories.

    register_rllm_adv_estimator("polyest")(advantages)      # of rllm.experimental.common.advantage

It sees rewards only, so that a trajectory's reward is `encode(correct, answer)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from polyest.adapters import ragged
from polyest.adapters.code import NO_ANSWER, decode
from polyest.adapters.pay import AnswerPay

PAY = AnswerPay(target="log", sign=-1, weight=0.1)


def advantages(rewards: Any, **_: Any) -> Any:
    """Exact advantages of rewards and answers, shape (K,)."""
    R, identities = decode(np.asarray(rewards, np.float64))
    answers = [None if z == NO_ANSWER else z for z in identities.tolist()]
    groups = [0] * len(R)
    return ragged.centred(R, groups) + ragged.advantages(PAY, answers, groups)
