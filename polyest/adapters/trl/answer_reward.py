"""`AnswerReward`: what answers are paid, beside or times another reward."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

import numpy as np

import polyest
from polyest.adapters.extraction import Extractor
from polyest.adapters.pay import AnswerPay
from polyest.adapters.pooling import PooledPay
from polyest.adapters.ragged import BASELINE
from polyest.adapters.torch.batch import once
from polyest.adapters.torch.other_reward import check_factor
from polyest.adapters.trl.checkpoint import keep_history
from polyest.adapters.trl.group_reward import ExactAdvantagesMixin, GroupReward
from polyest.adapters.trl.logs import log_answers, measures, row_and_text
from polyest.adapters.trl.prompts import keys_of
from polyest.adapters.trl.texts import text_of
from polyest.errors import ArgumentError
from polyest.history.settings import PoolSettings
from polyest.problems.budget import AqpArguments, refuse_others
from polyest.problems.targets import get_target

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from trl import GRPOTrainer

    from polyest.adapters.torch.batch import Groups
    from polyest.adapters.torch.other_reward import RewardFunction
    from polyest.adapters.trl.texts import Completion, LogExtra
    from polyest.estimator import Estimator
    from polyest.online.answers import Answers
    from polyest.problems.targets import Target

    Array = NDArray[np.float64]

__all__ = ["AnswerReward"]


class AnswerReward(GroupReward):
    """A reward function that pays every completion for its answer, m the others of its group with the same answer.

    - ``combine="add"``: weight · sign · c[m], beside the other reward functions of the trainer.
    - ``combine="multiply"``: R · (offset + weight · sign · c[m]), R ≥ 0 what `reward` pays the completion. Give this
      to the trainer *in place of* `reward`; ``offset=1`` is R plus R times the bonus. A failure, R = 0, is paid 0
      whatever its answer. The gradient is that of E[R(y)·(offset + weight·sign·r(p))], with r(p) and R held fixed.

    The answers of all processes are gathered, and groups are the trainer's own: runs of ``num_generations``
    completions in the gathered order, whatever their prompts say. In training the table is centring-proof; in
    evaluation, which trains nothing, it is the plain one of ``num_generations_eval`` (one completion alone has no
    reward: None). In a trainer with `ExactAdvantagesMixin` TRL sees a reward of 0, and the advantages are set.

    Logged through TRL, on average over groups, under the names that `polyest.rollouts.measures` and ``polyest score``
    have for the same numbers: ``{name}/entropy_aqp``, ``entropy_harmonic`` and ``entropy_plug_in`` in nats, of the
    completions with an answer, ``effective_answers``, ``distinct``, ``singletons``, ``agreement``, ``collision`` and
    ``no_answer``; and ``{name}/reward``, the mean of what is paid. The answers go into the column ``answer`` of TRL's
    table of completions (``log_completions=True``), so that ``polyest score`` needs no extraction; where another reward
    function has such a column already, into ``{name}_answer``.

    **Products and centring.** A trainer that subtracts the group mean leaves the gradient of a product alone only if R
    depends on the answer alone (theory.md §9). A batch in which completions of one answer have different R is refused
    then. `ExactAdvantagesMixin` has no such condition; with R of 0 and 1 ``count="correct"`` meets it.

    Args:
        extract: from a completion's text to its answer: a string, number, bytes, or a tuple or frozenset of these;
            None for no answer. Or ``"boxed"``, ``"hash4"``, ``"last-number"``, as in `polyest score`, or
            ``"math-verify"``: the value that math-verify parses, in a canonical form.
        target: as in `polyest.load`.
        sign: −1 pays for diversity, +1 for consistency.
        weight: positive; relative to the trainer's other rewards (see the module).
        method, budget: as in `polyest.load`.
        no_answer_reward: the reward of a completion without an answer; by default the least that the table pays,
            weight · min_m(sign · c[m]), plus `offset`. In a product it is the factor of R.
        combine: ``"add"`` or ``"multiply"``.
        reward: for a product, a plain reward function as TRL takes them; it is called once, with all that TRL passes.
            Several are combined in a function of your own. None for a whole group: the group has no reward.
        offset: of the factor in a product. offset + weight·sign·r(p) has to be at least 0 for all p: else a success
            would be paid less than a failure.
        count: ``"all"``; or ``"correct"``, where others with R = 0 match nothing, so that p is the probability of the
            answer *and* an R above 0.
        time_limit: seconds for one completion, after which it is without an answer, with a warning. The extractor runs
            in a process of its own, forked at the first call, which is killed when it is late (a thread could not be);
            everything else that is done to an answer happens there too. None calls it directly, and waits for ever.
        name: the name in TRL's logs.
        visits, forgetting, drift: pool a prompt's completions with those of its last visits−1 batches, and pay the new
            ones as members of the pool, as `polyest.history.TrainingHistory` does (which says where that does harm);
            also exact with the mixin. A prompt is known by its id, or else by what it says. Evaluation neither pools
            nor remembers; completions that TRL trains on several times (`num_iterations`, `steps_per_generation`) are
            pooled once. The main process remembers, 8 bytes for each completion (16 in a product) and about 0.4 kB for
            each prompt, and tells the others the pools of each batch. What it remembers is saved in the checkpoint's
            ``trainer_state.json``; training that resumes from there, with any number of processes, goes on as if it had
            not stopped. Logged as well: ``{name}/pool_size``, the share of prompts ``{name}/seen`` before, and
            ``{name}/squared_drift``, an estimate of Σ_z (ν(z) − ν_before(z))².
        id_column: the dataset's column of ids; by default ``prompt_id`` or ``id``, where there is one.

    Raises:
        ArgumentError: an argument is unknown, outside its domain, or at odds with the others. When called or bound: the
            trainer divides by a standard deviation, or weighs this reward negatively; on any rank the extractor raises,
            or returns something else; `reward` pays less than 0, what is no finite number, None for a part of a group,
            or, without the mixin, completions of one answer differently.
        TableNotFoundError: when called or bound, there is no table for the trainer's group size.

    Source: theory.md §2, §5 and §9.

    >>> def correct(completions, **columns):
    ...     return [float("42" in completion) for completion in completions]
    >>> rare = AnswerReward(str.strip, "power(-0.5)", combine="multiply", reward=correct)  # pays correct/√p
    >>> rare.__name__
    'answer_reward'
    """

    REMEDY = "completions without an answer would be paid the most; use `sign`"

    def __init__(
        self,
        extract: Callable[[str], Hashable] | str,
        target: str | Target = "log",
        *,
        sign: int = -1,
        weight: float = 1.0,
        method: str | None = None,
        no_answer_reward: float | None = None,
        combine: str = "add",
        reward: RewardFunction | None = None,
        offset: float = 0.0,
        count: str = "all",
        time_limit: float | None = 5.0,
        name: str = "answer_reward",
        visits: int = 1,
        forgetting: float = 1.0,
        drift: float | None = None,
        id_column: str | None = None,
        **budget: Unpack[AqpArguments],
    ) -> None:
        super().__init__(reward, name)
        refuse_others(budget, AqpArguments.__annotations__)
        get_target(target)
        self._answer_pay = AnswerPay(
            target=target,
            sign=sign,
            weight=weight,
            method=method,
            no_answer_reward=no_answer_reward,
            combine=combine,
            offset=offset,
            count=count,
            **budget,
        )
        self._history = PooledPay(self._answer_pay, PoolSettings(visits, forgetting, drift), once)
        self._id_column = id_column
        self._extract = Extractor(extract, time_limit, row_and_text)
        check_factor(reward, self._answer_pay)

    @property
    def _pools(self) -> bool:
        return self._history.settings.visits > 1

    def bind(self, trainer: GRPOTrainer) -> None:
        """As of any reward function; from now on the history is saved with the trainer's checkpoints."""
        super().bind(trainer)
        if self._pools:
            exact = isinstance(trainer, ExactAdvantagesMixin)
            self._load(trainer.num_generations * self._history.settings.visits, centred=not exact)
            keep_history(trainer, self.__name__, self._history)

    def _load(self, group_size: int, centred: bool) -> Estimator:
        if centred and group_size == 2:
            raise ArgumentError(
                "`num_generations` must be 3 or more for AnswerReward as a reward function, got 2: TRL subtracts the "
                "group mean, which cancels every reward for matches between two; raise it, or use ExactAdvantagesMixin"
            )
        pay = self._answer_pay
        return polyest.load(pay.target, group_size, pay.method, baseline=BASELINE if centred else None, **pay.budget)

    def _keys(self, columns: dict[str, object], completions: int) -> NDArray[np.int64]:
        if not self._pools:
            return super()._keys(columns, completions)
        return keys_of(columns, completions, self._id_column)

    def _pooled(self, groups: Groups, centred: bool) -> Groups:
        if not self._pools:
            return groups
        factors = self._factors(groups)
        flat = None if factors is None else factors.reshape(-1)
        baseline = BASELINE if centred else None
        visit = self._history.visit(groups.keys.reshape(-1), groups.rows.reshape(-1, 3), flat, baseline)
        return replace(groups, visit=visit)

    def _rows(self, texts: Sequence[Completion], log_extra: LogExtra | None) -> NDArray[np.int64]:
        read = [self._extract(text_of(text)) for text in texts]
        if log_extra is not None:
            log_answers(log_extra, [text for _, text in read], self.__name__)
        return np.array([row for row, _ in read], np.int64).reshape(-1, 3)

    def _pay(self, groups: Groups, centred: bool) -> Array:
        factors = self._factors(groups)
        if centred and factors is not None:
            _check_alike(self._answer_pay.counted(groups.answers, factors), factors)
        if groups.visit is not None:
            return groups.visit.rewards().reshape(groups.rewards.shape)
        return self._answer_pay.rewards(self._load(groups.rewards.shape[1], centred), groups.answers, factors)

    def _advantages(self, groups: Groups) -> Array:
        if groups.visit is not None:
            return groups.visit.advantages().reshape(groups.rewards.shape)
        estimator = self._load(groups.rewards.shape[1], centred=False)
        return self._answer_pay.advantages(estimator, groups.answers, self._factors(groups))

    def _factors(self, groups: Groups) -> Array | None:
        return groups.rewards if self._answer_pay.multiplies else None

    def _statistics(self, groups: Groups) -> dict[str, float]:
        pooled = {} if groups.visit is None else groups.visit.statistics()
        return measures(groups.answers) | pooled


def _check_alike(answers: Answers, rewards: Array) -> None:
    """Refuse groups in which completions of one answer have different rewards: no table is centring-proof for them."""
    same = answers.codes[:, :, None] == answers.codes[:, None, :]
    different = np.argwhere(same & (rewards[:, :, None] != rewards[:, None, :]))
    if len(different):
        group, one, other = different[0].tolist()
        raise ArgumentError(
            f"`reward` must pay all completions of an answer alike, got {rewards[group, one]:g} and "
            f"{rewards[group, other]:g} in one group: TRL subtracts the group mean, and no table is proof against that "
            "otherwise; let a class Trainer(ExactAdvantagesMixin, GRPOTrainer) set the advantages, or, for rewards of "
            "0 and 1, set count='correct'"
        )
