"""What has to be known of the trainer, and which trainers are refused."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING

import trl
from packaging.specifiers import SpecifierSet

from polyest.errors import ArgumentError

if TYPE_CHECKING:
    from trl import GRPOTrainer

    from polyest.adapters.trl.group_reward import GroupReward

__all__ = ["TESTED", "check_trainer", "check_version", "group_size", "trainer_of"]

TESTED = "==1.16.*"


def check_version() -> None:
    """Warn if TRL is of a version that polyest was not tested with."""
    installed = version("trl")
    if installed not in SpecifierSet(TESTED):
        warnings.warn(
            f"polyest.adapters.trl was tested with trl{TESTED} only, and {installed} is installed: how it groups and "
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
    size: int = trainer.num_generations if trainer.model.training else trainer.num_generations_eval
    return size


def _check_scaling(trainer: GRPOTrainer) -> None:
    remedy = "or let a class Trainer(ExactAdvantagesMixin, GRPOTrainer) set the advantages"
    if trainer.scale_rewards != "none":
        raise ArgumentError(
            f"`scale_rewards` must be 'none', got {trainer.scale_rewards!r}: dividing by a standard deviation of the "
            f"rewards is not linear and biases every reward again; set GRPOConfig(scale_rewards='none'), {remedy}"
        )
    if trainer.multi_objective_aggregation != "sum_then_normalize":
        raise ArgumentError(
            "`multi_objective_aggregation` must be 'sum_then_normalize', got "
            f"{trainer.multi_objective_aggregation!r}, which divides by standard deviations; leave it out, {remedy}"
        )
