"""Histories of prompts in the trainer's checkpoints: saved in its ``trainer_state.json``, and read back from there."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Protocol, cast

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from polyest.adapters.trl.trainer import asks_again
from polyest.errors import ArgumentError
from polyest.history.snapshot import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import TrainerControl, TrainerState, TrainingArguments
    from trl import GRPOTrainer

    from polyest.history.snapshot import Snapshot

    Entry = dict[str, dict[str, dict[str, Snapshot]]]

__all__ = ["SavedHistories", "keep_history"]


class History(Protocol):
    """What is saved."""

    def state_dict(self, before_last: bool = False) -> Snapshot: ...
    def load_state_dict(self, state: Mapping[str, object]) -> None: ...


class SavedHistories(TrainerCallback, ExportableState):
    """One for each trainer. All processes have the same histories, and the one that saves the trainer saves them.

    TRL saves no completions: where it resumes within a generation it makes new ones for the same prompts. What is saved
    there is what was remembered before the generation, so that its prompts are not visited twice.
    """

    def __init__(self) -> None:
        self._histories: dict[str, History] = {}
        self._trainer: GRPOTrainer | None = None
        self._started = 0

    def state(self) -> Entry:
        """What transformers writes with a checkpoint."""
        begun = self._trainer is not None and asks_again(self._trainer, self._started)
        saved = {name: packed(history.state_dict(before_last=begun)) for name, history in self._histories.items()}
        return {"args": {}, "attributes": {"saved": saved}}

    def keep(self, name: str, history: History, trainer: GRPOTrainer) -> None:
        """Save a history from now on; it goes on from the checkpoint that the trainer resumed from, if it did."""
        if self._histories.setdefault(name, history) is not history:
            raise ArgumentError(
                f"`name` must be another for each reward function with `visits`, got {name!r} twice: their histories "
                "are saved under it"
            )
        self._trainer = trainer
        self._begin(trainer.state)
        self._go_on({name: history}, trainer.state)

    def knows(self, history: History) -> bool:
        return any(known is history for known in self._histories.values())

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Transformers calls it, with the state of the checkpoint that it resumes from."""
        del args, control, kwargs
        self._begin(state)
        self._go_on(self._histories, state)

    def _begin(self, state: TrainerState) -> None:
        if self._trainer is not None:
            batches: int = state.global_step * self._trainer.args.gradient_accumulation_steps
            self._started = batches - self._trainer._step

    def _go_on(self, histories: Mapping[str, History], state: TrainerState) -> None:
        entries = cast("dict[str, Entry]", state.stateful_callbacks)
        entry = entries.setdefault(type(self).__name__, {"args": {}, "attributes": {}})
        for name, history in histories.items() if state.global_step else ():
            saved = entry["attributes"].get("saved", {}).get(name)
            if saved is not None:
                history.load_state_dict(unpacked(saved))
                continue
            warnings.warn(
                f"the checkpoint of step {state.global_step} has no history of {name!r}, which starts empty: it was "
                "saved without `visits`, or under another name",
                stacklevel=2,
            )


def keep_history(trainer: GRPOTrainer, name: str, history: History) -> None:
    """Save a history with the trainer's checkpoints, under the name of its reward function; once is enough."""
    callbacks = trainer.callback_handler.callbacks
    found = next((callback for callback in callbacks if isinstance(callback, SavedHistories)), None)
    if found is None:
        found = SavedHistories()
        trainer.add_callback(found)
    if not found.knows(history):
        found.keep(name, history, trainer)
