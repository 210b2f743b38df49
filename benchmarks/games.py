"""What bias and noise do to the policy that is reached: `python -m benchmarks.games`, under 15 minutes on 2 cores.

Plays the games of theory.md §8 with every method and an oracle that is paid the exact rewards, and writes tables and
figures to benchmarks/results/games. Needs the extras offline and plot; tables that are not shipped are solved into the
user's folder, as `polyest solve` does.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from joblib import Parallel, delayed
from tqdm import tqdm

from benchmarks.games_parts import alignment, arms, figures, pooling, tables, universal

Row = dict[str, Any]
Task = tuple[str, Callable[[], list[Row]]]
FOLDER = Path(__file__).parent / "results" / "games"
GROUP_SIZES = (4, 8, 16, 32, 64)
ANSWERS = (5, 20, 100, 300, 1000)
WEIGHTS = (0.3, 1.0, 3.0)
SAMPLED_ANSWERS = (5, 40, 300, 1000)
SEEDS = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, to see that everything runs")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the results")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    arguments = parser.parse_args()
    start = time.perf_counter()
    arguments.out.mkdir(parents=True, exist_ok=True)
    notes = [f"Left out: {note}\n" for note in arms.prepare((4, 16) if arguments.quick else GROUP_SIZES)]
    results = run(all_tasks(arguments.quick), arguments.jobs)
    write(results, arguments.out, (time.perf_counter() - start) / 60, notes)
    return 0


def all_tasks(quick: bool) -> list[Task]:
    """The cells of every part, the longest first."""
    sizes = (4, 16) if quick else GROUP_SIZES
    answers, weights = ((5, 20, 100), (1.0,)) if quick else (ANSWERS, WEIGHTS)
    updates, seeds = (60, 2) if quick else (1500, SEEDS)
    tasks: list[Task] = []
    games = [(n, 1.0) for n in ((40, 300) if quick else SAMPLED_ANSWERS)] + [(40, tau) for tau in weights if tau != 1]
    for K, (n, tau), arm, first in product(sizes[::-1], games, arms.ARMS, range(0, seeds, 10)):
        if arms.available(arm, K):
            seed_range = range(first, min(first + 10, seeds))
            tasks.append(("sampled", partial(alignment.sampled_cell, K, n, tau, arm, seed_range, updates)))
    for M, kappa in product((1, 4, 16, 64, 256), arms.BUDGETS):
        tasks.append(("budget", partial(alignment.budget_cell, kappa, M, range(2 if quick else 5), updates)))
    for method, visits, step, seed in product(
        ("harmonic", "aqp"), (1, 2, 4, 8), (0.03, 0.1, 0.3), range(1 if quick else 5)
    ):
        tasks.append(("training", partial(pooling.training_cell, method, visits, step, seed, 100 if quick else 2500)))
    for K, n, tau in product(sizes[::-1], answers[::-1], weights):
        tasks.append(("expected", partial(alignment.expected_cell, K, n, tau, 2 if quick else alignment.DRAWS)))
    for method, drift, visits in product(("harmonic", "aqp"), (0.0, 1e-4, 1e-3, 1e-2, 3e-2), (1, 2, 4, 8)):
        tasks.append(("bias", partial(pooling.bias_cell, method, drift, visits)))
    return tasks + [("universal", partial(universal.universal_cell, seed)) for seed in range(16 if quick else 200)]


def run(tasks: list[Task], jobs: int) -> dict[str, list[Row]]:
    """The rows of every part, in the order of the tasks."""
    work = Parallel(n_jobs=jobs, return_as="generator")(delayed(task)() for _, task in tasks)
    results: dict[str, list[Row]] = {}
    for (part, _), rows in zip(tasks, tqdm(work, total=len(tasks), unit="cell"), strict=True):
        results.setdefault(part, []).extend(rows)
    return results


def write(results: dict[str, list[Row]], folder: Path, minutes: float, notes: list[str]) -> None:
    """Tables, figures and the report."""
    for part in ("expected", "budget", "bias", "training", "universal"):
        tables.write_csv(results[part], folder / f"{part}.csv")
    tables.write_csv(alignment.summary(results["sampled"]), folder / "sampled.csv")
    figures.draw_all(results, folder)
    text = tables.report(results, minutes, notes)
    (folder / "README.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    raise SystemExit(main())
