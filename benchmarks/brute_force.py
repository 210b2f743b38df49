"""Certificates of shipped tables, K ≤ 12, against 60-digit arithmetic at every one of many points.

Run: python benchmarks/brute_force.py [--points 100000] [--largest 12]     minutes on one core; needs the extra `test`
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import brute

from polyest import store
from polyest.table import Table


def maxima(table: Table, points: int) -> tuple[Any, Any]:
    """max |bias| and max noise over the points, in 60 digits."""
    target, c = table.problem.target, [brute.number(x) for x in table.coefficients]
    bias = noise = brute.mp.mpf(0)
    for p in map(brute.number, map(float, brute.grid(table.group_size, points))):
        bias, noise = max(bias, abs(brute.bias(target, c, p))), max(noise, brute.noise(target, c, p))
    return bias, noise


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--largest", type=int, default=12)
    options, wrong = parser.parse_args(), 0
    for path in store.paths(store.shipped_folder()):
        table = store.read(path)
        claims = table.certificate
        if table.group_size > options.largest or claims is None or table.problem.target not in brute.TARGETS:
            continue
        found = maxima(table, options.points)
        uppers = [claims.worst_case_bias, claims.noise]
        slack = [1 - float(value / brute.number(c.upper_text)) for value, c in zip(found, uppers, strict=True)]
        wrong += any(x < 0 for x in slack)
        print(f"{table.problem}: the largest values fall short of the certificate by {slack[0]:.1e} and {slack[1]:.1e}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
