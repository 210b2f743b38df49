"""How long solving and proving take: `python -m benchmarks.solving` (about 23 minutes on 2 cores; `--quick`: one).

1. Whole processes, from the command line into an empty folder: one table of K = 16; `log` aqp for K = 2..64; all tables
   that are shipped, solved from scratch; all of them verified.
2. By group size, one core: the least bias E*_K, the scan for κ, the digits, the certificate, and `verify`.

The floor: each of about ten rounds of the reduced program evaluates N active points × K coefficients × 2 rows in
FLINT's numbers and multiplies matrices of that shape, (2N)²K products of some 10 ns; float64 adds about 25
solutions along the scan, each of some ten finite programs. N grows from 8 at K = 16 to 60 at K = 512 and 92 at 1024.
An enclosure halves [0, 1] until f's one or three polynomials have 64 terms: some n² additions of whole numbers per
halving, n from K down to 64, in C; for small K what counts is a third of a millisecond per cell, of some 20 + √K.
The printed shares tell which part is above it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path as Folder
from typing import TypeVar

from polyest import certify
from polyest.offline import named_point, remez, rounding
from polyest.offline.methods import aqp
from polyest.offline.solution_path import SolutionPath
from polyest.problems.problem import make_problem
from polyest.storage import store

T = TypeVar("T")
GROUP_SIZES = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
SHIPPED = [
    ("--target", "log", "-k", "1024,768,512,384,2:256"),
    ("--target", "log", "--method", "minimax", "-k", "2:46"),
    *[("--target", "log", "--groups", str(M), "-k", "4,8,16,32,64") for M in (8, 64, 512, 4096)],
    ("--target", "power(-0.5)", "-k", "2:64"),
    ("--target", "power(0.5)", "-k", "2:64"),
    ("--target", "power(1.5)", "-k", "2:64"),
]


def polyest(*arguments: str) -> float:
    """Seconds that one command takes, interpreter's start included."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "polyest", *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr}")
    return time.perf_counter() - start


def whole_processes(quick: bool, folder: str | None) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = folder or temporary
        out = ("--out", folder)
        print(f"one table, K = 16: {polyest('solve', '--target', 'log', '-k', '16', *out):.2f} s", flush=True)
        if quick:
            return
        print(
            f"log aqp, K = 2..64: {polyest('solve', '--target', 'log', '-k', '2:64', '--force', *out):.0f} s",
            flush=True,
        )
        seconds = sum(polyest("solve", "--force", *options, *out) for options in SHIPPED)
        tables = sum(1 for _ in store.paths(Folder(folder)))
        print(f"all {tables} tables from scratch: {seconds:.0f} s", flush=True)
        print(f"all {tables} verified: {polyest('verify', '--jobs', '-1', folder):.0f} s", flush=True)


def timed(action: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return action(), time.perf_counter() - start


def chosen(path: SolutionPath) -> int:
    return named_point.kappa_named(path, lambda kappa: path.noise(aqp.at_kappa(path, kappa).coefficients))


def by_group_size(group_sizes: tuple[int, ...]) -> None:
    print(f"\n{'K':>4} {'points':>6}   E*_K    scan  digits  certificate  verify   (seconds, one core, K alone)")
    for K in group_sizes:
        problem = make_problem("log", K)
        _, least = timed(lambda p=problem: remez.least_bias(p.target, p.group_size))
        path = SolutionPath(problem)
        kappa, scan = timed(lambda path=path: chosen(path))
        solution, digits = timed(lambda path=path, k=kappa: aqp.at_kappa(path, k))
        table = rounding.rounded(solution)
        _, proof = timed(lambda t=table: certify.certificate(t))
        _, verify = timed(lambda K=K: certify.verify(store.load(make_problem("log", K))))
        points = len(solution.proof["points"])
        print(f"{K:>4} {points:>6} {least:>6.2f} {scan:>7.2f} {digits:>7.2f} {proof:>12.2f} {verify:>7.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one table and the small group sizes")
    parser.add_argument("--out", metavar="DIR", help="keep the tables there")
    arguments = parser.parse_args()
    whole_processes(arguments.quick, arguments.out)
    by_group_size(GROUP_SIZES[:5] if arguments.quick else GROUP_SIZES)


if __name__ == "__main__":
    main()
