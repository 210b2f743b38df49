"""Histories of prompts in the trainer's checkpoints: saved in its ``trainer_state.json``, and read back from there."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from polyest.adapters.torch.batch import once
from polyest.adapters.trl.trainer import asks_again, make_completions_anew
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
    """One for each trainer. The main process alone has histories: it saves them, and reads them back.

    TRL saves no completions: where it resumes within a generation it makes new ones for the same prompts. What is saved
    there is what was remembered before the generation, so that its prompts are not visited twice. A trainer that has
    trained before would go on with its last completions instead, and is made to forget them.

    Attributes:
        trainer: whose.
        histories: those that are saved, by name.
    """

    trainer: ClassVar[GRPOTrainer]
    histories: ClassVar[dict[str, History]]

    def __init__(self) -> None:
        self._begin(self.trainer.state)

    @classmethod
    def of(cls, trainer: GRPOTrainer) -> SavedHistories:
        """A new one, of a class of its own: where transformers restores callbacks it makes others of their classes."""
        own = type(cls.__name__, (cls,), {"trainer": trainer, "histories": {}})
        return cast("SavedHistories", own())

    def state(self) -> Entry:
        """What transformers writes with a checkpoint."""
        saved: dict[str, Snapshot] = {}
        if self.trainer.is_world_process_zero():
            begun = asks_again(self.trainer, self._started)
            saved = {name: packed(history.state_dict(before_last=begun)) for name, history in self.histories.items()}
        return {"args": {}, "attributes": {"saved": saved}}

    def keep(self, name: str, history: History) -> None:
        """Save a history from now on; it goes on from the checkpoint that the trainer resumed from, if it did."""
        if self.histories.setdefault(name, history) is not history:
            raise ArgumentError(
                f"`name` must be another for each reward function with `visits`, got {name!r} twice: their histories "
                "are saved under it"
            )
        _go_on({name: history}, self.trainer.state)

    def knows(self, history: History) -> bool:
        return any(known is history for known in self.histories.values())

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Transformers calls it, with the state of the checkpoint that it resumes from."""
        del args, control, kwargs
        make_completions_anew(self.trainer)
        self._begin(state)
        _go_on(self.histories, state)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """What has been written needs no memory."""
        del args, control, kwargs
        _saved(state).clear()

    def _begin(self, state: TrainerState) -> None:
        batches: int = state.global_step * self.trainer.args.gradient_accumulation_steps
        self._started = batches - self.trainer._step


def _go_on(histories: Mapping[str, History], state: TrainerState) -> None:
    found = {name: _saved(state).pop(name, None) for name in histories}
    if state.global_step:
        once(lambda: _read(histories, found, state.global_step))


def _saved(state: TrainerState) -> dict[str, Snapshot]:
    """What `SavedHistories.state` wrote, by name, as far as it is still there."""
    entries = cast("dict[str, Entry]", state.stateful_callbacks)
    entry = entries.setdefault(SavedHistories.__name__, {"args": {}, "attributes": {}})
    return entry["attributes"].setdefault("saved", {})


def _read(histories: Mapping[str, History], found: Mapping[str, Snapshot | None], step: int) -> None:
    for name, history in histories.items():
        saved = found[name]
        if saved is not None:
            history.load_state_dict(unpacked(saved))
            continue
        warnings.warn(
            f"the checkpoint of step {step} has no history of {name!r}, which starts empty: it was saved without "
            "`visits`, or under another name",
            stacklevel=2,
        )


def keep_history(trainer: GRPOTrainer, name: str, history: History) -> None:
    """Save a history with the trainer's checkpoints, under the name of its reward function; once is enough."""
    callbacks = trainer.callback_handler.callbacks
    found = next((callback for callback in callbacks if isinstance(callback, SavedHistories)), None)
    if found is None:
        found = SavedHistories.of(trainer)
        trainer.add_callback(found)
    if not found.knows(history):
        found.keep(name, history)
