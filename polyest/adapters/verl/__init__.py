"""An advantage estimator for verl, and the reward function that goes with it.

The reward function names the answer of each completion, in a file of the user's (say ``rewards.py``):

    from polyest.adapters.verl import reward_function
    from verl.utils.reward_score import default_compute_score

    compute_score = reward_function("math-verify", default_compute_score)

The estimator is called ``polyest``. verl finds it by itself where polyest is installed (entry-point group
``verl.plugins``; ``VERL_USE_EXTERNAL_PLUGINS`` must not exclude it), or by
``VERL_USE_EXTERNAL_MODULES=polyest.adapters.verl``:

    python -m verl.trainer.main_ppo algorithm.adv_estimator=polyest \\
        +algorithm.polyest.target=log +algorithm.polyest.sign=-1 +algorithm.polyest.weight=0.1 \\
        reward.custom_reward_function.path=rewards.py \\
        actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-sum …

The other options are the attributes of `Options`. A completion's advantage is

    reward_weight · (R_i − mean of the others' R) + sign · weight · A_i,    A_i = c[m_i] − b_i (theory.md §5),

whose expected gradient is that of reward_weight·E[R] + sign·weight·Φ_Q if the loss adds up tokens
(``seq-mean-token-sum``; ``seq-mean-token-mean`` divides by lengths, which biases it). Nothing is divided by a standard
deviation: ``algorithm.norm_adv_by_std_in_grpo`` has no effect.

**What the reward carries.** verl shows an estimator nothing of a completion but the sum of its token-level rewards, a
float32. So the identity of the answer travels in its low bits (`polyest.adapters.verl.code`): the score is R plus a
number that depends on the answer and lies within ±1/16. Hence

- R has to be a multiple of 1/8 between −1.875 and 1.875, and nothing may be added to the score afterwards: KL in the
  reward is refused (use ``actor.use_kl_loss``), and so are DAPO's overlong buffer, rewards on more than one token, and
  scores that are no codes. Of these, multiples of 1/4096 and codes with one added are refused always (a multiple of 1/8
  is a part of R), anything else with probability 99.8 %.
- ``critic/score/*``, ``critic/rewards/*``, ``reward`` in validation and the scores in dumps are off by up to 1/16, in a
  direction that depends on the answers; ``critic/advantages/*`` are the true ones. The exact R is in the extra key
  ``acc`` (validation metrics and dumps; verl logs no extra keys in training), the answer in ``pred``.
- two different answers are taken for one with probability 1/2046 = 0.05 %.

A completion without an answer gets the least rewarding value of the table. A completion alone in its group gets
reward_weight·R, with one warning. Rows that verl adds as padding get 0. Agent loops must return one output per session:
verl gives several the same uid and score, so that they would match each other.

Tested with verl 0.9.1; with a version outside `TESTED` a warning says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import ArgumentError, MissingDependencyError

try:
    import torch
    import verl
    from packaging.specifiers import SpecifierSet
    from verl.trainer.ppo.core_algos import register_adv_est
except ImportError as error:
    raise MissingDependencyError.for_extra("verl 0.9", "verl", "polyest.adapters.verl") from error

from polyest.adapters.extraction import Extractor
from polyest.adapters.verl.code import NO_ANSWER, code, decode, identity
from polyest.adapters.verl.options import Options
from polyest.adapters.verl.pred import pred
from polyest.online import hashable_answers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["TESTED", "Options", "advantages", "reward_function"]

TESTED = "==0.9.*"


def reward_function(
    extract: Callable[[str], Hashable] | str,
    correctness: Callable[..., Any],
    *,
    time_limit: float | None = 5.0,
) -> Callable[..., dict[str, Any]]:
    """A ``compute_score`` for verl, whose score carries R and the identity of the answer (see the module).

    Args:
        extract: from a completion's text to its answer: a string, number, bytes, or a tuple or frozenset of these; None
            for no answer. Or ``"math-verify"``: the value that math-verify parses, in a canonical form.
        correctness: a reward function as verl has them, called with ``data_source``, ``solution_str``,
            ``ground_truth`` and ``extra_info``; returns R, or a dictionary with R as its ``"score"``.
        time_limit: seconds for the extraction of one answer, after which there is none, with a warning; None for no
            limit.

    Returns:
        ``compute_score(data_source, solution_str, ground_truth, extra_info=None)``, which returns a dictionary:
        ``score``, ``acc`` = R, ``pred``, and what else `correctness` returned. ``pred`` is the answer: a string as it
        is, anything else as ``json:`` and its JSON (`polyest.rollouts.typed`), None (null in dumps) for no answer.

    Raises:
        ArgumentError: an argument is outside its domain; when called: R is no multiple of 1/8 within ±1.875, or the
            extractor raises or returns no such answer.

    >>> compute_score = reward_function(str.strip, lambda ground_truth, solution_str, **_: ground_truth in solution_str)
    >>> {key: value for key, value in compute_score("task", " 42 ", "42").items() if key != "score"}
    {'acc': 1.0, 'pred': '42'}
    """
    if not callable(correctness):
        raise ArgumentError(
            f"`correctness` must be a reward function as verl has them, got {correctness!r}; "
            "verl's own is verl.utils.reward_score.default_compute_score"
        )
    return _Score(Extractor(extract, time_limit, _carried), correctness)


@dataclass(frozen=True)
class _Score:
    """What `reward_function` returns: no closure, as verl's remote reward manager pickles it."""

    extractor: Extractor
    correctness: Callable[..., Any]

    def __call__(
        self, data_source: Any, solution_str: str, ground_truth: Any, extra_info: Any = None, **others: Any
    ) -> dict[str, Any]:
        given = {"data_source": data_source, "solution_str": solution_str, "ground_truth": ground_truth}
        result = self.correctness(**given, extra_info=extra_info, **others)
        extra = dict(result) if isinstance(result, dict) else {"score": result}
        reward, (carried, written) = extra.pop("score", None), self.extractor(solution_str)
        score = code(reward, carried)
        return {"acc": float(reward), "pred": written} | extra | {"score": score}


