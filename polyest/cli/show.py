"""`polyest show`: one table, its certificate, and how it compares with plug_in."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypedDict

from polyest.cli.named_function import add_growth_option, chosen_target
from polyest.cli.options import add_budget_options, add_json_option, chosen_budget, print_json
from polyest.closed_forms import CLOSED_FORM
from polyest.errors import ArgumentError, MissingDependencyError, SolveError
from polyest.estimator import Estimator, load
from polyest.numbers.rationals import decimal_text
from polyest.polynomials.worst_case import extremes
from polyest.problems.objective import mean_slope, running_means
from polyest.problems.problem import BASELINES, METHODS, Problem, make_problem
from polyest.problems.targets import get_target
from polyest.storage import store
from polyest.storage.table import Certificate, digest

__all__ = ["add_parser", "run"]

LARGEST = 2048  # group size whose figures are proved within seconds
SAID = {"optimality": "optimality (the program's objective, which this table has and no table betters)"}


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = "Show one table: coefficients, certificate, and how it compares with plug_in."
    parser = verbs.add_parser("show", help="show one table", description=description)
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("target", metavar="TARGET", help="log, 'power(2)', 'best_of(12)', MODULE:FUNCTION")
    add_growth_option(parser)
    parser.add_argument("-k", "--group-size", type=int, required=True, metavar="K", help="the group size")
    parser.add_argument(
        "--method", metavar="METHOD", help=f"{', '.join(METHODS)} (default: exact, aqp, or graded for best_of)"
    )
    add_budget_options(parser, graded=True)
    parser.add_argument("--baseline", metavar="MEAN", help=f"centring-proof: {' or '.join(BASELINES)}")
    text = "csv: group_size, count and reward of each count, a table for any SQL engine; queries: the page on SQL"
    parser.add_argument("--format", choices=("text", "csv"), default="text", help=text)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.group_size > LARGEST:
        raise ArgumentError(f"`--group-size` must be at most {LARGEST} here, got {arguments.group_size}")
    target, budget = chosen_target(arguments.target, arguments.growth), chosen_budget(arguments)
    question, baseline = (target, arguments.group_size), arguments.baseline
    method = make_problem(*question, arguments.method, baseline=baseline, **budget).method
    estimator = load(*question, method, baseline=baseline, **budget)
    if arguments.format == "csv":
        print("\n".join(_csv(estimator.coefficients.tolist())))
        return 0
    description = describe(estimator)
    if arguments.json:
        print_json(description)
    else:
        print("\n".join(_lines(description)))
    return 0


Measure = Literal["worst_case_bias", "noise"]
Ends = dict[str, list[str]]  # of enclosures, by the name of what is enclosed


class Figures(TypedDict):
    """Worst-case bias and noise of a table; `proved` is None if they are approximations, `noise` if it is infinite."""

    worst_case_bias: float | None
    noise: float | None
    proved: Ends | None


class Description(Figures):
    """What `show` prints, as JSON."""

    target: str
    group_size: int
    method: str
    budget: dict[str, str] | None
    baseline: str | None
    kappa: float | None
    path: str | None
    digest: str | None
    coefficients: list[float]
    certificate: Ends | None
    plug_in: Figures
    bias_ratio: float | None
    noise_ratio: float | None


def describe(estimator: Estimator) -> Description:
    """Everything that `show` prints, as JSON."""
    problem, table = estimator.problem, estimator.table
    path = None if problem.method in CLOSED_FORM else store.find(replace(problem, baseline=None))
    own = _figures(problem, estimator.coefficients.tolist())
    plug_in = _figures(problem, load(problem.target, problem.group_size, "plug_in").coefficients.tolist())
    certificate = table.certificate
    return {
        "target": problem.target,
        "group_size": problem.group_size,
        "method": problem.method,
        "budget": {problem.budget.kind: decimal_text(problem.budget.value)} if problem.budget else None,
        "baseline": problem.baseline,
        "kappa": table.kappa / 100 if table.kappa else None,
        "path": str(path) if path else None,
        "digest": digest(table) if path and problem.baseline is None else None,
        "coefficients": estimator.coefficients.tolist(),
        "certificate": _ends(certificate) if certificate else None,
        **own,
        "plug_in": plug_in,
        "bias_ratio": _ratio(own["worst_case_bias"], plug_in["worst_case_bias"]),
        "noise_ratio": _ratio(own["noise"], plug_in["noise"]),
    }


def _figures(problem: Problem, coefficients: Sequence[float]) -> Figures:
    """Worst-case bias and noise, the upper ends of what is proved; without python-flint approximations."""
    target, method = problem.target, problem.method
    try:
        from polyest.certify import enclosures

        proved = enclosures(target, coefficients, method)
    except (MissingDependencyError, SolveError):
        bias, noise = extremes(*_as_answers(problem, coefficients)), extremes(target, coefficients).noise
        return {"worst_case_bias": bias.worst_case_bias, "noise": _finite(noise), "proved": None}
    ends = [_finite(enclosure.upper) for enclosure in (proved.worst_case_bias, proved.noise)]
    return {"worst_case_bias": ends[0], "noise": ends[1], "proved": _ends(proved)}


def _as_answers(problem: Problem, coefficients: Sequence[float]) -> tuple[str, Sequence[float]]:
    """The target and the table whose p·(Q − r) is the bias in the method's sense."""
    if problem.method != "graded":
        return problem.target, coefficients
    return mean_slope(get_target(problem.target)).name, [float(c) for c in running_means(coefficients)]


