"""Rewards and advantages for TRL's `GRPOTrainer`, from the answers of whole groups, wherever their completions are.

`AnswerReward` is a reward function. A trainer that only centres rewards, ``scale_rewards="none"``, can use it::

    reward = AnswerReward(extract, "log", weight=0.1)              # diversity: pays −0.1·log p̂
    GRPOTrainer(model, reward_funcs=[correct, reward], args=GRPOConfig(scale_rewards="none", …), …)

`ExactAdvantagesMixin` makes a trainer in which the same object sets exact advantages instead, which needs no
centring-proof table and does not mind how the other rewards are scaled::

    class Trainer(ExactAdvantagesMixin, GRPOTrainer): ...
    Trainer(model, reward_funcs=[correct, reward], args=GRPOConfig(…), …)

Scale. GRPOTrainer subtracts the group mean from every reward, which shrinks the expected gradient of an ordinary
reward R to (1 − 1/K)·∇E[R]. Both ways give (1 − 1/K)·weight·sign·∇Φ_Q, so that `weight` is the rate of exchange
between Φ and R, and the common factor belongs to the learning rate. Φ_Q is the surrogate of the table of K−1 for the
reward function, of K for the mixin (theory.md §5). It is the gradient over whole completions if the loss does not
divide by their length: ``loss_type="dr_grpo"``.

Tested with trl `TESTED`; with another version a warning says so.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from polyest.errors import ArgumentError, MissingDependencyError
from polyest.problems.budget import BUDGET_KINDS, BudgetArguments, refuse_others

try:
    import torch
    import trl  # noqa: F401
except ImportError as error:
    raise MissingDependencyError.for_extra("trl", "trl", "polyest.adapters.trl") from error

from polyest.adapters.extraction import Extractor
from polyest.adapters.identity import row_of
from polyest.adapters.trl.answers import gathered, statistics, text_of
from polyest.adapters.trl.scoring import Scoring
from polyest.adapters.trl.trainer import TESTED, check_trainer, check_version, group_size, trainer_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.problems.targets import Target

    Array = NDArray[np.float64]

__all__ = ["TESTED", "AnswerReward", "ExactAdvantagesMixin"]

# The trainer subtracts the group mean. This is the table that is proof against it, "group_mean", without its factor
# K/(K−1): the other rewards, which are centred along with it, have no such factor either.
BASELINE = "leave_one_out_mean"


class AnswerReward:
    """A reward function that pays every completion weight · sign · c[m], m the matches of its answer in its group.

    The answers of all processes are gathered, and groups are the trainer's own: runs of ``num_generations``
    completions in the gathered order, whatever their prompts say. In training the table is centring-proof; in
    evaluation, which trains nothing, it is the plain one of ``num_generations_eval`` (one completion alone has no
    reward: None). In a trainer with `ExactAdvantagesMixin` TRL sees a reward of 0, and the advantages are set.

    Logged through TRL: ``{name}/entropy`` of a group's answers in nats (harmonic estimate) and ``{name}/distinct``
    answers, on average over groups; the shares ``{name}/singletons`` (completions whose answer no other in the group
    gave) and ``{name}/no_answer``; ``{name}/reward``, the mean of what the table pays.

    Args:
        extract: from a completion's text to its answer: a string, number, bytes, or a tuple or frozenset of these;
            None for no answer. Or ``"math-verify"``: the value that math-verify parses, in a canonical form.
        target: as in `polyest.load`.
        sign: −1 pays for diversity, +1 for consistency.
        weight: positive; relative to the trainer's other rewards (see the module).
        method, budget: as in `polyest.load`.
        no_answer_reward: the reward of a completion without an answer; by default the least that the table pays,
            weight · min_m(sign · c[m]).
        time_limit: seconds for one completion, after which it is without an answer, with a warning. The extractor runs
            in a process of its own, forked at the first call, which is killed when it is late (a thread could not be);
            everything else that is done to an answer happens there too. None calls it directly, and waits for ever.
        name: the name in TRL's logs.

    Raises:
        ArgumentError: an argument is unknown, outside its domain, or at odds with the others. When called or bound: the
            trainer divides by a standard deviation, or weighs this reward negatively; on any rank the extractor raises,
            or returns something else.
        TableNotFoundError: when called or bound, there is no table for the trainer's group size.

    Source: theory.md §2 and §5.
    """

    def __init__(
        self,
        extract: Callable[[str], Hashable] | str,
        target: str | Target = "log",
        *,
        sign: int = -1,
        weight: float = 1.0,
        method: str | None = None,
        no_answer_reward: float | None = None,
        time_limit: float | None = 5.0,
        name: str = "answer_reward",
        **budget: Unpack[BudgetArguments],
    ) -> None:
        check_version()
        refuse_others(budget, BUDGET_KINDS)
        self._scoring = Scoring(
            target=target,
            sign=sign,
            weight=weight,
            method=method,
            no_answer_reward=no_answer_reward,
            **budget,
        )
        self._extract = Extractor(extract, time_limit, partial(row_of, argument="extract"))
        self._trainer: Any = None
        self.__name__ = name

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the trainer, which belongs to this process."""
        return self.__dict__ | {"_trainer": None}

    def bind(self, trainer: Any) -> None:
        """Check a trainer and load its tables now, instead of at its first batch; a trainer with the mixin does it.

        Raises:
            ArgumentError, TableNotFoundError: see the class.
        """
        exact = isinstance(trainer, ExactAdvantagesMixin)
        check_trainer(trainer, self, exact)
        if not exact and trainer.num_generations == 2:
            raise ArgumentError(
                "`num_generations` must be 3 or more for AnswerReward as a reward function, got 2: TRL subtracts the "
                "group mean, which cancels every reward for matches between two; raise it, or use ExactAdvantagesMixin"
            )
        self._scoring.load(trainer.num_generations, None if exact else BASELINE)
        if trainer.num_generations_eval > 1:
            self._scoring.load(trainer.num_generations_eval)
        self._trainer = trainer

    def __call__(self, completions: list[Any], log_metric: Any = None, **columns: Any) -> list[float | None]:
        """The rewards of this process's completions; the trainer calls it, on all ranks.

        Args:
            completions: texts, or lists of messages, of which the assistant's last one counts.
            log_metric: the trainer's.
            columns: whatever else TRL passes; not used.

        Raises:
            ArgumentError, TableNotFoundError: see the class.
        """
        trainer = trainer_of(log_metric, self._trainer)
        self.bind(trainer)
        batch = gathered(lambda: [self._extract(text_of(completion)) for completion in completions])
        groups = batch.groups(group_size(trainer))
        metrics = statistics(groups)
        paid = self._rewards(trainer, groups)
        if paid is not None:
            metrics["reward"] = float(paid.mean())
        if log_metric is not None:
            for key, value in metrics.items():
                log_metric(f"{self.__name__}/{key}", value)
        return self._returned(trainer, groups, paid, batch.own)

    def _rewards(self, trainer: Any, groups: list[list[Any]]) -> Array | None:
        """What the table pays to all completions, shape (N,); None for groups of one."""
        if len(groups[0]) == 1:
            return None
        centred = trainer.model.training and not isinstance(trainer, ExactAdvantagesMixin)
        estimator = self._scoring.load(len(groups[0]), BASELINE if centred else None)
        return self._scoring.rewards(estimator, groups).ravel()

    def _returned(self, trainer: Any, groups: list[list[Any]], paid: Array | None, own: slice) -> list[float | None]:
        """What TRL is told; with the mixin the advantages go to the trainer."""
        if paid is None:
            return [None] * (own.stop - own.start)
        if not isinstance(trainer, ExactAdvantagesMixin):
            return [*map(float, paid[own])]
        estimator = self._scoring.load(len(groups[0]))
        trainer.exact_advantages[self] = self._scoring.advantages(estimator, groups).ravel()
        return [0.0] * (own.stop - own.start)


