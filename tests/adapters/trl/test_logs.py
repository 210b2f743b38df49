"""What `AnswerReward` logs is what `polyest score` says of the log, under the same names."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from score_support import exit_code
from trl_support import NEW, NOT_IN_OLD, ExactTrainer, make_trainer, scored

from polyest.adapters.trl import AnswerReward
from polyest.adapters.trl.logs import answer_text

has_columns = pytest.mark.skipif(not NEW, reason=NOT_IN_OLD + "columns of one's own in its table of completions")


def answer(text: str) -> Any:
    return {"a": "7", "b": 7, "c": ("x", Fraction(1, 2))}.get(text)


@pytest.fixture
def trained(tmp_path: Path) -> Any:
    """One step of TRL's own training with its table of completions, and what it logged."""
    reward = AnswerReward(answer, time_limit=None)
    options = {"max_steps": 1, "logging_steps": 1, "num_completions_to_print": 0, "learning_rate": 0.0}
    trainer = make_trainer(tmp_path, [reward], ExactTrainer, log_completions=True, **options)
    trainer.rollout_func.completions = ["a", "a", "b", ""]
    trainer.train()
    return tmp_path / "completions", trainer.state.log_history[0]


@has_columns
def test_score_needs_no_extraction_and_finds_the_numbers_that_were_logged(
    trained: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, logged = trained
    (path,) = folder.glob("*.parquet")
    assert pyarrow.parquet.read_table(path)["answer"].to_pylist() == ["7", "7", '{"int": "7"}', None]
    capsys.readouterr()
    assert exit_code("score", folder, "--target", "log", "--json") == 0
    measures = json.loads(capsys.readouterr().out)["measures"]
    same = {name.partition("/")[2] for name in logged if name.startswith("answer_reward/")} - {"reward"}
    assert {"entropy_aqp", "entropy_plug_in", "singletons", "agreement", "no_answer", "distinct"} <= same
    for name in same:
        assert logged[f"answer_reward/{name}"] == pytest.approx(measures[name]["mean"]), name


@has_columns
def test_two_reward_functions_have_a_column_each(tmp_path: Path) -> None:
    rewards = [AnswerReward(answer, time_limit=None, name=name) for name in ("one", "two")]
    trainer = make_trainer(tmp_path, [*rewards, rewards[1]])
    scored(trainer, "aabb")
    extra = {name: [*values] for name, values in trainer._logs["extra"].items()}
    assert extra == {name: ["7", "7", '{"int": "7"}', '{"int": "7"}'] for name in ("answer", "two_answer")}


@pytest.mark.parametrize(
    ("same", "other"),
    [((7, 7.0, True + 6), "7"), (("a",), ("a",)), ((1.5,), "1.5"), ((None, float("nan")), "None"), (("\ud800",), "?")],
)
def test_texts_are_equal_where_answers_are(same: tuple[Any, ...], other: Any) -> None:
    texts = {answer_text(one) for one in same}
    assert len(texts) == 1
    assert answer_text(other) not in texts
    for text in texts:
        assert text is None or text.encode()
