"""What the page holds: figures, tables, warnings and prompts, all from the measures of a log."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.report.figures import COLOURS, Curve, svg
from polyest.report.prompts import OF_PROMPTS, prompt_rows
from polyest.rollouts.measures import (
    UNITS,
    Difference,
    Means,
    PartsTable,
    about,
    columns_of,
    differences,
    group_measures,
    parts_table,
)
from polyest.rollouts.measures.parts import prompt_columns
from polyest.uncertainty.student import two_sided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]

__all__ = ["Figure", "Report", "report_of"]

BY_STEP = {
    "Entropy": (("entropy_aqp", "solid"), ("entropy_plug_in", "dotted")),
    "Effective number of answers": (("effective_answers", "solid"),),
    "Distinct answers": (("distinct", "solid"),),
    "Singletons": (("singletons", "solid"),),
    "Agreement": (("agreement", "solid"), ("collision", "dotted")),
    "Without an answer": (("no_answer", "solid"),),
    "Correct": (("correct", "solid"),),
    "Entropy of the correct answers": (("correct_entropy", "solid"),),
    "Score": (("best_of(1)", "solid"),),
    "Change from step to step": (("drift", "solid"),),
}
BY_K = {"pass@k": "pass@{}", "vote@k": "vote@{}", "majority@k": "majority@{}", "Best of n": "best_of({})"}
WORDS = {
    "Entropy": "solid: aqp; dotted: what plug_in would have shown",
    "Score": "the mean score of a completion",
    "Agreement": "solid: share of the most frequent answer; dotted: probability that two answers agree",
}


@dataclass(frozen=True)
class Figure:
    """A picture with its title and what it shows."""

    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Report:
    """What the template takes; `data` is what the script in the page reads."""

    title: str
    unit: str
    facts: list[tuple[str, str]]
    runs: list[tuple[int, str]]
    warnings: list[str]
    figures: list[Figure]
    measures: list[tuple[str, list[str], str]]
    differences: list[dict[str, str]]
    data: dict[str, Any]


def report_of(statistics: GroupStatistics, title: str, unit: str = "nats") -> Report:
    """Measure everything, and draw it.

    Args:
        statistics: the groups, with their answers.
        title: of the page.
        unit: of entropies, ``"nats"`` or ``"bits"``.
    """
    measures, per_nat = group_measures(statistics, unit), UNITS[unit]
    names = [*dict.fromkeys(statistics.keys.get("run", [""]))]
    runs = parts_table(statistics, measures, ["run"] if len(names) > 1 else [], per_nat)
    steps = _steps(statistics, measures, per_nat)
    told = (steps or runs).advice()
    compared = differences(statistics, measures)
    few = {name: measured for name, measured in measures.items() if name in OF_PROMPTS}
    prompts = prompt_rows(statistics, parts_table(statistics, few, columns_of(statistics, "prompt"), per_nat))
    return Report(
        title,
        unit,
        [*_facts(statistics, len(names)), *_entropies(runs, unit)],
        [(i % COLOURS, str(name)) for i, name in enumerate(names)],
        told,
        _figures(steps, runs, unit),
        _measures(runs),
        [_difference(one) for one in compared],
        {"unit": unit, "runs": _columns(runs), "steps": _columns(steps) if steps else None, "prompts": prompts},
    )


def _measures(runs: PartsTable) -> list[tuple[str, list[str], str]]:
    """Name, mean of every run, and what it estimates, which is said once of neighbours."""
    sentences = [about(name) for name in runs.means]
    return [
        (name, [str(mean.of(run)) for run in range(len(runs.most))], "" if sentence == before else sentence)
        for (name, mean), sentence, before in zip(runs.means.items(), sentences, ["", *sentences], strict=False)
    ]


def _steps(statistics: GroupStatistics, measures: Mapping[str, Any], per_nat: float) -> PartsTable | None:
    if len({*statistics.keys.get("step", ())}) < 2:
        return None
    return parts_table(statistics, measures, columns_of(statistics, "step"), per_nat)


def _facts(statistics: GroupStatistics, runs: int) -> list[tuple[str, str]]:
    sizes, counts = np.unique(statistics.sizes, return_counts=True)
    often = [f"{size}" for size in sizes[np.argsort(-counts)][:3].tolist()]
    prompts = len({*zip(*(statistics.keys[name] for name in prompt_columns(statistics) if name != "run"), strict=True)})
    found = [
        ("completions", f"{int(statistics.sizes.sum()):,}"),
        ("prompts", f"{prompts:,}"),
        ("completions of a group", ", ".join(often) + (" …" if len(sizes) > 3 else "")),
    ]
    steps = len({*statistics.keys.get("step", ())})
    return found + ([("steps", f"{steps:,}")] if steps > 1 else []) + ([("runs", str(runs))] if runs > 1 else [])


def _entropies(runs: PartsTable, unit: str) -> list[tuple[str, str]]:
    """Of one run: its entropy, and what plug_in would have shown."""
    words = {"entropy_aqp": f"entropy in {unit}", "entropy_plug_in": "plug_in would have shown"}
    if len(runs.most) != 1 or not words.keys() <= runs.means.keys():
        return []
    return [(text, str(runs.means[name].of(0))) for name, text in words.items()]


def _figures(steps: PartsTable | None, runs: PartsTable, unit: str) -> list[Figure]:
    found = [] if steps is None else _over_steps(steps, unit)
    ends = _ends(steps) if steps else [(runs, part, part, "solid") for part in range(len(runs.most))]
    place = "last step solid, first step faint" if steps else ""
    for title, pattern in BY_K.items():
        curves = [_over_k(table.means, pattern, part, colour, style) for table, part, colour, style in ends]
        if max((len(curve.x) for curve in curves), default=0) > 1:
            words = "; ".join(filter(None, [about(pattern.format(1)), place]))
            found.append(Figure(title, words, svg(curves, title[-1], powers=True)))
    return found


def _over_steps(steps: PartsTable, unit: str) -> list[Figure]:
    found = []
    x, label = _places(steps.columns["step"])
    for title, wanted in BY_STEP.items():
        curves = [
            Curve(x[own], means.mean[own], _reach(means)[own], colour, style)
            for name, style in wanted
            if (means := steps.means.get(name)) is not None
            for colour, own in enumerate(_by_run(steps))
        ]
        if curves and not all(np.isnan(curve.y).all() for curve in curves):
            words = WORDS.get(title, about(wanted[0][0]))
            found.append(Figure(f"{title} ({unit})" if "ntropy" in title else title, words, svg(curves, label)))
    return found


def _by_run(steps: PartsTable) -> list[NDArray[np.int64]]:
    """The parts of each run, by step."""
    runs = steps.columns.get("run", [""] * len(steps.most))
    numbers = {run: i for i, run in enumerate(dict.fromkeys(runs))}
    codes = np.array([numbers[run] for run in runs])
    return [np.flatnonzero(codes == number) for number in range(len(numbers))]


def _ends(steps: PartsTable) -> list[tuple[PartsTable, int, int, str]]:
    """The first and last step of each run: table, part, colour, style."""
    return [
        (steps, int(own[end]), colour, style)
        for colour, own in enumerate(_by_run(steps))
        for end, style in ((0, "faint"), (-1, "solid"))
    ]


def _places(steps: Sequence[Hashable]) -> tuple[Array, str]:
    """Where steps stand on the axis: at their numbers, or in order."""
    if all(isinstance(step, int) for step in steps):
        return np.array(steps, np.float64), "step"
    order = {step: i for i, step in enumerate(dict.fromkeys(steps))}
    return np.array([order[step] for step in steps], np.float64), "steps in order"


def _reach(means: Means) -> Array:
    """Half of a 95 % interval: over prompts, or over completions where there is one prompt."""
    random = _quantiles()[np.clip(means.prompts, 1, 100) - 1] * means.se_random
    return np.where(np.isnan(random), 1.96 * means.se_fixed, random)


@lru_cache(maxsize=1)
def _quantiles() -> Array:
    """Student's for means over 1 to 100 prompts, beyond which they hardly change."""
    return np.array([two_sided(0.95, max(n - 1.0, 1.0)) for n in range(1, 101)])


