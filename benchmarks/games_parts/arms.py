"""The arms of the games' benchmark: which tables are compared, and where they come from."""

from __future__ import annotations

from typing import Any

import polyest
from polyest.errors import SolveError, TableNotFoundError
from polyest.estimator import Estimator
from polyest.problems.problem import make_problem
from polyest.storage import store

__all__ = ["ARMS", "BUDGETS", "COLOURS", "available", "estimator"]

ARMS: dict[str, dict[str, Any]] = {
    "oracle": {},
    "plug_in": {"method": "plug_in"},
    "harmonic": {"method": "harmonic"},
    "aqp": {"method": "aqp"},
    "aqp κ=4": {"bias_budget": 4},
    "aqp κ=2": {"bias_budget": 2},
    "minimax": {"method": "minimax"},
}
BUDGETS = ("1.25", "1.5", "2", "3", "4", "6", "8", "12", "16")
COLOURS = dict(
    zip(ARMS, ("black", "tab:red", "tab:orange", "tab:blue", "tab:cyan", "tab:green", "tab:purple"), strict=True)
)
LIMITS = {"minimax": 32, "aqp κ=2": 32}  # beyond, their coefficients are too large to solve for, or to play with


def available(arm: str, group_size: int) -> bool:
    """Whether there is a table of the arm that float64 numbers can hold."""
    return group_size <= LIMITS.get(arm, group_size)


def estimator(arm: str, group_size: int) -> Estimator | None:
    """The arm's estimator, solved into the user's folder if there is no table; None for the oracle."""
    return None if arm == "oracle" else load(group_size, **ARMS[arm])


def load(group_size: int, **options: Any) -> Estimator:
    """`polyest.load`, solving what is missing."""
    try:
        return polyest.load("log", group_size, **options)
    except TableNotFoundError:
        from polyest.offline.build import solve

        store.write(solve(make_problem("log", group_size, **options)), store.user_folder())
        return polyest.load("log", group_size, **options)


def prepare(group_sizes: tuple[int, ...]) -> list[str]:
    """Load or solve all that the parts need; the arms that cannot be had, in words."""
    missing = []
    for K in group_sizes:
        for arm in ARMS:
            if available(arm, K):
                try:
                    estimator(arm, K)
                except SolveError as error:
                    missing.append(f"{arm} at K = {K}: {error}")
    return missing
