"""Which columns of a log are read, and under which names they are kept."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXTRAS", "RUN_KEYS", "Columns"]

RUN_KEYS = ("run", "split", "step", "prompt")
EXTRAS = ("answer", "correct", "score", "policy", "reference", "by")


@dataclass(frozen=True)
class Columns:
    """The columns that are asked for, by their names in the log; None where none is.

    Attributes:
        prompts: what names a prompt together; None for ``prompt_id``, or what the layout takes.
        step: of training; completions of different steps are different groups unless `is_pooled`.
        is_pooled: whether completions of a prompt are one group, whatever their step.
        epoch: kept apart like a step.
        answer: the answer's.
        completion: the text's, in which an answer is found if that is asked for.
        correct: verdicts; None for "correct", if there, "none" for no column.
        score: numbers; None for "score" or "reward", if there.
        policy: the version of the policy; None for "policy", if there.
        reference: a reference's probability of the answer.
        by: what means are taken by.
    """

    prompts: tuple[str, ...] | None = None
    step: str = "step"
    is_pooled: bool = False
    epoch: str | None = None
    answer: str = "answer"
    completion: str = "completion"
    correct: str | None = None
    policy: str | None = None
    reference: str | None = None
    by: str | None = None

    def keys(self, is_run: bool) -> dict[str, str | None]:
        """What names a group: names that are kept, and those in files of one row per completion (None for a run)."""
        prompts = {name: name for name in self.prompts} if self.prompts else {}
        epoch = {self.epoch: self.epoch} if self.epoch else {}
        if is_run:
            found: dict[str, str | None] = {
                "run": None,
                "split": "split",
                self.step: self.step,
                **(prompts or {"prompt": "prompt_id"}),
                **epoch,
            }
        else:
            found = {**(prompts or {"prompt_id": "prompt_id"}), **epoch}
            found.setdefault(self.step, self.step)
        return {name: source for name, source in found.items() if not (self.is_pooled and name == self.step)}

    def sources(self) -> dict[str, tuple[str, ...]]:
        """What is kept besides, and the columns of which the first that is there is it."""
        by = {} if self.by is None else {"by": (self.by,)}
        reference = {} if self.reference is None else {"reference": (self.reference,)}
        correct = {} if self.correct == "none" else {"correct": ("correct" if self.correct is None else self.correct,)}
        policy = {"policy": ("policy" if self.policy is None else self.policy,)}
        return {"answer": (self.answer,), **correct, "score": ("score", "reward"), **policy, **reference, **by}

    def roles(self, is_run: bool, is_extracted: bool) -> dict[str, tuple[str, ...]]:
        """What is taken without being named, and the columns of which the first that is there is it; all of a prompt's.

        Args:
            is_run: whether files of several runs, in any layout, are read.
            is_extracted: whether the answer is found in a text.
        """
        own = {"split": ("split",) if is_run else (), "epoch": () if self.epoch is None else (self.epoch,)}
        keys = {"prompt": self.prompts or ("prompt_id",), "step": () if self.is_pooled else (self.step,)}
        kept = {name: names for name, names in self.sources().items() if name not in ("reference", "by", "answer")}
        answer = {"completion": (self.completion,)} if is_extracted else {"answer": (self.answer,)}
        return {name: names for name, names in (keys | own | answer | kept).items() if names}

    def named(self) -> dict[str, str]:
        """The columns besides the prompt's and `by` that have another name than they have by default."""
        names = ("step", "epoch", "answer", "completion", "correct", "policy", "reference")
        given = {name: getattr(self, name) for name in names}
        usual = (None, "none")
        return {name: v for name, v in given.items() if v not in usual and v != getattr(Columns, name)}

    @property
    def asked(self) -> set[str]:
        """The columns without which there is nothing to score."""
        found = (*(self.prompts or ("prompt_id",)), self.step, self.epoch, self.answer, self.reference, self.by)
        return {name for name in found if name is not None}
