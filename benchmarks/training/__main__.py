"""A small transformer trained for diversity by TRL's GRPOTrainer: `python -m benchmarks.training`, resumable.

Needs the extras trl, offline and plot. Takes about an hour on 2 cores; every finished run is a file in
results/runs, and a run that is there is not repeated.

**Task.** "Name a number near N": 15 prompts `20=`, `24=`, … `76=`; a completion is at most two characters out of
`0123456789=`, so that there are 133 answers, the completions themselves. A number within 16 of N is right and earns
the credit R = 1 − 0.02·distance, 0.68 to 1; everything else earns 0. The policy, a Qwen2 of 48 thousand parameters
built here, maximises F = E[R] + τ·entropy, τ = 0.2, whose optimum ν* ∝ exp(R/τ) is known, as is the policy's own ν:
all completions are enumerated.

**Why this task.** It was chosen by the predictions below, among fourteen variants (reach, slope, τ), before anything
was trained. Under ν* the 33 right answers have 0.012 to 0.059 each: all are rarer than 1/K, for K = 8 and for K = 16,
so that the frequency underpays them; 27 of them are more frequent than 1/K² at K = 8, all at K = 16 (much rarer ones
no table of K counts can help, such as the 100 wrong answers, 4 % of ν* together). The credit has to be graded: if all
right answers earned the same, the uniform distribution over them would be everybody's equilibrium, by symmetry,
however biased the reward; bias shows where answers differ in worth.

**Expected**, from theory.md §8 (`prediction.py`). The updates of an arm follow the gradient of another game, and this
is how far the equilibria of those games are from the optimum of the true one:

    F* − F (right answers with a tenth of their mass at ν*, of 33)     K = 4            K = 8            K = 16
    plug_in through TRL's defaults (group mean, group std)             not linear: no prediction
    plug_in, centred only                                              0.231 (7)        0.148 (11)       0.091 (17)
    harmonic, centring-proof                                           0.198 (9)        0.117 (15)       0.065 (21)
    aqp, centring-proof                                                0.188 (9)        0.064 (21)       0.009 (33)
    aqp, exact advantages                                              0.142 (13)       0.050 (23)       0.008 (33)
    aqp, 4 visits                                                      0.008 (33)       0.008 (33)       0.008 (33)
    harmonic, 16 visits                                                0.010 (33)       0.008 (33)       0.008 (33)
    oracle, paid the exact −log p                                      0                0                0

So aqp should close 57 % (reward) and 66 % (advantages) of the gap between plug_in and oracle at K = 8, 90 % and 91 %
at K = 16, if training reaches the equilibria and noise adds nothing. The oracle itself will keep a small distance.

**Prompts that come back.** In the last two arms but one a prompt's completions are pooled over its last 4 (16) visits,
with exact advantages. Every prompt is in every step here, so that the pool is as old as the last 3 (15) updates. The
predictions are those of a policy that stands still meanwhile. They were written down before these arms were run, and
with them: 0.008 is as good as it gets, since the 100 wrong answers are too rare for any of these tables; that is 94 %
of the gap at K = 8, short of the goal of 95 %; and as aqp at K = 16, with the same equilibrium, ended at 0.021 for the
noise of sampling (`diagnosis.py`), the pooled arms will too: about 0.02, 90 % at K = 8, and no better at K = 16 than
aqp from a single visit. At K = 4, 90 % as well, from 39 % with a single visit. What came out, with five seeds: aqp with
4 visits closes 90 ± 2 % at K = 8 and 91 ± 1 % at K = 4, as predicted, and 84 ± 3 % at K = 16, above the 79 % of
a single visit; harmonic with 16 visits 79 ± 10 %, 87 ± 4 % and 75 ± 3 %, short of the prediction: its pool is 15
updates old. The goal is met nowhere: `decomposition.py` says why,
and `slowly.py` meets it with 24 visits and smaller steps. At K = 4 the tables of a single visit close less
than half, 23 ± 15 % and 43 ± 8 %. Some of these runs shared the machine with others, so that their milliseconds mean
nothing.

**Training.** GRPO without KL term and without clipping of gradients, loss `dr_grpo` (completions have different
lengths), all prompts with K completions each in every step, one update per step; Adam, learning rate 2e-3 falling
linearly to 0; fresh weights. A seed has the same weights, order of prompts and random numbers in all arms. Learning
rate and number of steps were chosen at K = 8 on another seed (100): five runs, three of the oracle and one each of
plug_in and aqp, to see them stop moving before the end.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import argparse
import sys
from pathlib import Path

from joblib import Parallel, delayed
from tqdm import tqdm

from benchmarks.training.settings import GROUP_SIZES, SEEDS, Run, Settings, all_runs
from polyest.storage.files import sweep

FOLDER = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description="See the module's docstring.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the results")
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--steps", type=int, default=Settings.steps, help="of training")
    parser.add_argument("-k", type=int, nargs="+", default=GROUP_SIZES, help="group sizes", metavar="K")
    parser.add_argument("--report", action="store_true", help="train nothing: report the runs that are there")
    chosen = parser.parse_args(arguments)
    runs = all_runs(Settings(steps=chosen.steps), tuple(chosen.k), chosen.seeds)
    if not chosen.report:
        train_all(runs, chosen.out / "runs", chosen.jobs)
    write(runs, chosen.out)
    return 0


def train_all(runs: list[Run], folder: Path, jobs: int) -> None:
    """Whatever is not there yet."""
    from benchmarks.training.run import finished, run_once

    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    missing = [run for run in runs if not finished(run, folder)]
    work = Parallel(n_jobs=jobs, return_as="generator_unordered")(delayed(run_once)(run, folder) for run in missing)
    bar = tqdm(work, desc="training runs", total=len(runs), initial=len(runs) - len(missing), file=sys.stderr)
    for _ in bar:
        pass


def write(runs: list[Run], folder: Path) -> None:
    """The report and the figure."""
    from benchmarks.training.figure import draw
    from benchmarks.training.report import report
    from benchmarks.training.run import finished, read
    from benchmarks.training.statistics import Results

    results = Results(read(run.path(folder / "runs")) for run in runs if finished(run, folder / "runs"))
    text = report(results)
    (folder / "README.md").write_text(text, encoding="utf-8")
    draw(results, folder / "gap.png")
    print(text)


if __name__ == "__main__":
    raise SystemExit(main())
