"""Certificates of shipped tables, K ≤ 12, against 60-digit arithmetic at every one of many points.

Run: python -m benchmarks.brute_force [--points 100000] [--largest 12]     about 10 minutes on 2 cores

The formulas of theory.md §2 written out once more, on arrays of gmpy2 numbers; of polyest only the fields of the tables
are used. For each claim it prints by how much the largest value on the points falls short of the upper end: a negative
number would refute the certificate. The points are even in θ, p = sin²(θ/2), so a smooth maximum of width h is missed
by no more than about (π/points/h)²/8 of its height.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import gmpy2
import numpy as np
from joblib import Parallel, delayed

from polyest.storage import store
from polyest.storage.table import Table

BITS = 208  # 60 digits and a few


def elementwise(function: Callable[[Any], Any], p: Any) -> Any:
    return np.frompyfunc(function, 1, 1)(p)


def power(exponent: str) -> Callable[[Any], Any]:
    a = gmpy2.mpq(exponent)
    return lambda p: (1 if a > 0 else -1) * elementwise(lambda x: x ** gmpy2.mpfr(a), p)


POWERS = ("-0.75", "-0.5", "-0.25", "0.5", "1.5")
TARGETS: dict[str, Callable[[Any], Any]] = {"log": lambda p: elementwise(gmpy2.log, p)}
TARGETS |= {f"power({a})": power(a) for a in POWERS}


def grid(points: int) -> Any:
    """Floats in (0, 1], even in θ, and a geometric tail towards 0."""
    p = np.sin(np.linspace(0, np.pi, points + 1)[1:] / 2) ** 2
    p[-1] = 1.0
    return np.concatenate([np.geomspace(1e-30, p[0], 200, endpoint=False), p])


def maxima(table: Table, points: int) -> tuple[Any, Any]:
    """max |bias| and max noise over the points."""
    K, p = table.group_size, elementwise(gmpy2.mpfr, grid(points).tolist())
    r, mean, second = TARGETS[table.problem.target](p), 0 * p, 0 * p
    for m, c in enumerate(map(gmpy2.mpfr, table.coefficients)):
        basis = math.comb(K - 1, m) * p**m * (1 - p) ** (K - 1 - m)
        mean = mean + c * basis
        second = second + basis * (m + 1) / K * (c - r) ** 2
    bias = p * (mean - r)
    return max(abs(bias)), max(p * second - bias**2)


def shortfalls(path: Path, points: int) -> tuple[str, dict[str, float]]:
    """By how much, relative, the largest values fall short of the certificate's upper ends, where these are finite."""
    table = store.read(path)
    claims = table.certificate
    assert claims is not None
    uppers = {"bias": claims.worst_case_bias.upper_text, "noise": claims.noise.upper_text}
    with gmpy2.context(gmpy2.get_context(), precision=BITS):
        values = zip(uppers.items(), maxima(table, points), strict=True)
        return str(table.problem), {
            name: float(1 - value / gmpy2.mpfr(gmpy2.mpq(Fraction(upper))))
            for (name, upper), value in values
            if upper != "Infinity"
        }


def covered(largest: int) -> Iterator[Path]:
    """The shipped tables of these sizes, but those of graded rewards, whose bias is another one."""
    for path in store.paths(store.shipped_folder()):
        if int(path.stem[1:]) <= largest and store.read(path).problem.target in TARGETS:
            yield path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--largest", type=int, default=12)
    options = parser.parse_args()
    paths = list(covered(options.largest))
    results = Parallel(-1, return_as="generator")(delayed(shortfalls)(path, options.points) for path in paths)
    worst = {"bias": 1.0, "noise": 1.0}
    for name, short in results:
        worst |= {claim: min(worst[claim], value) for claim, value in short.items()}
        print(f"{name}: " + ", ".join(f"{claim} {value:.1e}" for claim, value in short.items()), flush=True)
    print(f"{len(paths)} tables, {options.points} points; smallest distances to the upper ends: {worst}")
    return 1 if min(worst.values()) < 0 else 0


if __name__ == "__main__":
    raise SystemExit(main())
