"""Do smaller steps close the gap at K = 8? `python -m benchmarks.training.slowly`, resumable.

The benchmark again, with a learning rate an eighth as large and eight times as many steps, for all arms alike, and an
arm with 24 visits, a pool of 192 completions: the default tables from 176 on pay rare wrong answers enough to keep
them, so that its equilibrium is 0.0021 from the optimum, that of 4 visits 0.0083. Four to eight minutes a run on an
idle core; every finished run is a file in results/slowly, the table is results/slowly.md.

**Expected**, written down before the first run, from `decomposition.py`: the policy moves as far as in the benchmark,
and the noise that is left at the end falls with the step. So plug_in ends at its own equilibrium, 0.148, the oracle at
0.001; with 4 visits 0.004 for the mass of the wrong answers, as without noise there, 0.002 for the noise among the
right and 0.001 among the wrong ones, 0.007, which closes 96 %; with 24 visits 0.001 for the mass, 0.002 and 0.001 for
the noise, 0.004, which closes 98 %.

**What came out**, three seeds: 0.142, 0.0001, 0.0083 and 0.0056: 4 visits close 94.0, 94.3 and 94.5 %,
24 visits 95.8, 96.5 and 96.2 %.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import argparse
from pathlib import Path

from benchmarks.training.settings import Run, Settings
from benchmarks.training.statistics import Results, interval

__all__ = ["main", "runs", "written"]

GROUP_SIZE = 8
ARMS = {"plug_in": 0.148, "aqp_4_visits": 0.007, "aqp_24_visits": 0.004, "oracle": 0.001}  # F* − F expected
SETTINGS = Settings(steps=9600, learning_rate=2.5e-4, evaluate_every=400)
HEAD = ["", "seeds", "expected F* − F", "F* − F", "mass that is right", "among right answers", "among wrong answers"]
FOLDER = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> None:
    from benchmarks.training.__main__ import train_all
    from benchmarks.training.run import finished, read

    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.slowly", description="See the docstring.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the results")
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--steps", type=int, default=SETTINGS.steps, help="of training")
    parser.add_argument("--report", action="store_true", help="train nothing: report the runs that are there")
    chosen = parser.parse_args(arguments)
    folder = chosen.out / "slowly"
    wanted = runs(chosen.seeds, chosen.steps)
    if not chosen.report:
        train_all(wanted, folder, chosen.jobs)
    found = Results(read(run.path(folder)) for run in wanted if finished(run, folder))
    text = f"{(__doc__ or '').partition(chr(10))[0]}\n\n{written(found)}"
    (chosen.out / "slowly.md").write_text(text, encoding="utf-8")
    print(text)


def runs(seeds: int, steps: int = SETTINGS.steps) -> list[Run]:
    """Every arm with every seed, a seed's arms together."""
    settings = Settings(steps, SETTINGS.learning_rate, SETTINGS.evaluate_every)
    return [Run(arm, GROUP_SIZE, seed, settings) for seed in range(seeds) for arm in ARMS]


def written(results: Results) -> str:
    """A line for every arm: means over seeds with 95 % intervals, and the part of the gap closed."""
    from benchmarks.training.report import markdown, share

    lines = [[*HEAD, "gap closed"], ["---"] * (len(HEAD) + 1)]
    for arm, expected in ARMS.items():
        if not (seeds := results.common(GROUP_SIZE, arm)):
            continue
        gap, right, wrong = (results.final(arm, GROUP_SIZE, name) for name in ("gap", "among_right", "among_wrong"))
        parts = [interval(part).text(4) for part in (gap, gap - right - wrong, right, wrong)]
        lines.append([arm, str(len(seeds)), f"{expected}", *parts, share(results, arm, GROUP_SIZE, "plug_in")])
    return markdown(lines)


if __name__ == "__main__":
    main()
