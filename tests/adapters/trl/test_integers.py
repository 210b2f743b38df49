"""TRL: an answer becomes an integer once; what the runtime reads is an array of integers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("trl")

from trl_support import ExactTrainer, GRPOTrainer, make_trainer, scored

from polyest.adapters.trl import AnswerReward
from polyest.online import answers, dictionary, forms

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers")

MEANT: dict[str, Any] = {"a": "one half", "b": 0.5, "c": (1, 2), "": None}


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
def test_the_runtime_reads_integers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainer_class: type[GRPOTrainer]
) -> None:
    def refuse(*arguments: Any, **named: Any) -> None:
        raise AssertionError("answers are encoded a second time")

    def read(given: Any, *arguments: Any, **named: Any) -> answers.Answers:
        seen.append(given)
        return answers.read_answers(given, *arguments, **named)

    seen: list[Any] = []
    monkeypatch.setattr(answers, "_from_objects", refuse)
    monkeypatch.setattr(dictionary, "encode", refuse)
    monkeypatch.setattr(forms, "read_answers", read)
    scored(
        make_trainer(tmp_path, [AnswerReward(MEANT.__getitem__, time_limit=None)], trainer_class), "abcaa" + "cb" + "c"
    )
    assert {found.codes.dtype for found in seen} == {np.dtype(np.int64)}
    assert {found.codes.shape for found in seen} == {(2, 4)}
