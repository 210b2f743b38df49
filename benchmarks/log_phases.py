"""Where the time of `polyest score` goes, function by function; `benchmarks.logs --phases` prints it.

Run with:  python -m benchmarks.log_phases score LOG --target log …
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from typing import Any

PHASES = {
    "looking at the file": ("polyest.rollouts.engine.log", "is_plain_file"),
    "reading": ("polyest.rollouts.engine.log", "Reader.read"),
    "verdicts": ("polyest.cli.reading", "verdicts"),
    "codes of prompts, checked": ("polyest.rollouts.engine.parts", "prompt_codes"),
    "codes of answers, checked": ("polyest.rollouts.engine.parts", "answer_codes"),
    "dealing": ("polyest.cli.reading", "deal"),
    "counting and scoring": ("polyest.cli.scoring", "score_parts"),
    "writing": ("polyest.cli.score", "write_rows"),
}


class Clock:
    """Seconds of processors in each phase, without those of phases in it."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.last, self.inside = time.process_time(), ["the rest: the summary, notes, duckdb and its end"]

    def tick(self) -> None:
        """What has passed is of the phase that is on."""
        now = time.process_time()
        self.spent[self.inside[-1]] += now - self.last
        self.last = now

    def timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.tick()
            self.inside.append(phase)
            try:
                return function(*arguments, **options)
            finally:
                self.tick()
                self.inside.pop()

        return wrapped


def main() -> None:
    from polyest.cli import main as command

    clock = Clock()
    clock.spent["starting Python, importing polyest and numpy"] = clock.last
    for phase, (module, name) in PHASES.items():
        *inner, last = name.split(".")
        owner: Any = import_module(module)
        for part in inner:
            owner = getattr(owner, part)
        setattr(owner, last, clock.timed(phase, getattr(owner, last)))
    code = command(sys.argv[1:])
    clock.tick()
    for phase, seconds in sorted(clock.spent.items(), key=lambda pair: -pair[1]):
        print(f"{seconds:8.3f} s  {seconds / clock.last:5.1%}  {phase}")
    sys.exit(code)


if __name__ == "__main__":
    main()
