"""From a problem to its table and look-up arrays, loaded once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from polyest.closed_forms import CLOSED_FORM, closed_form
from polyest.errors import TableNotFoundError
from polyest.online.lookup import Lookup
from polyest.problems.budget import BudgetArguments
from polyest.problems.problem import Problem, make_problem
from polyest.storage import store
from polyest.storage.centring import centring_proof
from polyest.storage.table import Table

__all__ = ["load_table", "lookup_of", "lookups", "sibling"]

LIMIT = 4096
_closed_form = lru_cache(maxsize=LIMIT)(closed_form)
_lookups: dict[Problem, tuple[Table, Lookup]] = {}


def load_table(problem: Problem) -> Table:
    """The plain table of a problem, whatever its baseline: computed where the method has a closed form, else stored.

    Raises:
        TableNotFoundError: no file holds it.
    """
    plain = problem if problem.baseline is None else replace(problem, baseline=None)
    return _closed_form(plain) if plain.method in CLOSED_FORM else store.load(plain)


def lookup_of(problem: Problem) -> Lookup:
    """The look-up arrays of a problem, made once for as long as its table stays the same."""
    plain = load_table(problem)
    known = _lookups.get(problem)
    if known is not None and known[0] is plain:
        return known[1]
    table = plain if problem.baseline is None else centring_proof(plain, problem.baseline)
    if len(_lookups) >= LIMIT:
        _lookups.clear()
    _lookups[problem] = plain, Lookup.of(table)
    return _lookups[problem][1]


def lookups(problems: Iterable[Problem]) -> dict[int, Lookup]:
    """The look-up arrays of several group sizes, by size.

    Raises:
        TableNotFoundError: names every size that has no table, and the command that solves them.
    """
    found, lacking = {}, []
    for problem in problems:
        try:
            found[problem.group_size] = lookup_of(problem)
        except TableNotFoundError:
            lacking.append(problem)
    if lacking:
        sizes = ",".join(str(problem.group_size) for problem in lacking)
        first = replace(lacking[0], baseline=None)
        raise TableNotFoundError(
            f"no table for groups of {sizes.replace(',', ', ')} completions ({first} and the like); solve with: "
            f"{store.solve_command(first).replace(f'-k {first.group_size}', f'-k {sizes}')}"
        )
    return found


def sibling(problem: Problem, group_size: int) -> Problem:
    """The same question for another group size."""
    budget = BudgetArguments() if problem.budget is None else problem.budget.argument
    return make_problem(problem.target, group_size, problem.method, baseline=problem.baseline, **budget)
