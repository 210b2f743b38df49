"""What the page holds: figures, tables, warnings and prompts, all from the measures of a log."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.report.curves import Figure, figures_of
from polyest.report.figures import ANYWHERE, COLOURS
from polyest.report.prompts import OF_PROMPTS, prompt_rows
from polyest.rollouts.measures import (
    UNITS,
    Difference,
    PartsTable,
    about,
    columns_of,
    differences,
    group_measures,
    parts_table,
)
from polyest.rollouts.measures.parts import prompt_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]

__all__ = ["Report", "report_of"]


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
    figures = figures_of(steps, runs, unit, _range(statistics))
    return Report(
        title,
        unit,
        [*_facts(statistics, len(names)), *_entropies(runs, unit)],
        [(i % COLOURS, str(name)) for i, name in enumerate(names)],
        told,
        figures,
        _measures(runs),
        [_difference(one) for one in compared],
        {
            "unit": unit,
            "runs": _columns(runs),
            "steps": _columns(steps) if steps else None,
            "figures": [figure.values for figure in figures],
            "prompts": prompts,
        },
    )


def _range(statistics: GroupStatistics) -> tuple[float, float]:
    """The least and the greatest score."""
    scores = statistics.scores
    return ANYWHERE if scores is None else (float(scores.min()), float(scores.max()))


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
