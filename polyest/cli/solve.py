"""`polyest solve`: solve tables and write each as soon as it is proved."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from polyest.cli.named_function import Own, add_growth_option, chosen_target, own
from polyest.cli.options import add_budget_options, chosen_budget, file_path, group_sizes, not_empty
from polyest.cli.parallel import ENGINES, add_engine_options, check_address, parallel_map
from polyest.cli.progress import say, track
from polyest.closed_forms import CLOSED_FORM
from polyest.errors import ArgumentError, MissingDependencyError, PolyestError, TableFileError
from polyest.polynomials.worst_case import rounded_up
from polyest.problems.problem import METHODS, Problem, make_problem
from polyest.problems.targets import Target
from polyest.storage import store
from polyest.storage.files import check_writable, sweep
from polyest.storage.table import Table

__all__ = ["add_parser", "run"]

SOLVED = tuple(method for method in METHODS if method not in CLOSED_FORM)


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("solve", help="solve tables", description="Solve tables that are not there yet.")
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("--target", required=True, metavar="TARGET", help="log, 'power(0.5)', …, MODULE:FUNCTION")
    add_growth_option(parser)
    parser.add_argument("--method", metavar="METHOD", help=f"{' or '.join(SOLVED)} (default: aqp; graded for best_of)")
    parser.add_argument("-k", "--group-sizes", required=True, type=group_sizes, metavar="K", help="16, 2:64 or 8,16,32")
    add_budget_options(parser, graded=True)
    text = "where to write (default: your own folder of tables)"
    parser.add_argument("--out", type=file_path, metavar="DIR", help=text)
    parser.add_argument("--jobs", type=int, default=-1, metavar="N", help="processes (default: -1, one per core)")
    add_engine_options(parser, ENGINES)
    parser.add_argument("--force", action="store_true", help="solve what is there already, too")
    parser.add_argument(
        "--solver", type=not_empty, metavar="NAME", help="start aqp with this cvxpy solver (the result is the same)"
    )
    parser.add_argument("--digits", type=int, metavar="N", help="working precision (the result is the same)")


def run(arguments: argparse.Namespace) -> int:
    check_address(arguments)
    folder = arguments.out or store.user_folder()
    target = chosen_target(arguments.target, arguments.growth)
    problems = [_problem(arguments, target, K) for K in arguments.group_sizes]
    solver = arguments.solver and _checked_solver(arguments.solver)
    sweep(folder)
    pending = [problem for problem in problems if arguments.force or not _is_solved(problem, folder)]
    if len(pending) < len(problems):
        print(f"{len(problems) - len(pending)} already in {folder}; --force solves them again", file=sys.stderr)
    for problem in pending:
        check_writable(folder / store.relative_path(problem), "--out" if arguments.out else "POLYEST_COEFFS")
    attempt = partial(
        _attempt, own=own(arguments.target), growth=arguments.growth, solver=solver, digits=arguments.digits
    )
    with parallel_map(attempt, pending, arguments.jobs, arguments.engine, arguments.address) as outcomes:
        return _write_all(track(outcomes, "solve", len(pending)), folder)


def _problem(arguments: argparse.Namespace, target: Target, group_size: int) -> Problem:
    problem = make_problem(target, group_size, arguments.method, **chosen_budget(arguments))
    if problem.method in CLOSED_FORM:
        raise ArgumentError(
            f"`--method` must be {' or '.join(SOLVED)}; got {problem}, which has a closed form and needs no file; "
            f"see it with: polyest show {problem.target} -k {group_size} --method {problem.method}"
        )
    store.relative_path(problem)  # a name that no folder can have is refused before the work
    return problem


def _is_solved(problem: Problem, folder: Path) -> bool:
    try:
        return store.read(folder / store.relative_path(problem)).problem == problem
    except TableFileError:
        return False


def _checked_solver(name: str) -> str:
    try:
        from polyest.offline.solver import checked_solver

        return checked_solver(name)
    except ModuleNotFoundError as error:
        raise MissingDependencyError.for_extra(error.name or "cvxpy", "offline", "`--solver`") from None


def _attempt(
    problem: Problem, own: Own | None, growth: str | None, solver: str | None, digits: int | None
) -> tuple[Problem, Table | PolyestError]:
    """The table, or the reason why there is none: one failure does not end the other work."""
    try:
        from polyest.offline.build import solve
    except (ModuleNotFoundError, MissingDependencyError) as error:
        package = error.name or "python-flint"
        return problem, MissingDependencyError.for_extra(package, "offline", "polyest solve")
    try:
        if own is not None:
            chosen_target(own, growth)  # this may be another process
        return problem, solve(problem, solver=solver, digits=digits)
    except PolyestError as error:
        return problem, error


def _write_all(outcomes: Iterable[tuple[Problem, Table | PolyestError]], folder: Path) -> int:
    failures = 0
    for problem, outcome in outcomes:
        if isinstance(outcome, MissingDependencyError):
            raise outcome
        if isinstance(outcome, PolyestError):
            failures += 1
            print(f"polyest: {problem}: {outcome}", file=sys.stderr)
        else:
            say(_line(outcome, store.write(outcome, folder)))
    return 2 if failures else 0


def _line(table: Table, path: Path) -> str:
    kappa = f"  kappa {table.kappa / 100:.2f}" if table.kappa else ""
    claims, proved = table.certificate, ""
    if claims is not None:
        proved = f"  bias ≤ {rounded_up(claims.worst_case_bias.upper)}  noise ≤ {rounded_up(claims.noise.upper)}"
    return f"{table.problem}{kappa}{proved}  {path}"
