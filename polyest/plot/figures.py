"""Whole figures (extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from matplotlib import rc_context
from matplotlib.figure import Figure

from polyest.closed_forms import CLOSED_FORM
from polyest.errors import ArgumentError, TableNotFoundError, shortened
from polyest.estimator import Estimator, load
from polyest.plot import panels
from polyest.problems.budget import BudgetArguments
from polyest.problems.problem import METHODS, Problem, make_problem
from polyest.storage import store

if TYPE_CHECKING:
    from polyest.offline.trace import Frontier

__all__ = ["bias_and_noise", "estimators", "frontier_figure", "lacking", "save"]

LONGEST_NAME = 50  # characters of a target in a title


def estimators(target: str, group_size: int, **budget: Unpack[BudgetArguments]) -> list[Estimator]:
    """Every method that makes sense for the target and has a table; the budget is that of aqp.

    Raises:
        ArgumentError: no such target or group size.
    """
    found = [load(target, group_size, "plug_in")]
    for method in sorted(METHODS, key="aqp".__eq__):  # which is drawn last, over the others
        if method == "plug_in":
            continue
        try:
            found.append(load(target, group_size, method, **(budget if method == "aqp" else BudgetArguments())))
        except (ArgumentError, TableNotFoundError):
            if method == "aqp" and any(value is not None for value in budget.values()):
                raise
    return found


def lacking(target: str, group_size: int, **budget: Unpack[BudgetArguments]) -> list[Problem]:
    """The problems that could be drawn beside `estimators` if their tables were solved."""
    found = []
    for method in (method for method in METHODS if method not in (*CLOSED_FORM, "graded")):
        try:
            problem = make_problem(target, group_size, method, **(budget if method == "aqp" else BudgetArguments()))
            found += [] if store.find(problem) else [problem]
        except ArgumentError:  # it makes no sense, or no file can have that name
            continue
    return found


def save(figure: Figure, path: Path, suffix: str) -> None:
    """Write a figure; PDFs hold TrueType fonts, which journals take, not Type 3."""
    with rc_context({"pdf.fonttype": 42}):
        figure.savefig(path, format=suffix, dpi=160)


def bias_and_noise(chosen: Sequence[Estimator], absent: Sequence[Problem] = ()) -> Figure:
    """`panels.bias` and `panels.noise` side by side.

    Args:
        chosen: what is drawn.
        absent: what the title says to be missing.
    """
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    panels.bias(chosen, left)
    panels.noise(chosen, right)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    figure.suptitle(_title(chosen[0].problem, absent))
    return figure


def frontier_figure(frontier: Frontier, chosen: Sequence[Estimator], absent: Sequence[Problem] = ()) -> Figure:
    """`panels.frontier` with a title."""
    figure = Figure(figsize=(6.6, 5.0), layout="constrained")
    axes = figure.subplots()
    figure.suptitle(_title(chosen[0].problem, [p for p in absent if p.method == "aqp"]))
    panels.frontier(frontier, chosen, axes)
    return figure


def _title(problem: Problem, absent: Sequence[Problem]) -> str:
    name = shortened(problem.target, LONGEST_NAME).strip("'")
    title = f"{name}, groups of {problem.group_size}"
    return f"{title}\nnot drawn for want of a table: {', '.join(p.method for p in absent)}" if absent else title
