"""The curves of a page, over steps and over k, with their values and in words."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from polyest.report.figures import ANYWHERE, Axis, Curve, drawn, in_words
from polyest.report.prompts import text_of
from polyest.rollouts.measures import Means, PartsTable, about
from polyest.rollouts.measures.parts import TO_STEP
from polyest.uncertainty.student import two_sided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Range = tuple[float, float]

__all__ = ["Figure", "figures_of"]

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
SHARES = ("Singletons", "Agreement", "Without an answer", "Correct", "pass@k", "vote@k", "majority@k")
AMOUNTS = ("Entropy", "Distinct answers", "Entropy of the correct answers")
SCORES = ("Score", "Best of n")
RANGES = dict.fromkeys(SHARES, (0.0, 1.0)) | dict.fromkeys(AMOUNTS, (0.0, np.inf))
RANGES["Effective number of answers"] = (1.0, np.inf)
WORDS = {
    "Entropy": "solid: aqp, with little bias; dotted: what the frequency (plug_in) would have shown",
    "Score": "the mean score of a completion",
    "Agreement": "solid: share of the most frequent answer; dotted: probability that two answers agree",
}


@dataclass(frozen=True)
class Figure:
    """A picture with its title, what it shows, its curves in words, and their values, which the page's script reads."""

    title: str
    caption: str
    svg: str
    words: str
    values: dict[str, Any]

    @classmethod
    def of(cls, title: str, caption: str, curves: Sequence[Curve], axis: Axis, within: Range) -> Figure:
        """The curves over this axis, of a measure within two numbers."""
        svg, frame = drawn(curves, axis, within)
        shown = [curve.values() for curve in curves]
        over = {"axis": axis.label, "names": axis.names, "is_log": axis.is_log}
        return cls(title, caption, svg, in_words(curves, axis), {"title": title, **over, **frame, "curves": shown})


def figures_of(steps: PartsTable | None, runs: PartsTable, unit: str, scores: Range = ANYWHERE) -> list[Figure]:
    """Over steps, if there are several, and over k; `scores` are the least and the greatest of the log."""
    ranges = RANGES | dict.fromkeys(SCORES, scores)
    if not runs.means["no_answer"].mean.any():
        ranges["Distinct answers"] = (1.0, np.inf)
    found = [] if steps is None else _over_steps(steps, unit, ranges)
    ends = _ends(steps) if steps else [(runs, part, part, "solid", "") for part in range(len(runs.most))]
    place = f"last {_each(steps)} solid, first {_each(steps)} dashed" if steps else ""
    names = _names(runs)
    for title, pattern in BY_K.items():
        curves = [
            _over_k(table.means, pattern, part, colour, style, _label(names[colour], when))
            for table, part, colour, style, when in ends
        ]
        if max((len(curve.x) for curve in curves), default=0) > 1:
            words = "; ".join(filter(None, [about(pattern.format(1)), place]))
            axis = Axis(title[-1], is_log=True)
            found.append(Figure.of(title, words, curves, axis, ranges.get(title, ANYWHERE)))
    return found


def _over_steps(steps: PartsTable, unit: str, ranges: Mapping[str, Range]) -> list[Figure]:
    found = []
    (x, axis), names = _places(steps), _names(steps)
    for title, wanted in BY_STEP.items():
        curves = [
            Curve(
                x[own],
                means.mean[own],
                _reach(means)[own],
                colour,
                style,
                _label(names[colour], name if len(wanted) > 1 else ""),
            )
            for name, style in wanted
            if (means := steps.means.get(name)) is not None
            for colour, own in enumerate(_by_run(steps))
        ]
        if curves and not all(np.isnan(curve.y).all() for curve in curves):
            words = WORDS.get(title, about(wanted[0][0]))
            name = f"{title} ({unit})" if "ntropy" in title else title
            found.append(Figure.of(name, words, curves, axis, ranges.get(title, ANYWHERE)))
    return found


def _names(table: PartsTable) -> list[str]:
    """What the runs are called; nothing, if there is one."""
    runs = [*dict.fromkeys(table.columns.get("run", [""]))]
    return [str(run) if len(runs) > 1 else "" for run in runs]


def _label(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _by_run(steps: PartsTable) -> list[NDArray[np.int64]]:
    """The parts of each run, by step."""
    runs = steps.columns.get("run", [""] * len(steps.most))
    numbers = {run: i for i, run in enumerate(dict.fromkeys(runs))}
    codes = np.array([numbers[run] for run in runs])
    return [np.flatnonzero(codes == number) for number in range(len(numbers))]


def _ends(steps: PartsTable) -> list[tuple[PartsTable, int, int, str, str]]:
    """The first and last step of each run: table, part, colour, style, what it is."""
    names = _named(steps.columns)
    return [
        (steps, int(own[end]), colour, style, f"{_each(steps)} {names[own[end]]}")
        for colour, own in enumerate(_by_run(steps))
        for end, style in ((0, "dashed"), (-1, "solid"))
    ]


def _each(steps: PartsTable) -> str:
    """What a point over steps is of."""
    return "steps" if TO_STEP in steps.columns else "step"


def _named(columns: Mapping[str, Sequence[Hashable]]) -> list[str]:
    """The step of every part; of a span the first and the last."""
    firsts, lasts = ([*map(text_of, columns[name])] for name in ("step", TO_STEP if TO_STEP in columns else "step"))
    return [first if first == last else f"{first} to {last}" for first, last in zip(firsts, lasts, strict=True)]


def _places(steps: PartsTable) -> tuple[Array, Axis]:
    """Where steps stand on the axis, which has all of them: at their numbers, spans in their middle, or in order."""
    firsts, names = steps.columns["step"], _named(steps.columns)
    spans = [*zip(firsts, steps.columns.get(TO_STEP, firsts), strict=True)]
    if all(isinstance(end, int) for span in spans for end in span):
        label = _each(steps)
        x = [(first + last) // 2 for first, last in cast("list[tuple[int, int]]", spans)]
    else:
        order = {span: i for i, span in enumerate(dict.fromkeys(spans))}
        label, x = "steps in order", [order[span] for span in spans]
    shown = None if label == "step" else dict(zip(x, names, strict=True))
    return np.array(x, np.float64), Axis(label, shown, ends=(min(x), max(x)))


def _reach(means: Means) -> Array:
    """Half of a 95 % interval: over prompts, or over completions where there is one prompt."""
    numbers, which = np.unique(np.clip(means.prompts, 1, 100), return_inverse=True)  # beyond they hardly change
    random = np.array([*map(_quantile, numbers.tolist())])[which] * means.se_random
    return np.where(np.isnan(random), 1.96 * means.se_fixed, random)


@lru_cache(maxsize=100)
def _quantile(prompts: int) -> float:
    """Student's for the mean over so many."""
    return two_sided(0.95, max(prompts - 1.0, 1.0))


def _over_k(means: Mapping[str, Means], pattern: str, part: int, colour: int, style: str, label: str) -> Curve:
    prefix, suffix = pattern.split("{}")
    ks = [int(name[len(prefix) : len(name) - len(suffix)]) for name in means if name.startswith(prefix)]
    ks = [k for k in ks if means[pattern.format(k)].prompts[part]]
    columns = [(means[pattern.format(k)].mean[part], _reach(means[pattern.format(k)])[part]) for k in ks]
    y, error = np.array(columns, np.float64).reshape(-1, 2).T
    return Curve(np.array(ks, np.float64), y, error, colour, style, label)
