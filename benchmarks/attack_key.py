"""Attacks on the key of table files: acceptance by class, for files whose words are true or false by other reckoning.

Run: python benchmarks/attack_key.py [--cases 1320] [--seed 0]     about 2 minutes; needs the extra `test`
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import key_attacks

from polyest.cli.verify import judge
from polyest.storage.table import to_json

Tally = Counter[tuple[bool, bool]]


def accepted(file: key_attacks.Forged, folder: Path) -> bool:
    """Whether `polyest verify` proves the file, which lies below `folder`, or in no place."""
    path = folder / (file.place or "x.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_json(file.table), encoding="utf-8")
    return judge(path, folder if file.place else None, ()).kind == "proved"


def run(cases: int, seed: int) -> dict[str, Tally]:
    """How many files of each class were false or not, and were accepted or not."""
    rng, tallies = random.Random(seed), defaultdict[str, Tally](Counter)
    kinds = list(key_attacks.FORGERIES)
    for case in range(cases):
        kind = kinds[case % len(kinds)]
        file = key_attacks.forged(kind, rng)
        with tempfile.TemporaryDirectory() as folder:
            taken = accepted(file, Path(folder))
        word = file.falsehood()
        tallies[kind][bool(word), taken] += 1
        if (word and taken) or (not word and not taken and kind in key_attacks.HARMLESS):
            print(f"wrong: {kind}, {word or 'true'}: {file.place} {file.table.problem}", file=sys.stderr)
    return tallies


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1320)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tallies = run(options.cases, options.seed)
    print(f"{'accepted / files':32}{'false':>12}{'not false':>12}")
    for kind, tally in [*tallies.items(), ("all", sum(tallies.values(), Counter()))]:
        cells = (f"{tally[word, True]} / {tally[word, True] + tally[word, False]}" for word in (True, False))
        print(f"{kind:32}" + "".join(f"{cell:>12}" for cell in cells))
    wrong = sum(tally[True, True] for tally in tallies.values())
    refused = sum(tallies[kind][False, False] for kind in key_attacks.HARMLESS)
    print(f"false files accepted: {wrong}; honest files refused: {refused}")
    return 1 if wrong or refused else 0


if __name__ == "__main__":
    raise SystemExit(main())
