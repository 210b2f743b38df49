"""The program of graded rewards beyond exact tables: least noise within a bias of the objective (docs/graded.md §7).

It minimises Σ w_m (c_m − μ_m)² as that of aqp does, subject to |∫_0^p (Q_c − r)| ≤ β on (0, 1] and Σ_m c_m = K·∫_0^1 r:
a constant added to all rewards then adds the same to the objective. Σ_m μ_m is that already.

In the running means c̃ of a table the first constraint is aqp's own, |p·(Q_c̃ − r̃)| ≤ β (`polyest.problems.objective`),
and in x_m = √(2w_m)(c_m − μ_m) the second is Σ_m x_m/√(2w_m) = 0: the rows are projected on that plane, so that all
that is combined from them lies in it. What solves the one program therefore solves the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from flint import arb, arb_mat

from polyest.numbers.conversion import Array
from polyest.numbers.jets import Jet
from polyest.offline.linear import identity
from polyest.offline.program import Bias, Program
from polyest.offline.rows import scales
from polyest.problems.objective import mean_slope

__all__ = ["GradedProgram"]


@dataclass(frozen=True)
class GradedProgram(Program):
    """The data of the program for one (target, K), the target a polynomial."""

    @cached_property
    def of_means(self) -> Program:
        """aqp's program for r̃, in the running means of the table."""
        return Program(mean_slope(self.target), self.group_size, self.ctx)

    def rows(self, points: Array) -> Array:
        """∫_0^p B_{m,K−1} at the points, shape (P, K)."""
        shares = self.of_means.rows(points) / np.arange(1, self.group_size + 1)
        return np.cumsum(shares[:, ::-1], axis=1)[:, ::-1]

    def scaled_rows(self, points: Array) -> tuple[arb_mat, arb_mat]:
        """Those rows and their derivatives, divided by √(2w_m) and projected, in FLINT's numbers."""
        values, slopes = self.of_means.scaled_rows(points)
        return (values * self._projected_means).mid(), (slopes * self._projected_means).mid()

    def weighted_target(self, points: Array) -> Jet[Array]:
        """∫_0^p r with two derivatives."""
        return self.of_means.weighted_target(points)

    def bias(self, coefficients: Array) -> Bias:
        """∫_0^p (Q_c − r) of a table c, to be evaluated at points."""
        sums = self.convert(accumulate(coefficients))
        return self.of_means.bias(sums / np.arange(1, self.group_size + 1))

    @cached_property
    def _projected_means(self) -> arb_mat:
        """x ↦ x̃, the running means in scaled unknowns, after the projection on Σ_m s_m x_m = 0."""
        s, K = scales(self.group_size), self.group_size
        means = arb_mat([[s[j] / (s[m] * (m + 1)) if j <= m else arb(0) for j in range(K)] for m in range(K)])
        normal = arb_mat(K, 1, s)
        onto = identity(K) - normal * normal.transpose() * (1 / (normal.transpose() * normal)[0, 0])
        return (means * onto).mid()
