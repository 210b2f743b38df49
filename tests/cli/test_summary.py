"""The first lines of `polyest score`: how much there is of what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]


ROW = {"prompt_id": "p", "step": 1, "split": "train", "completion": r"\boxed{1}", "reward": 1, "score": 0, "x": 2}


def test_it_is_said_what_was_taken_for_what(run: Run, tmp_path: Path) -> None:
    """The reward for the score, where there is none; a split in runs alone."""
    log, trained = tmp_path / "log.jsonl", tmp_path / "run" / "1.jsonl"
    trained.parent.mkdir()
    trained.write_text(2 * (json.dumps({"input": "p", "output": r"\boxed{1}", "score": 1}) + "\n"))

    def read_as(row: dict[str, object], *given: object) -> list[str]:
        log.write_text(2 * (json.dumps(row) + "\n"))
        return [line[8:] for line in run("score", *given)[1].splitlines() if line.startswith("read as ")]

    extract = ("--extract", "boxed")
    both = "prompt_id, step, split, completion, score from score or reward"
    assert read_as(ROW, log, *extract) == [f"plain: {both}"]
    assert read_as(ROW, trained, log, *extract) == [f"verl (1 file), plain (1 file): {both}"]
    row = {name: value for name, value in ROW.items() if name != "score"}
    answered = read_as(row, log, "--pool-steps", "--answer-column", "x")
    assert answered == ["plain: prompt_id, answer from x, score from reward"]
    columns = json.loads(run("score", log, *extract, "--json", "--prompt-column", "x", "--epoch", "step")[1])
    assert columns["layouts"] == {"plain": 1}
    taken = {"prompt": ["x"], "step": ["step"], "split": ["split"], "epoch": ["step"], "completion": ["completion"]}
    assert columns["columns"] == taken | {"score": ["reward"]}


def test_prompts_that_come_back_are_told_from_different_ones(run: Run, tmp_path: Path) -> None:
    """And runs stand side by side, unless something else is asked for."""
    for name, answers in (("one", "aab"), ("two", "abc")):
        rows = [
            {"step": step, "prompt_id": prompt, "answer": answer}
            for step in (0, 5)
            for prompt in "pq"
            for answer in answers
        ]
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    both = run("score", tmp_path / "one", tmp_path / "two", "--target", "log")[1]
    assert both.startswith("24 completions of 8 prompts (2 different, over 2 steps of 2 runs) in 8 groups: 8 of 3\n")
    assert "mean value of log, all runs  difference" in both
    assert re.search(r"^measure +mean ± error, all runs  ", both, re.MULTILINE)
    steps = run("score", tmp_path / "one", tmp_path / "two", "--by", "step")[1]
    assert re.search(r"^measure +mean ± error, all runs and steps  ", steps, re.MULTILINE)
    assert [line.split()[0] for line in both.splitlines() if line.startswith(("one", "two", str(tmp_path)))]
    one = run("score", tmp_path / "one" / "log.jsonl", "--target", "log")[1]
    assert one.startswith("12 completions of 4 prompts (2 different, over 2 steps) in 4 groups: 4 of 3\n")
    assert "\nrun " not in one
    assert "all runs" not in one
    pooled = run("score", tmp_path / "one" / "log.jsonl", "--target", "log", "--pool-steps")[1]
    assert pooled.startswith("12 completions of 2 prompts in 2 groups: 2 of 6\n")