def _over_k(means: Mapping[str, Means], pattern: str, part: int, colour: int, style: str) -> Curve:
    prefix, suffix = pattern.split("{}")
    ks = [int(name[len(prefix) : len(name) - len(suffix)]) for name in means if name.startswith(prefix)]
    ks = [k for k in ks if means[pattern.format(k)].prompts[part]]
    columns = [(means[pattern.format(k)].mean[part], _reach(means[pattern.format(k)])[part]) for k in ks]
    y, error = np.array(columns, np.float64).reshape(-1, 2).T
    return Curve(np.array(ks, np.float64), y, error, colour, style)


def _difference(one: Difference) -> dict[str, str]:
    (low, high), (difference, interval) = one.mean.interval(), one.texts()
    pairs = f"{one.paired:,}" if one.paired else "none in common"
    clear = "" if low <= 0 <= high else "yes"
    return {
        "run": str(one.run),
        "measure": one.measure,
        "difference": difference,
        "interval": interval,
        "pairs": pairs,
        "is_clear": clear,
    }


def _columns(table: PartsTable) -> dict[str, Any]:
    """A table as columns of numbers, six digits of each; NaN is null."""
    means = {
        name: {key: _numbers(getattr(mean, key)) for key in ("mean", "se_random", "se_fixed")}
        | {"prompts": mean.prompts.tolist()}
        for name, mean in table.means.items()
    }
    return {"columns": {name: [*map(_plain, column)] for name, column in table.columns.items()}, "measures": means}


def _numbers(column: Array) -> list[float | None]:
    return [None if np.isnan(number) else float(f"{number:.6g}") for number in column.tolist()]


def _plain(value: Hashable) -> int | str:
    return value if isinstance(value, int) else str(value)
