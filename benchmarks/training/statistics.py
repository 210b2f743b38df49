"""Means over seeds with 95 % intervals of Student's t; everything compared is paired by seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t

from benchmarks.training.metrics import METRICS

__all__ = ["Interval", "Results", "closed", "interval"]


@dataclass(frozen=True)
class Interval:
    """A mean and the half width of its 95 % interval."""

    mean: float
    half: float

    def text(self, digits: int, scale: float = 1.0, unit: str = "") -> str:
        """Such as ``0.157 ± 0.004``."""
        spread = "" if np.isnan(self.half) else f" ± {self.half * scale:.{digits}f}"
        return f"{self.mean * scale:.{digits}f}{spread}{unit}"

    @property
    def excludes_zero(self) -> bool:
        return bool(abs(self.mean) > self.half)


def interval(values: Iterable[float]) -> Interval:
    """The mean of one number per seed."""
    x = np.array(list(values))
    if len(x) < 2:
        return Interval(float(x.mean()), float("nan"))
    return Interval(float(x.mean()), float(t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))))


class Results:
    """Results by arm, K and seed."""

    def __init__(self, results: Iterable[dict[str, Any]]) -> None:
        self._by_run = {(r["run"]["arm"], r["run"]["group_size"], r["run"]["seed"]): r for r in results}

    def seeds(self, arm: str, group_size: int) -> list[dict[str, Any]]:
        """The results of an arm, in the order of the seeds."""
        found = sorted(seed for name, K, seed in self._by_run if (name, K) == (arm, group_size))
        return [self._by_run[arm, group_size, seed] for seed in found]

    def common(self, group_size: int, *arms: str) -> list[int]:
        """The seeds that all these arms have been run with."""
        found = [{seed for name, K, seed in self._by_run if (name, K) == (arm, group_size)} for arm in arms]
        return sorted(set.intersection(*found))

    def group_sizes(self) -> list[int]:
        return sorted({K for _, K, _ in self._by_run})

    def final(self, arm: str, group_size: int, metric: str, seeds: Sequence[int] | None = None) -> np.ndarray:
        """A metric at the end of training, for these seeds or all, shape (seeds,)."""
        chosen = self.common(group_size, arm) if seeds is None else seeds
        found = [self._by_run[arm, group_size, seed] for seed in chosen]
        return np.array([r["evaluations"][metric][-1] if metric in METRICS else r[metric] for r in found])

    def course(self, arm: str, group_size: int, metric: str) -> np.ndarray:
        """A metric over the training, shape (seeds, evaluations)."""
        return np.array([result["evaluations"][metric] for result in self.seeds(arm, group_size)])


def closed(results: Results, arm: str, group_size: int, start: str) -> Interval:
    """The part of the gap between the arm `start` and the oracle that an arm closes, over the seeds that all have."""
    arms = (start, "oracle", arm)
    seeds = results.common(group_size, *arms)
    begin, end, reached = (results.final(name, group_size, "gap", seeds) for name in arms)
    return interval((begin - reached) / (begin - end))
