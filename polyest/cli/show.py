"""`polyest show`: one table, its certificate, and how it compares with plug_in."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from typing import Any

from polyest import store
from polyest.cli.options import add_budget_options, add_json_option, budgets, print_json
from polyest.cli.own import add_growth_option, chosen_target
from polyest.comparison import extremes
from polyest.estimator import Estimator, load
from polyest.problem import BASELINES, METHODS
from polyest.rationals import decimal_text
from polyest.table import digest

__all__ = ["add_parser", "run"]


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = "Show one table: coefficients, certificate, and how it compares with plug_in."
    parser = verbs.add_parser("show", help="show one table", description=description)
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("target", metavar="TARGET", help="log, 'power(2)', 'js(0.1)', MODULE:FUNCTION")
    add_growth_option(parser)
    parser.add_argument("-k", "--group-size", type=int, required=True, metavar="K", help="the group size")
    parser.add_argument("--method", metavar="METHOD", help=f"{', '.join(METHODS)} (default: exact or aqp)")
    add_budget_options(parser)
    parser.add_argument("--baseline", metavar="MEAN", help=f"centring-proof: {' or '.join(BASELINES)}")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    options = budgets(arguments) | {"baseline": arguments.baseline}
    target = chosen_target(arguments.target, arguments.growth)
    description = describe(load(target, arguments.group_size, arguments.method, **options))
    if arguments.json:
        print_json(description)
    else:
        print("\n".join(_lines(description)))
    return 0


def describe(estimator: Estimator) -> dict[str, Any]:
    """Everything that `show` prints, as JSON."""
    problem, table = estimator.problem, estimator.table
    path = store.find(replace(problem, baseline=None)) if table.kappa or problem.method == "minimax" else None
    own = extremes(problem.target, estimator.coefficients)
    plug_in = extremes(problem.target, load(problem.target, problem.group_size, "plug_in").coefficients)
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
        "certificate": certificate
        and {name: [e.lower_text, e.upper_text] for name, e in vars(certificate).items() if e is not None},
        "worst_case_bias": own.worst_case_bias,
        "noise": _finite(own.noise),
        "plug_in": {"worst_case_bias": plug_in.worst_case_bias, "noise": _finite(plug_in.noise)},
        "bias_ratio": own.worst_case_bias / plug_in.worst_case_bias if plug_in.worst_case_bias else None,
        "noise_ratio": _finite(own.noise / plug_in.noise if plug_in.noise else math.nan),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _lines(shown: dict[str, Any]) -> list[str]:
    budget = "".join(f" {kind}={value}" for kind, value in (shown["budget"] or {}).items())
    baseline = f" baseline={shown['baseline']}" if shown["baseline"] else ""
    lines = [f"{shown['target']} K={shown['group_size']} {shown['method']}{budget}{baseline}"]
    if shown["kappa"]:
        lines.append(f"  kappa            {shown['kappa']:.2f} (bias budget over the least possible bias)")
    lines.append(f"  file             {shown['path'] or 'none: a closed form, computed on the spot'}")
    lines += [f"  digest           {shown['digest']}"] if shown["digest"] else []
    lines += [_comparison(shown, "worst_case_bias", "bias_ratio"), _comparison(shown, "noise", "noise_ratio")]
    lines += [f"  proved: {name} in [{', '.join(ends)}]" for name, ends in (shown["certificate"] or {}).items()]
    lines.append("  matches  reward")
    return lines + [f"  {m:7d}  {c!r}" for m, c in enumerate(shown["coefficients"])]


def _comparison(shown: dict[str, Any], name: str, ratio_name: str) -> str:
    own, plug_in, ratio = shown[name], shown["plug_in"][name], shown[ratio_name]
    if own is None:
        return f"  {name:<16} infinite, as far as the growth of the target tells"
    times = f", {ratio:.3g} times plug_in's {plug_in:.5g}" if ratio is not None else ""
    return f"  {name:<16} {own:.5g}{times}"
