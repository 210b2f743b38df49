"""From float64's approximation to the exact active set and all digits: Newton's method in multi-precision.

The active set is exact when no multiplier has the wrong sign, every point is a maximum of |e|, and |e| exceeds β
nowhere on (0, 1] (theory.md §3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from polyest.errors import SolveError
from polyest.offline.kkt import ActiveSet, Program, State, evaluate, newton
from polyest.offline.linear import cholesky
from polyest.offline.numbers import Jet

__all__ = ["polish"]

ROUNDS = 12  # changes of the active set
PER_GAP = 8  # points between neighbouring active points at which the bias is looked at
REFINEMENTS = 4
EXCESS = 1e-25  # of |e| over β, relative, that counts as none
HALVINGS = 8


def polish(program: Program, active: ActiveSet, beta: Any, digits: int) -> State:
    """The solution with an active set near `active`; its residual is below 10^(5−digits)·β.

    Raises:
        SolveError: the active set did not settle.
    """
    active = ActiveSet(program.convert(active.points), program.convert(active.multipliers), active.signs)
    for _ in range(ROUNDS):
        state = _solved(program, active, beta, 10.0 ** (5 - digits))
        changed = _released(program, state, beta) or _with_peak(program, state, beta) or _without_wrong(state)
        if changed is None:
            return state
        active = changed
    raise SolveError(f"the active set at β = {float(beta):.3e} did not settle in multi-precision; raise `digits`")


def _solved(program: Program, active: ActiveSet, beta: Any, tolerance: float) -> State:
    """Newton's method; where it fails, with the last point pinned at 1."""
    try:
        return newton(program, active, beta, tolerance)
    except SolveError:
        if active.points[-1] == 1:
            raise
    points = active.points.copy()
    points[-1] = program.convert([1.0])[0]
    return newton(program, replace(active, points=points), beta, tolerance)


def _released(program: Program, state: State, beta: Any) -> ActiveSet | None:
    """If |e| falls towards p = 1 and a point is pinned there: the same with that point where e turns."""
    active = state.active
    if active.points[-1] < 1 or active.signs[-1] * state.bias.first[-1] >= 0:
        return None
    gap = np.pi - 2 * float(np.arcsin(np.sqrt(float(active.points[-2])))) if len(active.points) > 1 else np.pi
    near, far = 0.0, 0.6
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        points = active.points.copy()
        points[-1] = program.convert([np.cos(middle * gap / 2) ** 2])[0]
        moved = _levelled(program, replace(active, points=points), beta)
        slope = moved.signs[-1] * evaluate(program, moved).bias.first[-1]
        near, far = (middle, far) if slope < 0 else (near, middle)
    return moved


def _levelled(program: Program, active: ActiveSet, beta: Any) -> ActiveSet:
    """With the multipliers for which e(p_j) = s_j β at the points as they are: a linear system."""
    phi = program.rows(active.points).value
    bayes = phi @ program.means - program.weighted_target(active.points).value
    gram = (phi * (1 / (2 * program.weights))) @ phi.T
    return replace(active, multipliers=cholesky(gram)(bayes - active.signs * beta))


def _with_peak(program: Program, state: State, beta: Any) -> ActiveSet | None:
    """With the point where |e| exceeds β most; None if it does nowhere."""
    points = program.convert(_between(state.active.points.astype(float), program.group_size))
    size = np.abs(_on_table(program, state, points).value)
    high = np.concatenate([[0], size, [0]])
    found = np.flatnonzero((size >= high[:-2]) & (size >= high[2:]) & (size > beta * 0.999))
    peaks = _refined(program, state, points[found])
    bias = _on_table(program, state, peaks).value
    worst = int(np.argmax(np.abs(bias)))
    if abs(bias[worst]) - beta <= beta * EXCESS:
        return None
    return _levelled(program, state.active.with_point(peaks[worst], float(np.sign(float(bias[worst])))), beta)


def _between(points: Any, group_size: int) -> Any:
    """Points of (0, 1] between the active ones, at least `PER_GAP` to a gap and two to a wiggle of the degree."""
    fence = np.unique(np.concatenate([[0.0], 2 * np.arcsin(np.sqrt(points)), [np.pi]]))
    counts = np.maximum(PER_GAP, np.ceil(np.diff(fence) * 2 * group_size / np.pi)).astype(int)
    parts = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(fence[:-1], fence[1:], counts, strict=True)]
    return np.append(np.sin(np.concatenate(parts)[1:] / 2) ** 2, 1.0)


def _refined(program: Program, state: State, points: Any) -> Any:
    """The local maxima of |e| near `points`; one that moves past an end stays there."""
    for _ in range(REFINEMENTS):
        inner = points < 1
        bias = _on_table(program, state, points[inner])
        p = points[inner].astype(float)
        longest = program.convert(0.5 * np.pi / program.group_size * np.sqrt(p * (1 - p)))
        step = np.clip(bias.first / bias.second, -longest, longest)
        points = points.copy()
        points[inner] = np.clip(points[inner] - step, points[inner] / 2, program.convert([1.0])[0])
    return points


def _without_wrong(state: State) -> ActiveSet | None:
    """Without the point whose multiplier has the wrong sign, or that is no maximum of |e|; None if all are right."""
    active = state.active
    strength = active.multipliers * active.signs
    wrong = (strength < 0) | ((active.points < 1) & (active.signs * state.bias.second > 0))
    if not wrong.any():
        return None
    return active.without(int(np.argmin(np.where(wrong, strength.astype(float), np.inf))))


def _on_table(program: Program, state: State, points: Any) -> Jet:
    """e, e', e'' of the state's table at other points."""
    phi, f = program.rows(points), program.weighted_target(points)
    c = state.coefficients
    return Jet(phi.value @ c - f.value, phi.first @ c - f.first, phi.second @ c - f.second)
