"""A log of lm-eval's: SmolLM2-135M-Instruct adds two numbers, sixteen times each (the task is in lm_eval/)."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

from benchmarks.reports_parts.places import TASK

__all__ = ["write"]

LARGEST = [10] * 6 + [40] * 5 + [100] * 5  # of the numbers of each question


def write(folder: Path, python: str) -> list[Path]:
    """The samples as ``--log_samples`` writes them, by an environment that has lm-eval 0.4.13."""
    from benchmarks.language_model_parts.model import smollm2

    task, model = folder / "task", folder / "model"
    shutil.copytree(TASK, task, dirs_exist_ok=True)
    lots = random.Random(0)
    pairs = [(lots.randrange(1, largest), lots.randrange(1, largest)) for largest in LARGEST]
    rows = [{"question": f"{a} + {b} =", "answer": str(a + b)} for a, b in pairs]
    (task / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for part in smollm2():
        part.save_pretrained(model)
    options = {
        "--model": "hf",
        "--model_args": f"pretrained={model.resolve()},dtype=float32",
        "--tasks": "sums",
        "--include_path": ".",
        "--batch_size": "64",
        "--device": "cpu",
        "--seed": "0",
        "--output_path": "out",
    }
    command = [python, "-m", "lm_eval", "run", *(word for option in options.items() for word in option)]
    subprocess.run([*command, "--log_samples"], cwd=task, check=True)
    samples = folder / "sums"
    shutil.rmtree(samples, ignore_errors=True)
    samples.mkdir()
    for path in sorted((task / "out").rglob("samples_*.jsonl"))[-1:]:
        shutil.copy(path, samples)
    return [samples]
