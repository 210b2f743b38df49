"""The language model's benchmark: its verifier, its exact numbers against enumeration, a tiny run of it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

pytest.importorskip("trl")

import torch

from benchmarks import language_model
from benchmarks.language_model_parts.metrics import exact
from benchmarks.language_model_parts.model import answer_probabilities, tiny
from benchmarks.language_model_parts.tasks import TASKS, TINY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers"),
]


def test_every_answer_is_said_in_few_forms_and_no_form_says_two() -> None:
    for task in TASKS:
        forms = [form for answer in task.answers for form in task.forms(answer)]
        assert len(forms) == len(set(forms)) == len(task.said)
    assert TASKS[0].said[" Apple."] == TASKS[0].said[" apple"] == "apple"
    assert " apples" not in TASKS[0].said


def test_probabilities_are_those_of_the_model_token_by_token() -> None:
    model, tokenizer = tiny(0)
    task = TINY[1]
    start = tokenizer(task.prompt).input_ids
    with torch.no_grad():
        first = model(torch.tensor([start])).logits[0, -1].double().softmax(-1)
        total = 0.0
        for text in task.forms("e"):
            ids, context, p = [*tokenizer(text).input_ids, tokenizer.eos_token_id], list(start), 1.0
            for token in ids:
                p *= float(model(torch.tensor([context])).logits[0, -1].double().softmax(-1)[token])
                context.append(token)
            total += p
    assert first.sum() == pytest.approx(1)
    assert answer_probabilities(model, tokenizer, task)["e"] == pytest.approx(total, rel=1e-5)


def test_exact_numbers_of_known_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = {"0": 0.3, "1": 0.1} | dict.fromkeys("23456789", 0.0)
    monkeypatch.setattr("benchmarks.language_model_parts.metrics.answer_probabilities", lambda *_: shares)
    found = exact(None, None, TINY[:1])
    assert found["pass_at_1"] == pytest.approx(0.4)
    assert found["pass_at_8"] == pytest.approx(1 - 0.6**8)
    assert found["distinct_of_64"] == pytest.approx(2 - 0.7**64 - 0.9**64)
    assert found["entropy"] == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))


def test_a_tiny_run_is_written_reported_and_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--tiny", "--steps", "2", "--every", "1", "--seeds", "1", "--out", str(tmp_path / "runs")]
    assert language_model.main([*arguments, "--arms", "plug_in", "aqp", "oracle"]) == 0
    files = sorted(path.stem for path in (tmp_path / "runs").iterdir())
    assert files == ["aqp-k08-seed0", "oracle-k08-seed0", "plug_in-k08-seed0"]
    result = json.loads((tmp_path / "runs" / "aqp-k08-seed0.json").read_text(encoding="ascii"))
    assert result["evaluations"]["step"] == [0, 1, 2]
    assert result["sampled"]["kl"] == pytest.approx(0, abs=0.1)
    assert (tmp_path / "right-answers.png").stat().st_size > 10_000
    assert "oracle (1 runs): step 2.000" in capsys.readouterr().out
    assert language_model.main([*arguments, "--arms", "aqp", "--hours", "0"]) == 0  # it is there
    assert language_model.main([*arguments, "--seeds", "2", "--arms", "aqp", "--hours", "-1"]) == 0
    assert "no time for aqp-k08-seed1" in capsys.readouterr().err
