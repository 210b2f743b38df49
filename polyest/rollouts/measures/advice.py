"""What has to be known before the numbers are believed, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.measures.means import Means

    Array = NDArray[np.float64]
    Whole = NDArray[np.int64]

__all__ = ["ALL_DIFFERENT", "FEW", "advice"]

ALL_DIFFERENT = 0.95  # share of singletons from which on a value is a bound and no estimate
FEW = 8  # completions of a group that leave more bias than error


SINGLETONS = (
    "{:.0%} of the answers are singletons: the estimate is a lower bound (there are at least so many answers); sample "
    "more, or extract answers"
)
UNANSWERED = "{:.0%} of the completions have no answer; is the rule the right one?"
WITHOUT_TABLE = (
    "entropy_aqp has no table for the groups of {:.0%} of the prompts and is the mean of the others; read "
    "entropy_harmonic, cut the groups with --group-size, or solve tables of their sizes"
)


def advice(blocks: Iterable[tuple[Mapping[str, Means], Whole, Callable[[int], str]]]) -> list[str]:
    """One line for each thing that is wrong somewhere.

    Args:
        blocks: of the parts, some after the other: means over the prompts of every part, completions of its largest
            group, and what it is called, "step 400".
    """
    alone, unanswered, small, without = _Parts(), _Parts(), _Parts(), _Parts()
    for means, most, label in blocks:
        singletons, missing = means["singletons"].mean, means["no_answer"].mean
        alone.add(singletons, singletons >= ALL_DIFFERENT, label)
        unanswered.add(missing, missing > 0.5, label)
        small.add(np.zeros(len(most)), most <= FEW, label)
        share = _without_table(means, len(most))
        without.add(share, share > 0, label)
    told = [alone.told(SINGLETONS), unanswered.told(UNANSWERED), _about_small(small), without.told(WITHOUT_TABLE)]
    return [line for line in told if line]


def _without_table(means: Mapping[str, Means], number: int) -> Array:
    """The share of the prompts of which `entropy_plug_in` is a mean, which needs no table, and `entropy_aqp` is not."""
    if not {"entropy_aqp", "entropy_plug_in"} <= {*means}:
        return np.zeros(number)
    known, of = means["entropy_aqp"].prompts, means["entropy_plug_in"].prompts
    return (of - known) / np.maximum(of, 1)


def _about_small(parts: _Parts) -> str:
    if not parts.number:
        return ""
    place = "" if parts.number == parts.of else f"{parts.places(parts.last)}: "
    return (
        f"{place}groups of at most {FEW}: the bias of an entropy is larger than its error; sample more for each prompt"
    )


class _Parts:
    """The parts in which something is wrong: how many of all, the first, the last, and the worst one with its share."""

    def __init__(self) -> None:
        self.number, self.of, self.share = 0, 0, -1.0
        self.first = self.last = self.worst = ""

    def add(self, share: Array, wrong: NDArray[np.bool_], label: Callable[[int], str]) -> None:
        """Those of a block."""
        where = np.flatnonzero(wrong).tolist()
        self.of += len(wrong)
        if not where:
            return
        self.first, self.last = self.first if self.number else label(where[0]), label(where[-1])
        self.number += len(where)
        worst = int(np.argmax(np.where(wrong, share, -1.0)))
        if share[worst] > self.share:
            self.share, self.worst = float(share[worst]), label(worst)

    def told(self, text: str) -> str:
        """Where the share is worst, and where else; nothing if nowhere."""
        line = text.format(self.share)
        return "" if not self.number else line if self.of == 1 else f"{self.places(self.worst)}: {line}"

    def places(self, name: str) -> str:
        """Which parts, this one first."""
        if self.number == 1:
            return name
        return f"{name}, and {self.number - 1} more of {self.of} ({self.first} to {self.last})"
