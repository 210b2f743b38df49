"""What the page holds: figures, tables, warnings and prompts, all from the measures of a log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.report.curves import Figure, figures_of
from polyest.report.figures import ANYWHERE, COLOURS
from polyest.report.prompts import Prompts
from polyest.rollouts.measures import UNITS, Difference, Gathering, PartsTable, Records, about, columns_of, measure
from polyest.rollouts.measures.parts import TO_STEP, prompt_columns, step_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.measures import Measured
    from polyest.rollouts.statistics import GroupStatistics

    Array = NDArray[np.float64]

__all__ = ["Report", "report_of"]

MOST = 1000  # points of a curve over steps, for each of which a page has a pixel at most


@dataclass(frozen=True)
class Report:
    """What the template takes; `data` is what the script in the page reads."""

    title: str
    unit: str
    facts: list[tuple[str, str]]
    read_as: str
    runs: list[tuple[int, str]]
    warnings: list[str]
    note: str
    figures: list[Figure]
    measures: list[tuple[str, list[str], str]]
    differences: list[dict[str, str]]
    data: dict[str, Any]


def report_of(records: Records, title: str, unit: str = "nats", read_as: str = "") -> Report:
    """Measure everything, and draw it.

    Args:
        records: of the log, with their answers.
        title: of the page.
        unit: of entropies, ``"nats"`` or ``"bits"``.
        read_as: what the log was taken for.
    """
    seen = Seen()
    by_run, by_step = Gathering(), Gathering()
    compared = measure(records, {by_run: _by_run, by_step: _by_step}, unit, [seen.add])
    runs, steps = by_run.table(UNITS[unit]), by_step.table(UNITS[unit])
    has_steps = len({*steps.columns.get("step", ())}) > 1
    figures = figures_of(steps if has_steps else None, runs, unit, seen.scores or ANYWHERE)
    assert seen.prompts is not None
    return Report(
        title,
        unit,
        [*seen.facts(), *_entropies(runs, unit)],
        read_as,
        [(i % COLOURS, str(name)) for i, name in enumerate(seen.runs)],
        (steps if has_steps else runs).advice(),
        _note(steps, seen.steps),
        figures,
        _measures(runs),
        [_difference(one) for one in compared],
        {
            "unit": unit,
            "runs": _columns(runs),
            "steps": _columns(steps) if has_steps else None,
            "figures": [figure.values for figure in figures],
            "prompts": seen.prompts.rows(),
        },
    )


def _by_run(record: GroupStatistics) -> dict[str, list[Hashable]]:
    return columns_of(record, "run" if len(record.runs) > 1 else None)


def _by_step(record: GroupStatistics) -> dict[str, list[Hashable]]:
    if "step" not in record.keys:
        return {}
    return columns_of(record, "step") | step_spans(record, MOST)


def _note(steps: PartsTable, number: int) -> str:
    """What a point is, where it is no step."""
    if TO_STEP not in steps.columns:
        return ""
    return (
        f"Of {number:,} steps {-(-number // MOST):,} at a time are one point: each prompt counts with its mean there."
    )


class Seen:
    """What is kept of the records of a log besides the tables."""

    def __init__(self) -> None:
        self.prompts: Prompts | None = None
        self.sizes, self.different = Counter[int](), 0
        self.runs, self.steps = list[Hashable](), 0
        self.scores: tuple[float, float] | None = None

    def add(self, record: GroupStatistics, measures: Mapping[str, Measured]) -> None:
        """Another record."""
        prompts = Prompts.of(record, measures)
        self.prompts = self.prompts.plus(prompts) if self.prompts else prompts
        sizes, counts = np.unique(record.sizes, return_counts=True)
        self.sizes.update(dict(zip(sizes.tolist(), counts.tolist(), strict=True)))
        names = [name for name in prompt_columns(record) if name != "run"]
        self.different += len({*zip(*(record.keys[name] for name in names), strict=True)})
        self.runs = record.runs
        self.steps = len(record.all_steps) or len({*record.keys.get("step", ())})
        if record.scores is not None and record.scores.size:
            least, most = self.scores or (np.inf, -np.inf)
            self.scores = min(least, float(record.scores.min())), max(most, float(record.scores.max()))

    def facts(self) -> list[tuple[str, str]]:
        """How much there is of what."""
        often = sorted(self.sizes, key=lambda size: (-self.sizes[size], size))
        sizes = ", ".join(map(str, often[:3])) + (" …" if len(often) > 3 else "")
        completions = sum(size * count for size, count in self.sizes.items())
        found = [("completions", f"{completions:,}"), ("prompts", f"{self.different:,}")]
        found.append(("completions of a group", sizes))
        numbers = {"steps": self.steps, "runs": len(self.runs)}
        return found + [(name, f"{number:,}") for name, number in numbers.items() if number > 1]


def _measures(runs: PartsTable) -> list[tuple[str, list[str], str]]:
    """Name, mean of every run, and what it estimates, which is said once of neighbours."""
    sentences = [about(name) for name in runs.means]
    return [
        (name, [str(mean.of(run)) for run in range(len(runs.most))], "" if sentence == before else sentence)
        for (name, mean), sentence, before in zip(runs.means.items(), sentences, ["", *sentences], strict=False)
    ]


def _entropies(runs: PartsTable, unit: str) -> list[tuple[str, str]]:
    """Of one run, over all its prompts: the entropy, harmonic's where aqp has no table for some, and plug_in's."""
    names = ("entropy_aqp", "entropy_harmonic", "entropy_plug_in")
    if len(runs.most) != 1 or not {*names} <= runs.means.keys():
        return []
    aqp, harmonic, plug_in = (runs.means[name].of(0) for name in names)
    entropy = f"entropy in {unit}"
    shown = (entropy, aqp) if aqp.prompts == plug_in.prompts else (f"{entropy}, by harmonic", harmonic)
    return [(text, str(mean)) for text, mean in (shown, ("plug_in would have shown", plug_in))]


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
