"""What the reward functions have in common, and the trainer in which they set exact advantages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

import numpy as np
import torch

from polyest.adapters.torch.batch import Completions, Groups, gathered
from polyest.adapters.torch.other_reward import RewardFunction, check_function, paid_by
from polyest.adapters.trl.trainer import (
    check_trainer,
    check_version,
    evaluation_size,
    group_size,
    metric_logger,
    noted_advantages,
    trainer_of,
    warn_of_lengths,
)
from polyest.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from trl import GRPOTrainer

    from polyest.adapters.trl.texts import Completion, LogExtra

    Array = NDArray[np.float64]

__all__ = ["ExactAdvantagesMixin", "GroupReward"]


class GroupReward(ABC):
    """A reward function of whole groups, wherever their completions are.

    Groups are the trainer's own: runs of ``num_generations`` completions in the gathered order, whatever their prompts
    say. In training the trainer subtracts their mean, and what is paid is proof against that; in evaluation, which
    trains nothing, it is not (one completion alone has no reward: None). In a trainer with `ExactAdvantagesMixin` TRL
    sees a reward of 0, and the advantages are set. Groups to which another reward function does not apply (None) have
    no reward.
    """

    __name__: str
    REMEDY: ClassVar[str]  # for a negative entry of the trainer's `reward_weights`

    def __init__(self, reward: RewardFunction | None, name: str) -> None:
        check_version()
        if isinstance(reward, GroupReward):
            raise ArgumentError(f"`reward` must be a reward function of single completions, got {reward.__name__}")
        self._reward = None if reward is None else check_function(reward)
        self._trainer: GRPOTrainer | None = None
        self.__name__ = name

    @abstractmethod
    def _load(self, group_size: int, centred: bool) -> object:
        """The table of K, proof against centring or not; raises where there is none."""

    @abstractmethod
    def _rows(self, texts: Sequence[Completion], log_extra: LogExtra | None) -> NDArray[np.int64]:
        """The answers of completions, see `Completions`; those that are texts are logged."""

    @abstractmethod
    def _pay(self, groups: Groups, centred: bool) -> Array:
        """The rewards, shape (G, K)."""

    @abstractmethod
    def _advantages(self, groups: Groups) -> Array:
        """The exact advantages, shape (G, K)."""

    def _keys(self, columns: dict[str, object], completions: int) -> NDArray[np.int64]:
        """Of the completions' prompts, where they are remembered."""
        return np.zeros(completions, np.int64)

    def _pooled(self, groups: Groups, centred: bool) -> Groups:
        """The groups of a batch in training, with what is remembered of their prompts."""
        return groups

    @abstractmethod
    def _statistics(self, groups: Groups) -> dict[str, float]:
        """What is logged about groups."""

    def __getstate__(self) -> dict[str, object]:
        """Everything but the trainer, which belongs to this process."""
        return self.__dict__ | {"_trainer": None}

    def bind(self, trainer: GRPOTrainer) -> None:
        """Check a trainer and load its tables now, instead of at its first batch; a trainer with the mixin does it.

        Raises:
            ArgumentError, TableNotFoundError: see the class.
        """
        exact = isinstance(trainer, ExactAdvantagesMixin)
        check_trainer(trainer, self, exact)
        self._load(trainer.num_generations, centred=not exact)
        if evaluation_size(trainer) > 1:
            self._load(evaluation_size(trainer), centred=False)
        if trainer is not self._trainer:
            warn_of_lengths(trainer)
        self._trainer = trainer

    def __call__(
        self,
        completions: Sequence[Completion],
        log_metric: Callable[[str, float], None] | None = None,
        **columns: object,
    ) -> list[float | None]:
        """The rewards of this process's completions; the trainer calls it, on all ranks.

        Args:
            completions: texts, or lists of messages, of which the assistant's last one counts.
            log_metric: the trainer's.
            columns: whatever else TRL passes, such as ``log_extra``; for the other reward function as well.

        Raises:
            ArgumentError, TableNotFoundError: see the class.
        """
        trainer = trainer_of(log_metric, self._trainer)
        self.bind(trainer)
        given = columns | {"completions": completions}
        if log_metric is not None:
            given["log_metric"] = log_metric
        batch = gathered(lambda: self._completions(completions, given))
        groups, applies = batch.groups(group_size(trainer))
        if trainer.model.training:  # a visit of nobody as well: it is the last one that a checkpoint may leave out
            groups = self._pooled(groups, centred=not isinstance(trainer, ExactAdvantagesMixin))
        paid = self._paid(trainer, groups)
        if len(groups.rewards):
            log = log_metric or metric_logger(trainer)
            metrics = self._statistics(groups) | ({} if paid is None else {"reward": float(paid.mean())})
            for key, value in metrics.items():
                log(f"{self.__name__}/{key}", value)
        return self._returned(trainer, groups, paid, applies)[batch.own]

    def _completions(self, completions: Sequence[Completion], given: dict[str, object]) -> Completions:
        size = len(completions)
        rewards = np.zeros(size) if self._reward is None else paid_by(self._reward, given, size)
        rows = self._rows(completions, cast("LogExtra | None", given.get("log_extra")))
        return Completions(rows, rewards, self._keys(given, size))

    def _paid(self, trainer: GRPOTrainer, groups: Groups) -> Array | None:
        """Shape (G, K); None for groups of one."""
        centred = trainer.model.training and not isinstance(trainer, ExactAdvantagesMixin)
        return self._pay(groups, centred) if groups.rewards.shape[1] > 1 else None

    def _returned(
        self, trainer: GRPOTrainer, groups: Groups, paid: Array | None, applies: NDArray[np.bool_]
    ) -> list[float | None]:
        """What TRL is told of all completions; with the mixin the advantages go to the trainer."""
        K = groups.rewards.shape[1]
        told = np.full((len(applies), K), None)
        if paid is not None:
            told[applies] = paid
        if isinstance(trainer, ExactAdvantagesMixin):
            advantages = np.zeros((len(applies), K))
            if paid is not None:
                advantages[applies] = (1 - 1 / K) * self._advantages(groups)
                told[applies] = 0.0
            trainer.exact_advantages[self] = advantages.ravel()
        return told.ravel().tolist()