class ExactAdvantagesMixin:
    """For ``class Trainer(ExactAdvantagesMixin, GRPOTrainer)``: every `AnswerReward` sets exact advantages.

    A_i = weight · sign · (1 − 1/K) · (c[m_i] − b_i), b_i the exact leave-one-out baseline, is added to the advantages
    that the trainer makes of the other reward functions, whatever its ``scale_rewards``; ``reward_weights`` apply. TRL
    itself sees a reward of 0; logged completions have the advantages that are trained on.

    Attributes:
        exact_advantages: those of the batch at hand, by reward function, of all processes, shape (N,).

    Raises:
        ArgumentError, TableNotFoundError: on construction, as `AnswerReward.bind` does.

    Source: theory.md §5.
    """

    reward_funcs: list[Any]
    reward_weights: torch.Tensor
    accelerator: Any
    _logs: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.exact_advantages: dict[AnswerReward, Array] = {}
        for func in self.reward_funcs:
            if isinstance(func, AnswerReward):
                func.bind(self)

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        self.exact_advantages.clear()
        output = super()._generate_and_score_completions(inputs)  # type: ignore[misc]
        pairs = zip(self.reward_funcs, self.reward_weights.tolist(), strict=True)
        added = sum(weight * self.exact_advantages[func] for func, weight in pairs if func in self.exact_advantages)
        if isinstance(added, np.ndarray):
            n, rank = len(inputs), self.accelerator.process_index
            local = torch.from_numpy(added[rank * n : (rank + 1) * n])
            output["advantages"] = output["advantages"] + local.to(output["advantages"])
            self._log_added(added.tolist())
        return output

    def _log_added(self, added: list[float]) -> None:
        """Correct the advantages that TRL has just noted for its table of completions."""
        noted = self._logs["advantages"]
        shown = [noted.pop() for _ in range(min(len(noted), len(added)))][::-1]
        noted.extend(old + new for old, new in zip(shown, added[len(added) - len(shown) :], strict=True))
