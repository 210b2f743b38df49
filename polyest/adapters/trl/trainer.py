"""What has to be known of the trainer, whatever its version, and which trainers are refused."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING

import trl
from packaging.specifiers import SpecifierSet

from polyest.errors import ArgumentError

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from trl import GRPOTrainer

    from polyest.adapters.trl.group_reward import GroupReward

__all__ = [
    "TESTED",
    "asks_again",
    "check_trainer",
    "check_version",
    "evaluation_size",
    "group_size",
    "make_completions_anew",
    "metric_logger",
    "noted_advantages",
    "trainer_of",
    "warn_of_lengths",
]

TESTED = ">=0.18.2,<1.17"  # `make test-trl-oldest` tests the one end, `make test` the other


def check_version() -> None:
    """Warn if TRL is of a version that polyest was not tested with."""
    installed = version("trl")
    if installed not in SpecifierSet(TESTED):
        warnings.warn(
            f"polyest.adapters.trl was tested with trl{TESTED}, and {installed} is installed: how it groups and "
            "centres rewards may differ; compare a batch with polyest.load(...).rewards, or install the tested version",
            stacklevel=3,
        )


def trainer_of(log_metric: object, bound: GRPOTrainer | None) -> GRPOTrainer:
    """The trainer that calls: TRL passes its own bound method as `log_metric`; else the one bound before."""
    trainer = getattr(log_metric, "__self__", None)
    if isinstance(trainer, trl.GRPOTrainer):
        return trainer
    if bound is None:
        raise ArgumentError(
            f"`log_metric` must be the trainer's own method, as GRPOTrainer passes it, got {log_metric!r}; "
            "without it the trainer is unknown: call reward.bind(trainer) before training"
        )
    return bound


def check_trainer(trainer: GRPOTrainer, reward: GroupReward, exact: bool) -> None:
    """Refuse a trainer that would undo what the reward function is for.

    Raises:
        ArgumentError: it is no GRPOTrainer, divides by a standard deviation, weighs this reward negatively, or its
            advantages are to be exact and it knows the reward in a wrapper only.
    """
    if not isinstance(trainer, trl.GRPOTrainer):
        raise ArgumentError(f"`trainer` must be a trl.GRPOTrainer, got {type(trainer).__name__}")
    if not exact:
        _check_scaling(trainer)
    elif not any(func is reward for func in trainer.reward_funcs):
        raise ArgumentError(
            f"`reward_funcs` must hold {reward.__name__} itself for its advantages to be set, got "
            f"{len(trainer.reward_funcs)} others; pass it without a wrapper"
        )
    for func, weight in zip(trainer.reward_funcs, trainer.reward_weights.tolist(), strict=True):
        if func is reward and weight < 0:
            raise ArgumentError(
                f"`reward_weights` must not be negative for {reward.__name__}, got {weight}: {reward.REMEDY}"
            )


def group_size(trainer: GRPOTrainer) -> int:
    """K in the trainer's mode of the moment."""
    size: int = trainer.num_generations if trainer.model.training else evaluation_size(trainer)
    return size


def evaluation_size(trainer: GRPOTrainer) -> int:
    """K in evaluation; before TRL 0.27 it is that of the training."""
    size: int = getattr(trainer, "num_generations_eval", trainer.num_generations)
    return size


def asks_again(trainer: GRPOTrainer, started: int) -> bool:
    """Whether the prompts of the last completions would be asked once more if training were resumed here.

    Of each `steps_per_generation` · μ batches all have the same prompts. TRL makes completions at the first of these,
    or, if it has resumed within them, that many batches after it has; `started` is the batch it began with.
    """
    every: int = trainer.args.steps_per_generation * trainer.num_iterations
    done: int = trainer._step
    made = started + (done - 1) // every * every
    return done > 0 and made // every == (started + done) // every


def make_completions_anew(trainer: GRPOTrainer) -> None:
    """Let a trainer begin with a generation, as one does that has not trained yet."""
    trainer._step, trainer._buffered_inputs = 0, None


def metric_logger(trainer: GRPOTrainer) -> Callable[[str, float], None]:
    """Where a metric is logged; TRL before 0.29 does not tell reward functions."""

    def log(name: str, value: float) -> None:
        trainer._metrics["train" if trainer.model.training else "eval"][name].append(value)

    return log


def noted_advantages(trainer: object) -> deque[float]:
    """Those that TRL has noted for its table of completions, under another name before 0.20."""
    logs: dict[str, deque[float]] = getattr(trainer, "_logs", None) or vars(trainer)["_textual_logs"]
    return logs["advantages"]


def warn_of_lengths(trainer: GRPOTrainer) -> None:
    """Warn of a loss that divides by lengths of completions: what it climbs is no longer what rewards are paid for."""
    if trainer.loss_type != "dr_grpo":
        warnings.warn(
            f"`loss_type` {trainer.loss_type!r} divides by lengths of completions, which makes the expected update "
            "another than the gradient of what is paid; set GRPOConfig(loss_type='dr_grpo'), whose divisor is constant",
            stacklevel=4,
        )


def _check_scaling(trainer: GRPOTrainer) -> None:
    remedy = "or let a class Trainer(ExactAdvantagesMixin, GRPOTrainer) set the advantages"
    if trainer.scale_rewards not in ("none", False):  # False is what it is called before TRL 0.22
        none = False if trainer.scale_rewards is True else "none"
        raise ArgumentError(
            f"`scale_rewards` must be {none!r}, got {trainer.scale_rewards!r}: dividing by a standard deviation of the "
            f"rewards is not linear and biases every reward again; set GRPOConfig(scale_rewards={none!r}), {remedy}"
        )
    aggregation = getattr(trainer, "multi_objective_aggregation", "sum_then_normalize")
    if aggregation != "sum_then_normalize":
        raise ArgumentError(
            f"`multi_objective_aggregation` must be 'sum_then_normalize', got {aggregation!r}, which divides by "
            f"standard deviations; leave it out, {remedy}"
        )
