"""Three layouts, small enough to count: every number that `polyest score` says of them, worked out on paper.

Harmonic entropy of counts n of N: Σ (n/N)·(1/n + … + 1/(N−1)); plug-in: Σ (n/N)·log(N/n).
"""

from __future__ import annotations

import json
from math import log
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from score_support import exit_code


def means(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    assert exit_code("score", folder, "--target", "log", "--method", "harmonic", "--json", *options) == 0
    found = json.loads(capsys.readouterr().out)
    rows: list[dict[str, Any]] = found.get("by", [found["measures"]])
    return rows


def check(row: dict[str, Any], expected: dict[str, float], errors: dict[str, float]) -> None:
    assert {name: row[name]["mean"] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert {name: row[name]["se_random"] for name in errors} == pytest.approx(errors, abs=1e-12)


@pytest.mark.slow
def test_a_verl_validation_dump(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Step 5: p has 4 4 5 none, right right wrong wrong; q has 1 2 3 4, none right."""
    groups = {"p": [("4", True), ("4", True), ("5", False), (None, False)], "q": [(a, False) for a in "1234"]}
    rows = [
        {
            "input": key,
            "output": "…",
            "gts": "4",
            "score": float(acc),
            "acc": acc,
            "pred": a,
            "step": 5,
            "uid": f"{key}_{i}_0",
        }
        for key, members in groups.items()
        for i, (a, acc) in enumerate(members)
    ]
    (tmp_path / "5.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (row,) = means(tmp_path, capsys, "--by", "step")
    p, q = 2 / 3 * 1 / 2 + 1 / 3 * (1 + 1 / 2), 1 + 1 / 2 + 1 / 3  # of 4 4 5, and of 1 2 3 4
    plug_in = 2 / 3 * log(3 / 2) + 1 / 3 * log(3)
    expected = {
        "entropy_harmonic": (p + q) / 2,
        "entropy_plug_in": (plug_in + log(4)) / 2,
        "distinct": 3,
        "singletons": (1 / 3 + 1) / 2,
        "agreement": (2 / 3 + 1 / 4) / 2,
        "collision": (1 / 3 + 0) / 2,
        "no_answer": 1 / 8,
        "correct": 1 / 4,
        "pass@2": (1 - 1 / 6) / 2,
        "pass@4": 1 / 2,
        "majority@3": 1 / 4,  # of four triples of p two have both right ones
        # p in pairs: 44 wins; 45 twice ties; 4– twice wins; 5– loses: (1 + 2/2 + 2)/6
        "vote@2": 4 / 6 / 2,
        "vote@4": 1 / 2,
        "best_of(2)": (1 - 1 / 6) / 2,
    }
    check(row, expected, {"entropy_harmonic": abs(q - p) / 2, "distinct": 1, "pass@4": 1 / 2, "no_answer": 1 / 8})


@pytest.mark.slow
def test_lm_eval_with_repeats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Document 0: x x x x, all right; document 1: x x y z, half of them right."""
    rows = [
        {
            "doc_id": number,
            "target": "3",
            "filter": "each",
            "resps": [["long text"] * 4],
            "filtered_resps": [[*answers]],
            "metrics": ["exact_match"],
            "exact_match": [[float(a == "x") for a in answers]],
        }
        for number, answers in enumerate(["xxxx", "xxyz"])
    ]
    (tmp_path / "samples_toy.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (row,) = means(tmp_path, capsys)
    one = 2 / 4 * (1 / 2 + 1 / 3) + 2 * 1 / 4 * (1 + 1 / 2 + 1 / 3)
    expected = {
        "entropy_harmonic": one / 2,
        "entropy_plug_in": 3 / 2 * log(2) / 2,
        "distinct": 2,
        "singletons": 1 / 4,
        "agreement": 3 / 4,
        "collision": (1 + 1 / 6) / 2,
        "correct": 3 / 4,
        "pass@2": (1 + 5 / 6) / 2,
        "vote@2": (1 + (1 + 4 / 2 + 0) / 6) / 2,  # xx wins, x with y or z ties four times, yz loses
        "vote@4": 1,
        "correct_distinct": 1,
    }
    check(row, expected, {"collision": (1 - 1 / 6) / 2, "correct": 1 / 4, "distinct": 1})


@pytest.mark.slow
def test_a_trl_table_with_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One prompt, twice: a a b b at step 1, a a a b at step 2; rewards 0 1 2 3 and 1 1 1 5."""
    for step, answers, rewards in ((1, "aabb", [0.0, 1, 2, 3]), (2, "aaab", [1.0, 1, 1, 5])):
        table = {
            "step": [step] * 4,
            "prompt": ["2+2?"] * 4,
            "completion": ["…"] * 4,
            "reward": rewards,
            "answer": [*answers],
            "advantage": [0.0] * 4,
        }
        parquet.write_table(pa.table(table), tmp_path / f"completions_{step:05d}.parquet")
    first, second = means(tmp_path, capsys, "--by", "step")
    check(
        first,
        {"entropy_plug_in": log(2), "agreement": 0.5, "collision": 1 / 3, "best_of(2)": (3 * 3 + 2 * 2 + 1) / 6},
        {},
    )
    check(second, {"entropy_plug_in": 3 / 4 * log(4 / 3) + 1 / 4 * log(4), "best_of(2)": (5 * 3 + 3) / 6}, {})
    assert first["drift"] is None
    # collisions 4/12 and 6/12, less twice (2·3 + 2·1)/16
    check(second, {"drift": 4 / 12 + 6 / 12 - 2 * 8 / 16}, {})
    assert second["entropy_plug_in"]["se_random"] is None
    assert second["entropy_plug_in"]["se_fixed"] > 0
