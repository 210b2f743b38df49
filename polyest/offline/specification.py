"""The programs, stated: what the solvers of this folder solve to the last digit (theory.md §3).

The bias of a table c, e(p) = p·(Q_c(p) − r(p)), is linear in c. `minimax` asks for the table with the least max |e|;
`aqp` asks, among the tables with |e| ≤ β, for the one nearest to the least noisy one, μ; `graded` bounds
|∫_0^p (Q_c − r)| instead, and fixes the sum of the table. The distance is F(c) = Σ_m w_m (c_m − μ_m)², w_m = (m+1)/K²,
μ_m = E r(p), p ~ Beta(m+1, K−m); these data are `Program`'s, which the solvers share.

All are written here on finitely many points of (0, 1], in float64, for cvxpy to solve: to be read first, and to hold
the solvers to, which ask cvxpy for nothing but the start of aqp (`least_norm`), and only where ``--solver`` names one.

Constraints on points only are fewer than the program's: the value is at most the true one, and it is the true one as
soon as the points include those where |e| is largest at the solution. A polynomial of degree K is nowhere more than
1/cos(π/32) − 1 = 0.5 % above what it reaches on `grid`. float64 carries `aqp` while ‖x‖ = √F/β stays below about 10⁵:
for log and K = 64, to κ = 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError
from polyest.numbers.conversion import Floats
from polyest.offline.program import GradedProgram, Program
from polyest.offline.solver import SOLVER, solved
from polyest.problems.problem import whole_number
from polyest.problems.targets import Target, get_target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Answer", "aqp", "graded", "grid", "least_norm", "minimax"]

PER_WAVE = 16  # points in half a wave of the fastest polynomial


@dataclass(frozen=True)
class Answer:
    """What a program on points comes to."""

    value: float  # the worst-case bias on the points for `minimax`, F for the others
    coefficients: Floats  # the table c_0 … c_{K−1}


def grid(group_size: int) -> Floats:
    """Points p = sin²(θ/2) of (0, 1], even in θ, in which polynomials of degree K are waves of frequency ≤ K.

    >>> len(grid(4)), float(grid(4).max())
    (64, 1.0)
    """
    return np.asarray(np.sin(np.linspace(0, np.pi, PER_WAVE * group_size + 1)[1:] / 2) ** 2)


def minimax(target: Target | str, group_size: int, points: ArrayLike | None = None, solver: str = SOLVER) -> Answer:
    """Minimise over c the largest |p·(Q_c(p) − r(p))|: E*_K, on the points.

    p·Q_c(p) runs over the polynomials of degree ≤ K that vanish at 0. In Bernstein's basis they need coefficients
    that grow exponentially with K; as Σ_j a_j sin²(jθ/2), j = 1..K, they need none larger than p·r itself. What is
    sought is the way there from the least squares, in units of their largest error.

    >>> round(minimax("log", 4).value, 3)  # E*_4 = 0.02002712…
    0.02

    Raises:
        ArgumentError: `group_size` is not positive, or a point is not in (0, 1].
        SolveError: the solver failed.
    """
    import cvxpy as cp

    K = whole_number("group_size", group_size, least=1)
    program = Program(get_target(target), K)
    p = grid(K) if points is None else _inside(points)
    f = np.asarray(program.weighted_target(p).value, float)
    waves = np.sin(np.outer(np.arcsin(np.sqrt(p)), np.arange(1, K + 1))) ** 2
    start = np.linalg.lstsq(waves, f, rcond=None)[0]
    unit = np.abs(waves @ start - f).max() or 1.0
    x = cp.Variable(K)
    problem = cp.Problem(cp.Minimize(cp.norm_inf(waves @ x + (waves @ start - f) / unit)))
    polynomial = waves @ (start + unit * solved(problem, x, solver))
    coefficients = np.linalg.lstsq(np.asarray(program.rows(p), float), polynomial, rcond=None)[0]
    return Answer(float(unit * problem.value), coefficients)


def aqp(
    target: Target | str, group_size: int, budget: float, points: ArrayLike | None = None, solver: str = SOLVER
) -> Answer:
    """Minimise F(c) = Σ_m w_m (c_m − μ_m)² subject to |p·(Q_c(p) − r(p))| ≤ β = `budget` at the points.

    With x_m = √w_m (c_m − μ_m)/β and every constraint divided by β, all numbers are of order one:
    minimise ‖x‖² subject to |e_μ(p)/β + Σ_m x_m φ_m(p)/√w_m| ≤ 1, φ_m(p) = p·B_{m,K−1}(p), e_μ the bias of μ.

    >>> aqp("log", 4, 2 * 0.020027124).coefficients.round(2)  # theory.md §3: −2.422, −0.855, −0.385, −0.040
    array([-2.42, -0.85, -0.39, -0.04])

    Raises:
        ArgumentError: `group_size` or `budget` is not positive, or a point is not in (0, 1].
        SolveError: no table has as little bias as that on the points, or float64 does not tell.
    """
    program = Program(get_target(target), whole_number("group_size", group_size, least=1))
    return _nearest(program, budget, points, solver)


def graded(
    target: Target | str, group_size: int, budget: float, points: ArrayLike | None = None, solver: str = SOLVER
) -> Answer:
    """Minimise F(c) subject to |∫_0^p (Q_c − r)| ≤ β = `budget` at the points and Σ_m c_m = K·∫_0^1 r, r a polynomial.

    The unknowns are those of `aqp`. The Bayes table has that sum, so Σ_m x_m/√w_m = 0.

    >>> graded("best_of(6)", 4, 0.02).coefficients.round(2)  # 5.474, −1.669, −0.003, 0.198: docs/graded.md §7
    array([ 5.47, -1.67, -0.  ,  0.2 ])

    Raises:
        ArgumentError: the target is no polynomial, or a point is not in (0, 1].
        SolveError: no table has as little bias as that on the points, or float64 does not tell.
    """
    program = GradedProgram(get_target(target), whole_number("group_size", group_size, least=1))
    return _nearest(program, budget, points, solver, 1 / np.sqrt(np.asarray(program.weights, float)))


def _nearest(
    program: Program, budget: float, points: ArrayLike | None, solver: str, normal: Floats | None = None
) -> Answer:
    """The table nearest to the Bayes table; x ⊥ `normal`, if there is one."""
    if not 0 < budget < np.inf:
        raise ArgumentError(f"`budget` must be a positive number, β itself rather than κ; got {budget!r}")
    p = grid(program.group_size) if points is None else _inside(points)
    phi, mu, root = program.rows(p), program.means, np.sqrt(program.weights)
    bayes = phi @ mu - program.weighted_target(p).value
    x = least_norm(phi / root, bayes / budget, solver, normal)
    return Answer(float(budget**2 * (x @ x)), mu + budget * x / root)


def least_norm(rows: Floats, offset: Floats, solver: str = SOLVER, normal: Floats | None = None) -> Floats:
    """Minimise ‖x‖² subject to |offset + rows·x| ≤ 1: aqp in scaled unknowns, or in those of a basis of the rows.

    Raises:
        SolveError: the solver failed.
    """
    import cvxpy as cp

    x = cp.Variable(rows.shape[1])
    constraints = [rows @ x <= 1 - offset, rows @ x >= -1 - offset]
    constraints += [] if normal is None else [normal @ x == 0]
    return solved(cp.Problem(cp.Minimize(cp.sum_squares(x)), constraints), x, solver)


def _inside(points: ArrayLike) -> Floats:
    p = np.asarray(points, dtype=np.float64)
    if p.ndim != 1 or not ((p > 0) & (p <= 1)).all():
        raise ArgumentError(f"`points` must be a list of numbers in (0, 1], got {points!r:.80}; leave out 0")
    return p
