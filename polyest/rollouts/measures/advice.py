"""What has to be known before the numbers are believed, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.measures.means import Means

__all__ = ["ALL_DIFFERENT", "FEW", "advice"]

ALL_DIFFERENT = 0.95  # share of singletons from which on a value is a bound and no estimate
FEW = 8  # completions of a group that leave more bias than error


def advice(means: dict[str, Means], labels: Sequence[str], most: Sequence[int]) -> list[str]:
    """One line for each thing that is wrong somewhere.

    Args:
        means: over the prompts of every part.
        labels: what the parts are called, "step 400"; "" if there is one part only.
        most: completions of the largest group of every part.
    """
    alone, without = means["singletons"].mean, means["no_answer"].mean
    found = _told(
        "{} of the answers are singletons: the estimate is a lower bound (there are at least so many answers); sample "
        "more, or extract answers",
        alone, alone >= ALL_DIFFERENT, labels,
    )  # fmt: skip
    found += _told("{} of the completions have no answer; is the rule the right one?", without, without > 0.5, labels)
    few = np.asarray(most) <= FEW
    if few.any():
        place = "" if few.all() else f"{_places(few, labels)}: "
        found.append(
            f"{place}groups of at most {FEW}: the bias of an entropy is larger than its error; sample more for each "
            "prompt"
        )
    return found + _without_table(means, labels)


def _without_table(means: dict[str, Means], labels: Sequence[str]) -> list[str]:
    """Where `entropy_aqp` is the mean of fewer prompts than `entropy_plug_in`, which needs no table."""
    if not {"entropy_aqp", "entropy_plug_in"} <= {*means}:
        return []
    known, of = means["entropy_aqp"].prompts, means["entropy_plug_in"].prompts
    share = (of - known) / np.maximum(of, 1)
    return _told(
        "entropy_aqp has no table for the groups of {} of the prompts and is the mean of the others; read "
        "entropy_harmonic, cut the groups with --group-size, or solve tables of their sizes",
        share, share > 0, labels,
    )  # fmt: skip


def _told(text: str, share: NDArray[np.float64], wrong: NDArray[np.bool_], labels: Sequence[str]) -> list[str]:
    """Where the share is worst, and where else."""
    if not wrong.any():
        return []
    worst = int(np.argmax(np.where(wrong, share, -1.0)))
    line = text.format(f"{share[worst]:.0%}")
    return [line if len(labels) == 1 else f"{_places(wrong, labels, worst)}: {line}"]


def _places(wrong: NDArray[np.bool_], labels: Sequence[str], worst: int | None = None) -> str:
    """Which parts, the worst one first."""
    where = np.flatnonzero(wrong).tolist()
    name = labels[where[-1] if worst is None else worst]
    if len(where) == 1:
        return name
    return f"{name}, and {len(where) - 1} more of {len(labels)} ({labels[where[0]]} to {labels[where[-1]]})"
