"""How far a policy moved since the prompts of a batch were last visited, and whether pooling still pays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import warn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.history.pools import Pools

    Array = NDArray[np.float64]

__all__ = ["Movement", "Watch"]


@dataclass(frozen=True)
class Movement:
    """Of every prompt with at least two completions at this visit and two left of the one before, shape (n,) each.

    Attributes:
        squared_drifts: unbiased estimates of Σ_z (ν(z) − ν_before(z))²; single ones may be negative.
        collisions: unbiased estimates of Σ_z (ν(z)² + ν_before(z)²), which is what the drift would be if the two visits
            had no answer in common.
    """

    squared_drifts: Array
    collisions: Array

    @classmethod
    def of(cls, pools: Pools, most: int | None = None) -> Movement:
        """From a batch's pools, or the first few of them."""
        pools = pools.head(most).whole
        if pools.sizes.shape[1] == 1:
            return cls(np.zeros(0), np.zeros(0))
        chosen = np.flatnonzero(np.all(pools.sizes[:, :2] > 1, axis=1))
        n, b = pools.sizes[chosen, :2].T
        own, sizes = pools.compared, pools.sizes[pools.pooled > 1]
        age = np.repeat(np.tile(np.arange(sizes.shape[1])[::-1], len(sizes)), sizes[:, ::-1].reshape(-1))
        cells = own.starts[own.owner] + own.answers.codes  # of an answer, among those of its pool
        now, before = (np.bincount(cells[(age == a) & (own.answers.codes >= 0)], minlength=len(cells)) for a in (0, 1))
        same, within, earlier = (
            np.bincount(own.owner, pairs, len(pools.sizes))[chosen]
            for pairs in (now * before, now * (now - 1), before * (before - 1))
        )
        collisions = within / (n * (n - 1)) + earlier / (b * (b - 1))
        return cls(collisions - 2 * same / (n * b), collisions)

    @property
    def squared_drift(self) -> float:
        """The mean over the prompts; NaN for none."""
        return float(self.squared_drifts.mean()) if len(self.squared_drifts) else math.nan


class Watch:
    """Warns once where pooling is useless: the policy is another one at each visit, or `drift` forbids every pool.

    Args:
        drift: see `polyest.history.TrainingHistory`.
        section: what stands before an argument's name.
    """

    ENOUGH = 16  # prompts
    MOST = 64  # of a batch that are looked at
    SIGMAS = 4.0

    def __init__(self, drift: float | None, section: str = "") -> None:
        self._drift, self._section = drift, section
        self._excess = np.zeros(3)  # of squared drifts over half the collisions: number, sum, sum of squares
        self._squared = 0.0
        self._alone = 0
        self._is_done = False

    def note(self, pools: Pools) -> None:
        """Look at one more batch."""
        if self._is_done or pools.sizes.shape[1] == 1:
            return
        if self._drift is not None:
            pooled = pools.pooled[pools.seen] > pools.sizes[pools.seen, 0]
            self._alone += len(pooled)
            self._is_done = bool(pooled.any())
            if not self._is_done and self._alone >= self.ENOUGH:
                self._warn(
                    f"`{self._section}drift` {self._drift:g} makes the bound on the bias least with a single visit: of "
                    f"{self._alone} prompts that came back none was pooled; set a smaller drift if the policy moves "
                    f"less, {self._section}drift=None to pool all the same, or {self._section}visits=1"
                )
            return
        movement = Movement.of(pools, self.MOST)
        excess = movement.squared_drifts - movement.collisions / 2
        self._excess += np.array([len(excess), excess.sum(), excess @ excess])
        self._squared += float(movement.squared_drifts.sum())
        if self._excess[0] >= self.ENOUGH and self._is_certain():
            apart = math.sqrt(max(self._squared / self._excess[0], 0.0))
            drift = f"{self._section}drift={min(apart, 1.0):.1g}"
            self._warn(
                f"`{self._section}visits` pools answers of another policy: from one visit to the next the answers to a "
                f"prompt change by {apart:.2g} (root of the mean squared drift), more than half of what they could; "
                f"set {self._section}visits=1 or a smaller learning rate, or {drift}, which "
                "pools only where the bound on the bias gains from it"
            )

    def _is_certain(self) -> bool:
        n, total, squares = self._excess.tolist()
        return total > self.SIGMAS * math.sqrt(max(squares - total * total / n, 0.0))

    def _warn(self, text: str) -> None:
        self._is_done = True
        warn(text)
