"""What `polyest score` prints: as JSON, and as lines."""

from __future__ import annotations

from typing import TypedDict

from polyest.rollouts.grouping import Groups
from polyest.rollouts.scoring import Scores

__all__ = ["Summary", "lines", "summary_of"]


class SizeCount(TypedDict):
    size: int
    count: int


class MethodValue(TypedDict):
    method: str
    mean_value: float
    difference_to_plug_in: float


class Summary(TypedDict):
    """What is printed, as JSON."""

    target: str
    completions: int
    prompts: int
    groups: list[SizeCount]
    correct: float | None
    methods: list[MethodValue]


def summary_of(
    target: str, groups: Groups, correct: float | None, scores: dict[str, Scores], plug_in: Scores
) -> Summary:
    return {
        "target": target,
        "completions": len(groups.of_row),
        "prompts": len(groups.prompts),
        "groups": [{"size": size, "count": count} for size, count in groups.count_by_size().items()],
        "correct": correct,
        "methods": [
            {
                "method": method,
                "mean_value": scored.mean_value,
                "difference_to_plug_in": scored.mean_value - plug_in.mean_value,
            }
            for method, scored in scores.items()
        ],
    }


def lines(summary: Summary) -> list[str]:
    sizes = ", ".join(f"{row['count']} of {row['size']}" for row in summary["groups"])
    count = sum(row["count"] for row in summary["groups"])
    found = [f"{summary['completions']} completions of {summary['prompts']} prompts in {count} groups: {sizes}"]
    correct = summary["correct"]
    if correct is not None:
        found.append(f"correct: {correct:.4f}" if correct == correct else "correct: unknown")
    found.append(f"{'method':<10}  mean value of {summary['target']:<8}  difference to plug_in")
    for row in summary["methods"]:
        found.append(f"{row['method']:<10}  {row['mean_value']:<22.6f}  {row['difference_to_plug_in']:+.6f}")
    return found
