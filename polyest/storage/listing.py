"""What there is: targets, methods, tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from polyest.errors import PolyestError
from polyest.problems.budget import BudgetArguments
from polyest.problems.problem import METHODS, Problem, make_problem
from polyest.problems.targets import names
from polyest.storage import store

__all__ = ["methods", "tables", "targets"]


PLAIN = re.compile(r"\d+(\.\d+)?", re.ASCII)  # how a budget is written in the name of a folder: no exponents


def targets() -> tuple[str, ...]:
    """How the targets are written (theory.md §6).

    Your own are made by `polyest.custom`.

    >>> targets()
    ('log', 'power(a)', 'polynomial(a_0,…)', 'best_of(n)', 'js(q)')
    """
    return names()


def methods() -> tuple[str, ...]:
    """The methods that make tables (theory.md §3).

    >>> methods()
    ('plug_in', 'harmonic', 'exact', 'minimax', 'aqp', 'graded')
    """
    return tuple(METHODS)


def tables() -> tuple[Problem, ...]:
    """The problems whose tables are stored, the user's own before the shipped ones; none is listed twice.

    Those of plug_in, harmonic and exact are computed when asked for and are not listed.
    """
    folders = store.user_folder(), store.shipped_folder()
    found = [_problem_at(path.relative_to(folder)) for folder in folders for path in store.paths(folder)]
    return tuple(dict.fromkeys(problem for problem in found if problem is not None))


def _problem_at(relative: Path) -> Problem | None:
    """The problem whose table belongs at this place; None if none does."""
    parts = relative.parts
    if len(parts) not in (3, 4):
        return None
    kind, _, value = parts[2].partition("-")
    if len(parts) == 4 and not PLAIN.fullmatch(value):
        return None
    budget = cast("BudgetArguments", {kind: int(value) if value.isdecimal() else value} if len(parts) == 4 else {})
    try:
        problem = make_problem(unquote(parts[0]), int(relative.stem[1:]), parts[1], **budget)
        return problem if store.relative_path(problem) == relative else None
    except (PolyestError, TypeError, ValueError):
        return None
