"""The exchange of constraint points in multi-precision, for budgets so close to E*_K that float64 cannot settle it.

Near the solution this is slower than local reduction (linear, unless about K points are active), but it gets there from
anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import gmpy2
import numpy as np
from numpy.typing import NDArray

from polyest.offline.exchange import Constraints
from polyest.offline.linear import column, gram, number
from polyest.offline.numbers import Array, Floats
from polyest.offline.peaks import HIGH, PER_GAP, peaks_of
from polyest.offline.program import Optimum, Program
from polyest.offline.quadratic import by_active_set

__all__ = ["OneSided", "one_sided"]


@dataclass(frozen=True)
class OneSided:
    """The program at β, with a constraint of one sign at each point.

    Attributes:
        program: in multi-precision.
        beta: the bias budget, a number of the program's arithmetic.
        slack: as in `exchange.exchanged`; the peaks are refined as far as it asks for.
    """

    program: Program
    beta: gmpy2.mpfr
    slack: float

    joining, rounding = HIGH, 0.0

    def __str__(self) -> str:
        return f"{self.program.target.name}, β = {float(self.beta):.3e}, in multi-precision"

    def solved(self, constraints: Constraints) -> Optimum[Array]:
        """The solution with these constraints, and its active points in order."""
        program, points, signs = self.program, constraints.points, constraints.signs
        rows, _ = program.scaled_rows(points)
        bayes = column(program.bias(program.means).values(points))
        active = np.flatnonzero(constraints.multipliers * signs > 0)
        found = by_active_set(gram(rows), bayes, signs.tolist(), number(self.beta), active)
        multipliers, c = program.convert(found.entries()), program.unscaled(-rows.transpose() * found)
        order = np.argsort(points)
        return Optimum(c, points[order], multipliers[order]).active()

    def peaks(self, here: Optimum[Array]) -> tuple[Constraints, Floats]:
        """Where |e| peaks, with the multipliers of the active points nearby, and |e|/β there."""
        peaks = peaks_of(self.program, here, self.beta, PER_GAP, self.slack)
        heights = (peaks.bias * peaks.signs / self.beta).astype(float)
        return one_sided(peaks.points, peaks.signs, peaks.multipliers), heights


def one_sided(points: Array, signs: NDArray[np.int_], multipliers: Array) -> Constraints:
    """Constraints without rows: new ones are as soon computed as old ones sorted out."""
    return Constraints(points, signs, multipliers, np.empty((len(points), 0)))
