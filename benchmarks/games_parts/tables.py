"""Rows of results to Markdown tables and CSV files."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.games_parts.arms import ARMS

__all__ = ["average", "grouped", "markdown", "report", "write_csv"]

Row = dict[str, Any]


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """One line per row, numbers to six digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        writer.writerows([f"{v:.6g}" if isinstance(v, float) else v for v in row.values()] for row in rows)


def grouped(rows: Iterable[Row], *keys: str) -> dict[tuple[Any, ...], list[Row]]:
    """The rows that share the values of `keys`, in order of first appearance."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return groups


def average(rows: Iterable[Row], key: str, statistic: Callable[[list[float]], Any] = np.mean) -> float:
    return float(statistic([row[key] for row in rows]))


def markdown(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; floats to three digits."""
    body = [[f"{v:.3g}" if isinstance(v, float) else str(v) for v in line] for line in lines]
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [list(head), rule, *body]) + "\n"


def pivot(rows: Sequence[Row], line: str, column: str, key: str, names: Sequence[Any]) -> str:
    """A table of means ± standard deviations, a line for each value of `line`."""
    cells = grouped(rows, line, column)
    values = (
        sorted({row[line] for row in rows}) if line != "arm" else [a for a in ARMS if any(r["arm"] == a for r in rows)]
    )
    lines = [[value, *(_cell(cells.get((value, name), []), key) for name in names)] for value in values]
    return markdown([f"{line} \\ {column}", *map(str, names)], lines)


def _cell(rows: list[Row], key: str) -> str:
    if not rows:
        return "–"
    spread = average(rows, key, np.std) if len(rows) > 1 else 0.0
    return f"{average(rows, key):.3g} ± {spread:.1g}"


def report(results: dict[str, list[Row]], minutes: float, notes: Sequence[str]) -> str:
    """The whole report, in Markdown."""
    sections = [f"# Games\n\nWritten by `python -m benchmarks.games` in {minutes:.1f} minutes on 2 cores.\n", *notes]
    sections += _expected(results["expected"]) + _sampled(results["sampled"])
    sections += _budget(results["budget"]) + _pooling(results["bias"], results["training"])
    return "\n".join(sections + _universal(results["universal"]))


def _expected(rows: list[Row]) -> list[str]:
    sizes = sorted({row["K"] for row in rows})
    typical = [row for row in rows if row["n"] == 100 and row["tau"] == 1]
    ratios = [row["bound"] / row["gap"] for row in rows if row["gap"] > 1e-9]
    wide = [row for row in rows if row["K"] == 16 and row["tau"] == 1]
    numbers = sorted({row["n"] for row in rows})
    return [
        "## Expected updates: the equilibria that are reached\n",
        "Gap F(ν*) − F(ν), mean ± standard deviation over draws of the rewards; 100 answers, τ = 1, by K:\n",
        pivot(typical, "arm", "K", "gap", sizes),
        "Answers alive (mass above 1e-6) of 100, by K:\n",
        pivot(typical, "arm", "K", "alive", sizes),
        "Gap by the number of answers, K = 16, τ = 1:\n",
        pivot(wide, "arm", "n", "gap", numbers),
        "Gap by τ, K = 16, 100 answers:\n",
        pivot(
            [r for r in rows if r["K"] == 16 and r["n"] == 100], "arm", "tau", "gap", sorted({r["tau"] for r in rows})
        ),
        f"Bound of docs/convergence.md over the gap: median {np.median(ratios):.1f}, least {min(ratios):.3g}, over "
        f"{len(ratios)} equilibria.\n",
    ]


