"""The report: what was predicted, what came out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial

from benchmarks.training.prediction import best, predicted
from benchmarks.training.settings import ARMS
from benchmarks.training.statistics import Results, closed, interval

__all__ = ["report"]

GOALS = {"aqp": 50, "aqp_exact": 50, "aqp_4_visits": 95, "harmonic_16_visits": 95}  # percent of the gap

HEAD = (
    "arm",
    "predicted F* − F",
    "F* − F reached",
    "entropy (nats)",
    "right answers alive",
    "accuracy (%)",
    "gap closed, from plug_in centred",
    "from TRL's defaults",
    "ms per step",
)


def report(results: Results) -> str:
    """The whole report, in Markdown."""
    sections = [
        "# A training run\n",
        "Written by `python -m benchmarks.training`, whose module docstring has the task and what was expected. "
        "Means over prompts, then over seeds with 95 % intervals of Student's t; what is compared is paired by seed. "
        '"Predicted" is the equilibrium of the game that the arm\'s expected updates play; "alive" are the right '
        'answers with at least a tenth of their mass at the optimum; "gap closed" is the part of the difference in '
        "F* − F between the named arm and the oracle.\n",
    ]
    sections += ["## In short\n", summary(results)]
    for K in results.group_sizes():
        sections += [f"## K = {K}\n", table(results, K), *verdicts(results, K)]
    figure = (
        "![distance to the optimum over the training](gap.png)\n\nLines: means; bands: all seeds; dots: predicted\n"
    )
    return "\n".join([*sections, figure])


def summary(results: Results) -> str:
    """Both group sizes side by side, for the README."""
    sizes = results.group_sizes()
    head = ["", *(f"K = {K}: {name}" for K in sizes for name in ("F* − F", "alive", "gap closed"))]
    lines = [head, ["---"] * len(head)]
    for arm, title in ARMS.items():
        cells = [title]
        for K in sizes:
            if not results.common(K, arm):
                cells += ["not run", "", ""]
                continue
            gap, alive = (interval(results.final(arm, K, name)) for name in ("gap", "alive"))
            cells += [gap.text(3), alive.text(1), share(results, arm, K, "plug_in")]
        lines.append(cells)
    return markdown(lines)


def table(results: Results, group_size: int) -> str:
    """A line per arm."""
    optimum = best()
    known = ["0", "", f"{optimum['entropy']:.2f}", f"{optimum['alive']:.0f}", f"{100 * optimum['accuracy']:.1f}"]
    lines = [["(the optimum)", *known, "", "", ""]] + [
        line(results, arm, group_size) for arm in ARMS if results.common(group_size, arm)
    ]
    return markdown([list(HEAD), ["---"] * len(HEAD), *lines])


def line(results: Results, arm: str, group_size: int) -> list[str]:
    """What an arm reached."""
    final = {
        name: interval(results.final(arm, group_size, name))
        for name in ("gap", "entropy", "alive", "accuracy", "seconds_per_step")
    }
    expected = predicted(arm, group_size)
    return [
        f"{ARMS[arm]} ({len(results.common(group_size, arm))} seeds)",
        "–" if expected is None else f"{expected['gap']:.3f}",
        final["gap"].text(3),
        final["entropy"].text(2),
        final["alive"].text(1),
        final["accuracy"].text(1, 100),
        *(share(results, arm, group_size, start) for start in ("plug_in", "trl_default")),
        final["seconds_per_step"].text(0, 1000),
    ]


def share(results: Results, arm: str, group_size: int, start: str) -> str:
    """The part of the gap closed, in words; the two ends are 0 and 1 by definition."""
    if arm in (start, "oracle"):
        return "0" if arm == start else "100 %"
    if not results.common(group_size, start, "oracle", arm):
        return "–"
    return closed(results, arm, group_size, start).text(0, 100, " %")


def verdicts(results: Results, group_size: int) -> list[str]:
    """The two questions of the benchmark, answered by the numbers."""
    if not (seeds := results.common(group_size, "plug_in", "oracle")):
        return ["plug_in or the oracle was not run: nothing to compare with.\n"]
    gap = partial(results.final, group_size=group_size, metric="gap", seeds=seeds)
    lead = interval(gap("plug_in") - gap("oracle"))
    word = "the task can tell" if lead.excludes_zero else "**the task cannot tell**"
    lines = [
        f"plug_in (centred) ends {lead.text(3)} further from the optimum than the oracle: "
        + ("one seed has no interval.\n" if math.isnan(lead.half) else f"{word}.\n")
    ]
    for arm, goal in GOALS.items():
        if not results.common(group_size, arm, "plug_in", "oracle"):
            continue
        part = closed(results, arm, group_size, "plug_in")
        word = f"at least {goal} %" if 100 * part.mean >= goal else f"**less than {goal} %**"
        lines.append(f"{ARMS[arm]}: closes {part.text(0, 100, ' %')} of it, {word}.\n")
    return lines


def markdown(lines: Iterable[list[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"