def _ends(certificate: Certificate) -> Ends:
    return {name: [e.lower_text, e.upper_text] for name, e in vars(certificate).items() if e is not None}


def _ratio(own: float | None, plug_in: float | None) -> float | None:
    return _finite(own / plug_in) if own is not None and plug_in else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _lines(shown: Description) -> list[str]:
    budget = "".join(f" {kind}={value}" for kind, value in (shown["budget"] or {}).items())
    baseline = f" baseline={shown['baseline']}" if shown["baseline"] else ""
    lines = [f"{shown['target']} K={shown['group_size']} {shown['method']}{budget}{baseline}"]
    if shown["kappa"]:
        lines.append(f"  kappa            {shown['kappa']:.2f} (bias budget over the least possible bias)")
    lines.append(f"  file             {shown['path'] or 'none: a closed form, computed on the spot'}")
    lines += [f"  digest           {shown['digest']}"] if shown["digest"] else []
    lines.append(_comparison(shown, "worst_case_bias", shown["bias_ratio"]))
    lines.append(_comparison(shown, "noise", shown["noise_ratio"]))
    for title, ends in (("proved", shown["proved"]), ("in the file", shown["certificate"])):
        lines += [f"  {title}: {SAID.get(name, name)} in [{', '.join(pair)}]" for name, pair in (ends or {}).items()]
    lines.append("  matches  reward")
    return lines + [f"  {m:7d}  {c!r}" for m, c in enumerate(shown["coefficients"])]


def _csv(coefficients: Sequence[float]) -> list[str]:
    """What is paid to a completion whose answer `count` of its group gave."""
    rows = [f"{len(coefficients)},{count},{reward!r}" for count, reward in enumerate(coefficients, 1)]
    return ["group_size,count,reward", *rows]


def _comparison(shown: Description, name: Measure, ratio: float | None) -> str:
    if shown[name] is None:
        return f"  {name:<16} infinite, as far as the growth of the target tells"
    times = f", {ratio:.3g} times plug_in's {_figure(shown['plug_in'], name)}" if ratio is not None else ""
    return f"  {name:<16} {_figure(shown, name)}{times}"


def _figure(figures: Figures, name: Measure) -> str:
    return f"{figures[name]:.5g}{'' if figures['proved'] else ' (approximate)'}"
