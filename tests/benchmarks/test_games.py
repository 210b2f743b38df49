"""The smallest case of every part of benchmarks/games.py runs, and its report and figures are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import games
from benchmarks.games_parts import alignment, pooling, universal


def test_a_small_run_writes_every_table_and_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = {
        "expected": [row for K in (4, 5) for row in alignment.expected_cell(K, 100, 1.0, draws=1)],
        "sampled": [
            row
            for n in (40, 300)
            for arm in ("oracle", "plug_in", "harmonic")
            for row in alignment.sampled_cell(4, n, 1.0, arm, range(2), updates=4, per_update=16)
        ],
        "budget": [row for kappa in ("4", "16") for row in alignment.budget_cell(kappa, 2, range(1), updates=4)],
        "bias": [row for visits in (1, 2) for row in pooling.bias_cell("aqp", 0.01, visits)],
        "training": pooling.training_cell("harmonic", 2, 0.1, 0, updates=42),
        "universal": [row for seed in range(8) for row in universal.universal_cell(seed)],
    }
    games.write(results, tmp_path, minutes=0.0, notes=["a note\n"])
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {
        *(f"{part}.csv" for part in results),
        *("gap-against-k.png", "gap-against-samples.png", "kept-against-samples.png", "best-budget.png"),
        *("pooling.png", "universal.png", "README.md"),
    }
    assert "| oracle | 0 ± 0 |" in capsys.readouterr().out
    for row in results["expected"]:
        assert row["gap"] <= row["bound"] + 1e-9
    for row in results["bias"]:
        assert row["bias"] <= row["bound"]


def test_the_full_run_plays_every_arm_and_every_cell() -> None:
    parts = [part for part, _ in games.all_tasks(quick=False)]
    assert {part: parts.count(part) for part in sorted(set(parts))} == {
        "bias": 2 * 5 * 4,
        "budget": 5 * 9,
        "expected": 5 * 5 * 3,
        "sampled": (5 * 7 - 2) * (4 + 2) * 2,  # κ = 2 and minimax have no table at K = 64
        "training": 2 * 4 * 3 * 5,
        "universal": 200,
    }
