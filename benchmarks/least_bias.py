"""The numbers E*_K for `log`, K = 2..256, as a data file: `python -m benchmarks.least_bias` (about a minute).

E*_K is the least worst-case bias that any table of group size K can have (theory.md §3): the error of the best uniform
approximation of p·log p on (0, 1] by polynomials of degree ≤ K that vanish at 0. Written to coeffs/log/least_bias.csv,
correctly rounded to 40 digits; K²·E*_K tends to 0.32508927345417506.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from joblib import Parallel, delayed
from tqdm import tqdm

from polyest.offline.remez import least_bias
from polyest.storage.files import replacing

FILE = Path(__file__).parents[1] / "coeffs" / "log" / "least_bias.csv"
GROUP_SIZES = range(2, 257)
DECIMALS = 40
HEADER = f"""\
# E*_K: the least worst-case bias sup p·|Q(p) − log p| over (0, 1] of any table of group size K (deg Q ≤ K − 1)
# {DECIMALS} significant digits, correctly rounded; written by: python -m benchmarks.least_bias
K,least_bias
"""


def decimal(value: Fraction) -> str:
    """A number in (0, 1) with `DECIMALS` significant digits, rounded half up."""
    zeros = 0
    while value * 10 ** (zeros + 1) < 1:
        zeros += 1
    return f"0.{'0' * zeros}{round(value * 10 ** (zeros + DECIMALS))}"


def line(group_size: int) -> str:
    return f"{group_size},{decimal(least_bias('log', group_size))}\n"


def main() -> None:
    lines = list(tqdm(Parallel(-1, return_as="generator")(map(delayed(line), GROUP_SIZES)), total=len(GROUP_SIZES)))
    with replacing(FILE) as temporary:
        temporary.write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"{len(lines)} numbers in {FILE.relative_to(Path.cwd())}; the last: {lines[-1].strip()}")


if __name__ == "__main__":
    main()
