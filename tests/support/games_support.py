"""Tables for the tests of the games: solved on the spot, once per session, or closed forms."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import polyest
from polyest.estimator import Estimator
from polyest.games import AlignmentGame, alignment_game
from polyest.offline.build import solve
from polyest.problems.problem import Problem, make_problem
from polyest.storage import store
from polyest.storage.table import Table

METHODS: dict[str, dict[str, Any]] = {
    "plug_in": {"method": "plug_in"},
    "harmonic": {"method": "harmonic"},
    "aqp4": {"bias_budget": 4},
    "aqp3": {"bias_budget": 3},
    "aqp2": {"bias_budget": 2},
    "minimax": {"method": "minimax"},
}
THEORY_REWARDS = np.random.default_rng(0).normal(size=40)  # theory.md §8


@cache
def _solved(problem: Problem) -> Table:
    return solve(problem)


def estimator(name: str, group_size: int, target: str = "log") -> Estimator:
    """What `polyest.load` gives, whether or not the table is shipped."""
    table = _solved(make_problem(target, group_size, **METHODS[name]))
    store.write(table, store.user_folder())
    return polyest.load(target, group_size, **METHODS[name])


def coefficients(name: str, group_size: int, target: str = "log") -> np.ndarray:
    return np.array(_solved(make_problem(target, group_size, **METHODS[name])).coefficients)


def worst_case_bias(name: str, group_size: int, target: str = "log") -> float:
    certificate = _solved(make_problem(target, group_size, **METHODS[name])).certificate
    assert certificate is not None
    return certificate.worst_case_bias.upper


def noise(name: str, group_size: int) -> float:
    certificate = _solved(make_problem("log", group_size, **METHODS[name])).certificate
    assert certificate is not None
    return certificate.noise.upper


def random_game(seed: int, answers: int, weight: float, spread: float = 1.0, **options: Any) -> AlignmentGame:
    return alignment_game(spread * np.random.default_rng(seed).normal(size=answers), weight, **options)