def _carried(answer: Any) -> tuple[int, str | None]:
    """What the score carries of an answer, and what dumps show."""
    return identity(answer), pred(answer)


def advantages(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: Any = None,
    config: Any = None,
    **_: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The advantage estimator ``polyest``: exact advantages of R and of the answers (see the module).

    Args:
        token_level_rewards: shape (B, T), one score of `reward_function` in each row.
        response_mask: shape (B, T).
        index: shape (B,), the uid of each completion's group; groups of any sizes in any order.
        config: verl's ``algorithm`` section, with ``algorithm.polyest``.

    Returns:
        advantages, returns: shape (B, T) both, equal.

    Raises:
        ArgumentError: the configuration or a reward is refused (see the module).
        TableNotFoundError: names every group size that has no table.

    Source: theory.md §5.
    """
    _check_version()
    options = Options.of(config)
    with torch.no_grad():
        scores, mask = _scores(token_level_rewards), response_mask.to(token_level_rewards.dtype)
        kept = np.flatnonzero((scores != 0) | mask.any(dim=-1).cpu().numpy())  # the others are padding
        result = np.zeros(len(scores))
        result[kept] = _advantages(scores[kept], _groups(index, len(scores))[kept], options)
        spread = torch.from_numpy(result).to(mask).unsqueeze(-1) * mask
    return spread, spread.clone()


def _scores(token_level_rewards: torch.Tensor) -> Array:
    """The score of each row, exactly."""
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
    summed: Array = token_level_rewards.double().sum(dim=-1).cpu().numpy()
    return summed


def _groups(index: Any, rows: int) -> NDArray[np.int64]:
    """An integer for each group."""
    if index is None or len(index) != rows:
        came = "None" if index is None else f"{len(index)} for {rows} completions"
        raise ArgumentError(
            f"`index` must hold the uid of each completion, got {came}; pass data.non_tensor_batch['uid']"
        )
    return hashable_answers.encode(list(index), "index")[0]


def _advantages(scores: Array, groups: NDArray[np.int64], options: Options) -> Array:
    """Those of completions, shape (N,)."""
    rewards, identities = decode(scores)
    answers = identities.astype(object)
    answers[identities == NO_ANSWER] = None
    rows_of = _rows_by_size(groups)
    estimators = options.estimators(n for n in rows_of if n > 1)
    result = options.reward_weight * rewards
    if 1 in rows_of:
        warnings.warn(
            "`index` names groups of one completion, which nothing can be compared with; their advantage is their "
            "reward alone, without a baseline; let every prompt have at least two completions",
            stacklevel=3,
        )
    for n, estimator in estimators.items():
        rows = rows_of[n]
        result[rows] -= (result[rows].sum(axis=1, keepdims=True) - result[rows]) / (n - 1)
        pay = options.no_answer_pay(estimator)
        result[rows] += options.scale * estimator.advantages(answers[rows], no_answer_reward=pay)
    return result


def _rows_by_size(groups: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """For each group size n, the rows of the groups of that size, shape (groups, n)."""
    order = np.argsort(groups, kind="stable")
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    return {n: order[starts[sizes == n, None] + np.arange(n)] for n in np.unique(sizes).tolist()}


def _check_version() -> None:
    if verl.__version__ not in SpecifierSet(TESTED):
        warnings.warn(
            f"polyest.adapters.verl was tested with verl{TESTED} only, and {verl.__version__} is installed: what it "
            "passes to advantage estimators may differ; check a batch by hand, or install the tested version",
            stacklevel=3,
        )


register_adv_est("polyest")(advantages)
