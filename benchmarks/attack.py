"""Attacks on `verify`: acceptance by class, for files whose claims are true or false by independent reckoning.

Claims that are wider than `verify` allows count as false. Those that vary the key are in `attack_key.py`.

Run: python benchmarks/attack.py [--cases 1400] [--seed 0]     about 3 minutes; needs the extra `test`
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import attacks
import brute

from polyest import certify

Tally = Counter[tuple[str, bool]]


def run(cases: int, seed: int) -> dict[str, Tally]:
    """How many files of each class were true, false, or false by less than 1e-9, and were accepted or not."""
    rng, tallies = random.Random(seed), defaultdict[str, Tally](Counter)
    kinds = sorted(attacks.ATTACKS)
    for case in range(cases):
        kind, base = kinds[case % len(kinds)], rng.randrange(len(attacks.QUESTIONS))
        exponent = rng.uniform(-16, -9.5) if rng.random() < 0.6 else rng.uniform(-9.5, -1)
        size = rng.choice([-1, 1]) * 10**exponent
        table = attacks.attack(kind, base, rng.random() < 0.3, rng.randrange(9), size)
        miss = brute.falsehood(table, attacks.honest(base))
        miss = miss or float(kind in attacks.BARRED)
        truth = "true" if miss == 0 else "false by < 1e-9" if miss < 1e-9 else "false"
        tallies[kind][truth, certify.verify(table) == []] += 1
    return tallies


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tallies = run(options.cases, options.seed)
    truths = ("false", "false by < 1e-9", "true")
    print(f"{'accepted / files':36}" + "".join(f"{truth:>20}" for truth in truths))
    for kind, tally in [*sorted(tallies.items()), ("all", sum(tallies.values(), Counter()))]:
        cells = (f"{tally[t, True]} / {tally[t, True] + tally[t, False]}" for t in truths)
        print(f"{kind:36}" + "".join(f"{cell:>20}" for cell in cells))
    wrong = sum(
        count for tally in tallies.values() for (truth, taken), count in tally.items() if taken and truth != "true"
    )
    refused = sum(tallies[kind]["true", False] for kind in attacks.HARMLESS)
    print(f"false files accepted: {wrong}; correct files refused: {refused}")
    return 1 if wrong or refused else 0


if __name__ == "__main__":
    raise SystemExit(main())
