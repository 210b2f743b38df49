"""Prompts that come back: which prompt each completion is of, and a trainer that says so and saves what is remembered.

verl shows an advantage estimator no prompt: its uid is another one at every visit. So the trainer has to name the
prompts around `compute_advantage`. `ReturningPrompts` makes verl's trainers do it; in a file that is named in
``VERL_USE_EXTERNAL_MODULES``::

    from polyest.adapters.verl import ReturningPrompts
    from verl.trainer.ppo.v1.trainer_base import TRAINER_REGISTRY
    from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

    class Trainer(ReturningPrompts, PPOTrainerSync): ...

    TRAINER_REGISTRY["sync"] = Trainer

A loop of one's own says ``with prompts(keys): compute_advantage(...)``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.adapters.pooling import PooledPay, prompt_keys
from polyest.adapters.verl.options import SECTION, Options
from polyest.errors import ArgumentError
from polyest.storage.files import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ReturningPrompts", "current_prompts", "history_of", "prompts"]

FILE = "polyest_history.npz"
NAMED: ContextVar[Prompts | None] = ContextVar("prompts", default=None)


class Prompts:
    """The prompts of a batch.

    Attributes:
        keys: fingerprints, shape (B,).
        statistics: what the estimator has to say of their pools; see `polyest.adapters.pooling.Visit.statistics`.
    """

    def __init__(self, keys: NDArray[np.int64]) -> None:
        self.keys = keys
        self.statistics: dict[str, float] = {}


@contextmanager
def prompts(keys: Sequence[object] | NDArray[Any]) -> Iterator[Prompts]:
    """Name the prompt of every row of the batch that `compute_advantage` is called with: ids, texts or messages.

    >>> with prompts(["p", "p", "q"]) as named:
    ...     named.keys.shape
    (3,)
    """
    fingerprints = prompt_keys(keys, "prompts")
    named = Prompts(fingerprints)
    token = NAMED.set(named)
    try:
        yield named
    finally:
        NAMED.reset(token)


def current_prompts(rows: int) -> Prompts:
    """The prompts of the batch at hand.

    Raises:
        ArgumentError: nobody named them, or other numbers of them.
    """
    named = NAMED.get()
    if named is None:
        raise ArgumentError(
            f"`{SECTION}visits` needs to know the prompts, which verl does not pass: train with a class "
            "Trainer(ReturningPrompts, PPOTrainerSync), see polyest.adapters.verl.returning, or leave it out"
        )
    if len(named.keys) != rows:
        raise ArgumentError(f"`prompts` must name the prompt of each of the {rows} completions, got {len(named.keys)}")
    return named


@lru_cache(maxsize=8)
def history_of(options: Options) -> PooledPay:
    """What is remembered of prompts in this process, where verl computes advantages."""
    return PooledPay(options, options.pool)


class ReturningPrompts:
    """For ``class Trainer(ReturningPrompts, PPOTrainerSync)``, and verl's other trainers of version 1.

    Prompts are known by their messages (`raw_prompt`); override `prompts_of` for ids. What is remembered is saved in
    the checkpoint's folder as polyest_history.npz, and read back where training resumes. Validation is never pooled.
    Metrics: ``polyest/pool_size``, ``polyest/seen`` and ``polyest/squared_drift``.
    """

    config: Any
    global_steps: int

    def prompts_of(self, batch: Any) -> Sequence[object]:
        """The prompt of every completion of a batch, as verl's transfer queue holds it."""
        queue: Any = import_module("transfer_queue")
        data = queue.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=["raw_prompt"])
        return list(data["raw_prompt"])

    def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
        if self._history is None:
            return super()._compute_advantage(batch, metrics)  # type: ignore[misc]
        with prompts(self.prompts_of(batch)) as named:
            result = super()._compute_advantage(batch, metrics)  # type: ignore[misc]
        metrics.update({f"polyest/{name}": value for name, value in named.statistics.items()})
        return result

    def _save_checkpoint(self) -> None:
        super()._save_checkpoint()  # type: ignore[misc]
        if self._history is not None:
            state: dict[str, Any] = self._history.state_dict()
            with replacing(self._folder / FILE) as partial, partial.open("wb") as file:
                np.savez(file, **state)

    def _load_checkpoint(self) -> None:
        super()._load_checkpoint()  # type: ignore[misc]
        if self._history is None or not self.global_steps:
            return
        if (path := self._folder / FILE).exists():
            with np.load(path) as state:
                self._history.load_state_dict({name: state[name] for name in state.files})
        else:
            warnings.warn(f"{self._folder} has no {FILE}: what is remembered of prompts starts empty", stacklevel=2)

    @property
    def _history(self) -> PooledPay | None:
        options = Options.of(self.config.algorithm)
        return history_of(options) if options.visits > 1 else None

    @property
    def _folder(self) -> Path:
        """Of the checkpoint of this step, or the one that training resumes from."""
        trainer = self.config.trainer
        given = trainer.get("resume_from_path") if trainer.get("resume_mode") == "resume_path" else None
        if given is not None and Path(given).name == f"global_step_{self.global_steps}":
            return Path(given)
        return Path(trainer.default_local_dir) / f"global_step_{self.global_steps}"
