"""From a problem to its table, loaded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from polyest.closed_forms import CLOSED_FORM, closed_form
from polyest.errors import TableNotFoundError
from polyest.problems.problem import Problem
from polyest.storage import store
from polyest.storage.table import Table

__all__ = ["LIMIT", "load_table", "no_tables"]

LIMIT = 4096  # tables kept in memory
_closed_form = lru_cache(maxsize=LIMIT)(closed_form)


def load_table(problem: Problem) -> Table:
    """The plain table of a problem, whatever its baseline: computed where the method has a closed form, else stored.

    Raises:
        TableNotFoundError: no file holds it.
    """
    plain = problem if problem.baseline is None else replace(problem, baseline=None)
    return _closed_form(plain) if plain.method in CLOSED_FORM else store.load(plain)


def no_tables(problems: Sequence[Problem]) -> TableNotFoundError:
    """The error that names every group size of some problems, and the command that solves them."""
    sizes = ",".join(str(problem.group_size) for problem in problems)
    first = replace(problems[0], baseline=None)
    return TableNotFoundError(
        f"no table for groups of {sizes.replace(',', ', ')} completions ({first} and the like); solve with: "
        f"{store.solve_command(first).replace(f'-k {first.group_size}', f'-k {sizes}')}"
    )
