"""What `polyest score` prints: as JSON, and as lines."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from polyest.errors import counted
from polyest.rollouts.engine.recognised import ReadAs, in_words

if TYPE_CHECKING:
    from polyest.rollouts.engine.scored import Groups

__all__ = ["Returning", "Summary", "lines", "summary_of"]


class SizeCount(TypedDict):
    size: int
    count: int


class MethodValue(TypedDict):
    method: str
    mean_value: float
    difference_to_plug_in: float


class Summary(ReadAs):
    """What is printed, as JSON."""

    target: str
    completions: int
    prompts: int
    groups: list[SizeCount]
    no_answer: float
    correct: float | None
    methods: list[MethodValue]


def summary_of(
    target: str,
    read_as: ReadAs,
    groups: Groups,
    correct: float | None,
    names: Mapping[str, str],
    differences: Mapping[str, float],
) -> Summary:
    """That of groups and their values by methods, which are called by their names; differences by label likewise."""
    completions = groups.completions
    return {
        "target": target,
        **read_as,
        "completions": completions,
        "prompts": groups.of_prompts.total(),
        "groups": [{"size": size, "count": count} for size, count in sorted(groups.sizes.items())],
        "no_answer": groups.missing.total() / completions,
        "correct": correct,
        "methods": [
            {"method": name, "mean_value": groups.mean(label), "difference_to_plug_in": differences[label]}
            for label, name in names.items()
        ],
    }


class Returning:
    """How many prompts are different where some come back, told in brackets, or nothing.

    Args:
        times: the keys at which prompts come back, the last within the first; all others name a prompt.

    >>> returning = Returning(["run", "step"])
    >>> returning.add({"run": "aaaa", "step": [0, 0, 1, 1], "prompt": "pqpq"})
    >>> str(returning)
    ' (2 different, over 2 steps)'
    """

    def __init__(self, times: Sequence[str]) -> None:
        self.different, self.seen = 0, {name: set[Hashable]() for name in times}

    def add(self, keys: Mapping[str, Sequence[Hashable]]) -> None:
        """The keys of all groups of some prompts."""
        prompts = zip(*(column for name, column in keys.items() if name not in self.seen), strict=True)
        self.different += len(set(prompts))
        for name, values in self.seen.items():
            values.update(keys.get(name, ()))

    def __str__(self) -> str:
        numbers = {name: len(values) for name, values in self.seen.items()}
        places = " of ".join(counted(number, name) for name, number in reversed(numbers.items()) if number > 1)
        return f" ({self.different} different, over {places})" if places and self.different else ""


def lines(summary: Summary, returning: str = "", over: str = "") -> list[str]:
    """For a terminal; `over` says what else the means are over."""
    sizes = ", ".join(f"{row['count']} of {row['size']}" for row in summary["groups"])
    groups = counted(sum(row["count"] for row in summary["groups"]), "group")
    completions, prompts = (counted(summary["completions"], "completion"), counted(summary["prompts"], "prompt"))
    found = [f"{completions} of {prompts}{returning} in {groups}: {sizes}", f"read as {in_words(summary)}"]
    if summary["no_answer"]:
        found.append(f"no answer: {summary['no_answer']:.4f}")
    correct = summary["correct"]
    if correct is not None:
        found.append(f"correct: {correct:.4f}" if correct == correct else "correct: unknown")
    value = f"{'mean value of ' + summary['target'] + over:<22}"
    found.append(f"{'method':<10}  {value}  difference to plug_in")
    for row in summary["methods"]:
        found.append(f"{row['method']:<10}  {row['mean_value']:<{len(value)}.6f}  {row['difference_to_plug_in']:+.6f}")
    return found
