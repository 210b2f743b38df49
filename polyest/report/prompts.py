"""The prompts of a page: a row for each, and the answers of its last step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import counted
from polyest.rollouts.measures.means import MeanOfGroups, decimals
from polyest.rollouts.measures.parts import numbered, parts_of, prompt_columns

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from polyest.rollouts.measures import PartsTable
    from polyest.rollouts.statistics import GroupStatistics

    Whole = NDArray[np.int64]

__all__ = ["MOST", "OF_PROMPTS", "prompt_rows", "text_of"]

MOST = 2000  # prompts of a page: half of them those that are most collapsed, half the others' end
BARS = 8  # answers of a prompt
LONGEST = 120  # characters of a prompt; of an answer half of it
SHOWN = ("entropy_aqp", "entropy_plug_in", "distinct", "singletons", "agreement", "no_answer", "correct")

OF_PROMPTS = (*SHOWN, "collision")  # by which they are ranked


def prompt_rows(statistics: GroupStatistics, table: PartsTable) -> dict[str, Any]:
    """Columns of the rows by rank of collapse, answers among them, and how many prompts there are in all."""
    ranks = table.collapse()
    order = np.argsort(np.where(ranks == 0, len(ranks) + 1, ranks), kind="stable")
    kept = order if len(order) <= MOST else np.concatenate([order[: MOST // 2], order[-(MOST - MOST // 2) :]])
    several = [item for item in table.columns.items() if item[0] != "run" or len({*item[1]}) > 1]
    places = sorted(several, key=lambda item: item[0] != "prompt")
    columns: dict[str, list[Any]] = {name: [text_of(column[i]) for i in kept] for name, column in places}
    columns["collapse_rank"] = [int(ranks[i]) or None for i in kept]
    for name in SHOWN:
        if name in table.means:
            columns[name] = [_rounded(table.means[name].of(i)) for i in kept]
    last, parts = _last_groups(statistics)
    shown = _bars(statistics, last[kept])
    steps = statistics.keys.get("step")
    return {
        "all": len(order),
        "columns": columns,
        "answers": shown,
        "last_step": None if steps is None else [text_of(steps[last[part]]) for part in kept],
        "visits": np.bincount(parts)[kept].tolist(),
    }


def _rounded(mean: MeanOfGroups) -> float | None:
    """To two digits of its error, and to three decimals where there is none."""
    if not mean.prompts:
        return None
    return round(mean.mean, decimals(mean.se_fixed) if mean.se_fixed > 0 else 3)


def _last_groups(statistics: GroupStatistics) -> tuple[Whole, Whole]:
    """The group of the last step of every prompt, and the prompt of every group."""
    parts, _ = parts_of(statistics, prompt_columns(statistics))
    steps = numbered(statistics.keys["step"])[0] if "step" in statistics.keys else np.zeros_like(parts)
    order = np.lexsort((steps, parts))
    ends = np.append(np.diff(parts[order]) > 0, True)
    return order[ends], parts


def _bars(statistics: GroupStatistics, groups: Whole) -> list[list[list[Any]]]:
    """Of every group: answer, completions, share of correct ones or none; the most frequent ones, which are read."""
    ranked = [_ranked(statistics, group) for group in groups.tolist()]
    wanted = np.array([entry for entries in ranked for entry in entries[:BARS]], np.int64)
    texts = iter(["?"] * len(wanted) if statistics.answers is None else map(_answer, statistics.answers(wanted)))
    return [
        [[next(texts), int(statistics.counts[i]), _share(statistics, i)] for i in entries[:BARS]]
        + _others(statistics, group, entries[BARS:])
        for group, entries in zip(groups.tolist(), ranked, strict=True)
    ]


def _ranked(statistics: GroupStatistics, group: int) -> list[int]:
    """The entries of a group, the most frequent first."""
    start, end = statistics.offsets[group : group + 2].tolist()
    ranked: list[int] = (np.argsort(-statistics.counts[start:end], kind="stable") + start).tolist()
    return ranked


def _others(statistics: GroupStatistics, group: int, entries: list[int]) -> list[list[Any]]:
    """The other answers together, then the completions without one."""
    missing = int(statistics.missing[group])
    bars = [[f"… {counted(len(entries), 'other')}", int(statistics.counts[entries].sum()), None]] if entries else []
    return [*bars, ["(no answer)", missing, None]] if missing else bars


def _answer(answer: Hashable) -> str:
    return text_of(answer, LONGEST // 2)


def _share(statistics: GroupStatistics, entry: int) -> float | None:
    if statistics.correct is None or np.isnan(statistics.correct[entry]):
        return None
    return round(float(statistics.correct[entry] / statistics.counts[entry]), 3)


def text_of(value: Hashable, longest: int = LONGEST) -> str:
    """Strings as they are, anything else as Python writes it; cut."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:
        text = "an integer of thousands of digits"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
