"""All measures of every group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyest.rollouts.measures.answers import answer_measures
from polyest.rollouts.measures.cells import Measured, cells_of
from polyest.rollouts.measures.drift import drift_measures
from polyest.rollouts.measures.success import score_measures, success_measures
from polyest.rollouts.statistics import UNITS

if TYPE_CHECKING:
    from polyest.rollouts.statistics import GroupStatistics

__all__ = ["group_measures"]


def group_measures(statistics: GroupStatistics, unit: str = "nats", effort: float = 1.0) -> dict[str, Measured]:
    """All measures of every group that the record allows; NaN where a group has none.

    Args:
        statistics: the groups.
        unit: of entropies, ``"nats"`` or ``"bits"``.
        effort: of the time for what takes too long to be known of every group, the share that these may take.
    """
    cells = cells_of(statistics)
    found = {f"value_{name}": Measured.without_error(values) for name, values in statistics.values.items()}
    found |= answer_measures(statistics, cells, effort=effort) | success_measures(statistics, cells, effort)
    found |= score_measures(statistics) | drift_measures(statistics)
    return {name: one.times(UNITS[unit]) if "entropy" in name else one for name, one in found.items()}