def _sampled(rows: list[Row]) -> list[str]:
    end = max(row["samples"] for row in rows)
    last = [row for row in rows if row["samples"] == end]
    parts = [
        "## Sampled updates\n",
        "1024 completions per update, 20 seeds: the gap at the end (and that of the expected updates' "
        "equilibrium). Mirror ascent for up to 50 answers, policy gradient for more. A large spread means that a seed "
        "or two ended far from the others, presumably because a mirror step divides by ν(z); it happens to the oracle "
        "too, and most with noisy tables (minimax, small κ at large K).\n",
    ]
    for (n, tau), group in sorted(grouped(last, "n", "tau").items()):
        sizes = sorted({row["K"] for row in group})
        arms = [arm for arm in ARMS if any(row["arm"] == arm for row in group)]
        cells = grouped(group, "arm", "K")
        lines = [
            [arm, *(f"{_cell(cells.get((arm, K), []), 'gap')} ({_limit(cells.get((arm, K), []))})" for K in sizes)]
            for arm in arms
        ]
        parts += [f"{n} answers, τ = {tau:g}:\n", markdown(["arm \\ K", *map(str, sizes)], lines)]
    return parts


def _limit(rows: list[Row]) -> str:
    return f"{rows[0]['limit']:.3g}" if rows else "–"


def _budget(rows: list[Row]) -> list[str]:
    lines = []
    for (groups,), group in grouped(rows, "M").items():
        by_kappa = {kappa: average(g, "gap") for (kappa,), g in grouped(group, "kappa").items()}
        predicted = {kappa: average(g, "predicted") for (kappa,), g in grouped(group, "kappa").items()}
        best, named = min(by_kappa, key=by_kappa.__getitem__), min(predicted, key=predicted.__getitem__)
        lines.append([groups, best, by_kappa[best], named, by_kappa[named], by_kappa[16.0]])
    head = ["M", "best κ", "its gap", "κ least in β² + V/M", "its gap", "gap at κ = 16"]
    return ["## The best budget for M groups per update (K = 16, 40 answers)\n", markdown(head, lines)]


def _pooling(bias: list[Row], training: list[Row]) -> list[str]:
    parts = [
        "## Repeated prompts (K = 8)\n",
        "Largest bias when p drifts steadily, exact / proved bound, by visits pooled:\n",
    ]
    for (method,), group in grouped(bias, "method").items():
        visits = sorted({row["visits"] for row in group})
        cells = {(row["drift"], row["visits"]): row for row in group}
        lines = [
            [f"{d:g}", *(f"{cells[d, v]['bias']:.3g} / {cells[d, v]['bound']:.3g}" for v in visits)]
            for d in sorted({row["drift"] for row in group})
        ]
        parts += [f"`{method}`:\n", markdown(["drift per visit \\ visits", *map(str, visits)], lines)]
    parts.append("Training on one prompt, one group per update, paid from the pool; gap over the last half:\n")
    for (method,), group in grouped(training, "method").items():
        visits = sorted({row["visits"] for row in group})
        cells = grouped(group, "step", "visits")
        lines = [
            [
                f"{step:g}",
                average([r for r in group if r["step"] == step], "drift"),
                *(_cell(cells[step, v], "gap") for v in visits),
            ]
            for step in sorted({row["step"] for row in group})
        ]
        parts += [
            f"`{method}`:\n",
            markdown(["step", "mean drift per visit", *(f"{v} visit(s)" for v in visits)], lines),
        ]
    return parts


def _universal(rows: list[Row]) -> list[str]:
    lines = []
    for (k,), group in sorted(grouped(rows, "k").items()):
        rates = [average(group, "win_rate", min), average(group, "gap", max), average(group, "single")]
        lines.append([k, k / (k + 1), *rates, average(group, "estimate_error", max)])
    seconds = sum(row["seconds"] for row in rows)
    head = [
        "k",
        "k/(k+1)",
        "least win rate reached",
        "largest gap",
        "best single output, mean",
        "largest error of the estimate",
    ]
    return [
        "## The (k+1)-player game\n",
        f"{len(rows)} random games, 5 to 30 users and outputs; all of the self-play took {seconds:.1f} s. "
        "The estimate uses 500 groups of 16 draws and the exact table.\n",
        markdown(head, lines),
    ]
