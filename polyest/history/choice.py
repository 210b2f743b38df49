"""Which table pays a pool, and how many of the earlier completions are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from polyest.errors import ArgumentError, TableNotFoundError, warn
from polyest.estimator import Estimator, load
from polyest.history.drift import drift_bounds, drift_sensitivity
from polyest.online.lookup import lookups
from polyest.problems.problem import LARGEST_GROUP, problem_of_answers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.history.pools import Pools
    from polyest.online.lookup import Lookup
    from polyest.problems.budget import BudgetArguments
    from polyest.problems.targets import Target

    Array = NDArray[np.float64]
    Sizes = NDArray[np.int64]

__all__ = ["Choice"]


class Bound(NamedTuple):
    """Of a table: the certified bias β, how strongly it reacts to one more match, and max c − min c."""

    bias: float
    sensitivity: float
    spread: float


NO_TABLE = Bound(np.inf, 0.0, 0.0)


class Choice:
    """The tables of a target, method and budget for pools of any size, and which completions are pooled.

    Args:
        target, method, budget, baseline: as in `polyest.load`.
        drift: see `polyest.history.TrainingHistory`.
    """

    def __init__(
        self,
        target: str | Target,
        method: str | None,
        budget: BudgetArguments,
        drift: float | None = None,
        baseline: str | None = None,
    ) -> None:
        problem_of_answers(target, LARGEST_GROUP, method, baseline=baseline, **budget)  # the arguments are checked
        self.target, self._method, self._budget = target, method, budget
        self._drift, self._baseline = drift, baseline
        self._found: dict[int, Estimator | TableNotFoundError | ArgumentError] = {}
        self._lookups: dict[int, Lookup] = {}
        self._bounds: dict[int, Bound] = {}

    def estimator(self, size: int) -> Estimator:
        """The table of a pool's size.

        Raises:
            TableNotFoundError, ArgumentError: there is none.
        """
        if size not in self._found:
            try:
                self._found[size] = load(self.target, size, self._method, baseline=self._baseline, **self._budget)
            except (TableNotFoundError, ArgumentError) as error:
                self._found[size] = error
        found = self._found[size]
        if isinstance(found, Estimator):
            return found
        raise found

    def lookups(self, sizes: list[int]) -> dict[int, Lookup]:
        """The same as the runtime takes them."""
        self._lookups |= lookups(self.estimator(size).problem for size in sizes if size not in self._lookups)
        return {size: self._lookups[size] for size in sizes}

    def chosen(self, pools: Pools) -> Pools:
        """The pools with their sizes: as many visits as make the bound least, as many completions as have a table.

        Raises:
            TableNotFoundError: there is no table for a prompt's new completions alone.
        """
        wanted = self._least_bound(pools) if self._drift and len(pools.sizes) else pools.pooled
        new = pools.sizes[:, 0]
        pairs = [*zip(wanted.tolist(), new.tolist(), strict=True)]
        found = {pair: self._largest(*pair) for pair in sorted({*pairs})}
        sizes = [found[pair] for pair in pairs]
        if lonely := sizes.count(1):
            warn(f"{lonely} of {len(sizes)} pools have one completion, which nothing can be compared with: scored NaN")
        return pools.take(np.array(sizes, np.int64))

    def _largest(self, size: int, least: int) -> int:
        """The largest size that has a table, from `least` to `size`."""
        for smaller in range(size, max(least, 2) - 1, -1):
            if self._exists(smaller):
                return smaller
        if size > 1:
            self.estimator(max(least, 2))
        return size

    def _exists(self, size: int) -> bool:
        try:
            self.estimator(size)
        except (TableNotFoundError, ArgumentError):
            return False
        return True

    def _least_bound(self, pools: Pools) -> Sizes:
        """The pool of the latest visits whose bias is bounded best (docs/convergence.md, section 5)."""
        sizes = np.minimum(np.cumsum(pools.sizes, axis=1), pools.pooled[:, None])
        apart = np.minimum(np.arange(pools.sizes.shape[1]) * (self._drift or 0.0), 1.0)
        totals = np.cumsum(np.diff(sizes, axis=1, prepend=0) * apart, axis=1)
        distinct, places = np.unique(sizes, return_inverse=True)
        bias, sensitivity, spread = np.array([self._bound(size) for size in distinct.tolist()]).T[:, places]
        drifted = drift_bounds(np.maximum(sizes, 2), totals, *(c.reshape(sizes.shape) for c in (sensitivity, spread)))
        best = np.argmin(bias.reshape(sizes.shape) + drifted, axis=1)
        return np.take_along_axis(sizes, best[:, None], axis=1)[:, 0]

    def _bound(self, size: int) -> Bound:
        if size not in self._bounds:
            self._bounds[size] = self._proved(size) if size > 1 and self._exists(size) else NO_TABLE
        return self._bounds[size]

    def _proved(self, size: int) -> Bound:
        table = self.estimator(size)
        c = table.coefficients if self._baseline is None else table.coefficients[:-1]
        return Bound(table.certificate.worst_case_bias.upper, drift_sensitivity(c), float(np.ptp(c)))
