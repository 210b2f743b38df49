"""How many visits to pool where every prompt returns at every step: `python -m benchmarks.training.visits`.

aqp with exact advantages at K = 8 over 1, 2, 4, 8 and 16 visits, two seeds each; everything else as in the benchmark.
Takes about 10 minutes on one core; writes a table into results.

**Expected**: bias falls with every doubling, and is as small as it gets from four visits on (0.008); what grows is the
age of the pool, T − 1 updates. So some T between is best.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from itertools import product
from pathlib import Path

from benchmarks.training.arms import Arm, ExactTrainer, table
from benchmarks.training.report import markdown
from benchmarks.training.run import train
from benchmarks.training.settings import Run, Settings

GROUP_SIZE, SEEDS = 8, (0, 1)
VISITS = (1, 2, 4, 8, 16)
HEAD = ["visits", "seed", "F* − F", "right answers alive", "entropy (nats)"]


def main() -> None:
    lines = [HEAD, ["---"] * len(HEAD)]
    for visits, seed in product(VISITS, SEEDS):
        run = Run("aqp_exact", GROUP_SIZE, seed, Settings(evaluate_every=200))
        last = {
            name: values[-1]
            for name, values in train(run, Arm(table("aqp", visits), ExactTrainer))["evaluations"].items()
        }
        lines.append([str(visits), str(seed), f"{last['gap']:.4f}", f"{last['alive']:.1f}", f"{last['entropy']:.2f}"])
        print(lines[-1], flush=True)
    intro = f"{(__doc__ or '').partition(chr(10))[0]}\n\n"
    (Path(__file__).parent / "results" / "visits.md").write_text(intro + markdown(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
