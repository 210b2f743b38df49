"""The whole road once: program → table → proof → rewards, on rollouts of a small transformer. `make demo` runs it.

Writes into demo-output/: the table solved afresh, the scored rollouts, a plot.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import polyest
from benchmarks.bias import ROLLOUTS, Measurement, measure, read_answers, read_truth
from polyest.problems.problem import make_problem
from polyest.storage import store
from polyest.storage.table import digest

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "demo-output"
METHODS = ("plug_in", "harmonic", "aqp")
GROUP_SIZE = 16


def main() -> int:
    start = time.perf_counter()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    solved = OUTPUT / "coeffs"
    heading("(a) Solve log, K = 16, into an empty folder: is it the table that is shipped?")
    polyest_command("solve", "--target", "log", "-k", GROUP_SIZE, "--out", solved)
    same = compare_digests(solved)
    heading("(b) Prove it again, without any solver")
    polyest_command("verify", solved)
    heading(f"(c) Score 64 completions of each of 200 prompts, in groups of {GROUP_SIZE}")
    methods = [part for method in METHODS for part in ("--method", method)]
    log, scored = ROLLOUTS / "rollouts.jsonl", OUTPUT / "scored.jsonl"
    polyest_command("score", log, "--target", "log", *methods, "--group-size", GROUP_SIZE, "--out", scored)
    print_biases()
    heading("(d) What was written")
    polyest_command("plot", "log", "-k", GROUP_SIZE, "--out", OUTPUT / "bias-and-noise.png")
    for path in sorted(path for path in OUTPUT.rglob("*") if path.is_file()):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")
    print(f"\n{time.perf_counter() - start:.0f} seconds")
    return 0 if same else 1


def heading(text: str) -> None:
    print(f"\n{text}\n", flush=True)


def polyest_command(*arguments: object) -> None:
    """Show and run one command line."""
    words = [str(a.relative_to(ROOT)) if isinstance(a, Path) else str(a) for a in arguments]
    print(f"$ polyest {' '.join(words)}", flush=True)
    subprocess.run([sys.executable, "-m", "polyest", *words], cwd=ROOT, check=True)


def compare_digests(solved: Path) -> bool:
    relative = store.relative_path(make_problem("log", GROUP_SIZE))
    digests = [digest(store.read(folder / relative)) for folder in (solved, store.shipped_folder())]
    for name, value in zip(("solved ", "shipped"), digests, strict=True):
        print(f"{name}  {value}")
    print("the same" if digests[0] == digests[1] else "NOT the same")
    return digests[0] == digests[1]


def print_biases() -> None:
    """Measured bias, reward − log p with the exact p, averaged over completions and then prompts."""
    answers, truth = read_answers(), read_truth()
    measured = {method: measure(polyest.load("log", GROUP_SIZE, method), answers, truth) for method in METHODS}
    print("\nreward − log p in nats, mean over completions and prompts, against the exact probabilities:")
    print("method    bias     standard error  plug_in / it   farthest beyond its certificate")
    for method, measurement in measured.items():
        print(line(method, measurement, measured["plug_in"]))


def line(method: str, measured: Measurement, plug_in: Measurement) -> str:
    prompts = len(measured.bias)
    mean, error, ratio = measured.total / prompts, measured.total_error / prompts, plug_in.total / measured.total
    beyond = measured.beyond_certificate.max()
    where = f"{beyond:.1f} standard errors" if beyond > 0 else "no prompt is"
    return f"{method:<8}  {mean:+.4f}  {error:<14.4f}  {ratio:<12.1f}  {where}"


if __name__ == "__main__":
    sys.exit(main())