class _Process(Protocol):
    """What is used of accelerate's Accelerator."""

    process_index: int


class ExactAdvantagesMixin:
    """For ``class Trainer(ExactAdvantagesMixin, GRPOTrainer)``: `AnswerReward` and `GradedReward` set exact advantages.

    (1 − 1/K) · weight · A_i is added to the advantages that the trainer makes of the other reward functions, whatever
    its ``scale_rewards``; ``reward_weights`` apply. A_i is what the reward functions pay less the exact leave-one-out
    baseline, for answers sign·(c[m_i] − b_i). TRL itself sees a reward of 0; logged completions have the advantages
    that are trained on.

    Attributes:
        exact_advantages: those of the batch at hand, by reward function, of all processes, shape (N,).

    Raises:
        ArgumentError, TableNotFoundError: on construction, as `AnswerReward.bind` does.

    Source: theory.md §5 and §9.
    """

    reward_funcs: list[RewardFunction]
    reward_weights: torch.Tensor
    accelerator: _Process

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.exact_advantages: dict[GroupReward, Array] = {}
        for func in self.reward_funcs:
            if isinstance(func, GroupReward):
                func.bind(self)

    def _generate_and_score_completions(self, inputs: list[dict[str, object]]) -> dict[str, torch.Tensor]:
        self.exact_advantages.clear()
        output: dict[str, torch.Tensor] = super()._generate_and_score_completions(inputs)  # type: ignore[misc]
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
        noted = noted_advantages(self)
        shown = [noted.pop() for _ in range(min(len(noted), len(added)))][::-1]
        noted.extend(old + new for old, new in zip(shown, added[len(added) - len(shown) :], strict=True))
