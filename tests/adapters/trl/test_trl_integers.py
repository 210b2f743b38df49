"""TRL: an answer becomes an integer once; what the runtime reads is an array of integers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("trl")

from trl_support import ExactTrainer, GRPOTrainer, make_trainer, scored

from polyest.adapters.trl import AnswerReward
from polyest.estimator import Estimator
from polyest.online.answers import Answers, read_answers

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers")

MEANT: dict[str, Any] = {"a": "one half", "b": 0.5, "c": (1, 2), "": None}


@pytest.mark.parametrize("trainer_class", [GRPOTrainer, ExactTrainer])
def test_the_runtime_reads_integers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainer_class: type[GRPOTrainer]
) -> None:
    seen: list[Any] = []
    for name in ("rewards", "advantages"):
        method = getattr(Estimator, name)

        def watched(self: Estimator, answers: Any, *rest: Any, method: Any = method, **options: Any) -> Any:
            seen.append(answers)
            return method(self, answers, *rest, **options)

        monkeypatch.setattr(Estimator, name, watched)
    reward = AnswerReward(MEANT.__getitem__, time_limit=None)
    scored(make_trainer(tmp_path, [reward], trainer_class), [*"abcaacb", ""])
    assert len(seen) == (2 if trainer_class is ExactTrainer else 1)
    for answers in seen:
        assert isinstance(answers, Answers)
        assert (answers.codes.dtype, answers.codes.shape) == (np.dtype(np.int64), (2, 4))
        assert read_answers(answers) is answers  # nothing is encoded again
        assert answers.missing.tolist() == [[False] * 4, [False, False, False, True]]
