"""Equilibria of expected updates, sampled convergence, and the best budget: one task per cell, rows out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.games_parts.arms import ARMS, available, estimator, load
from polyest.games import AlignmentGame, alignment_game, alive, gap, gap_bound, kl_divergence, play, sampler

__all__ = ["budget_cell", "expected_cell", "sampled_cell", "summary"]

Row = dict[str, Any]
DRAWS = 8
FEW = 50


def _game(seed: int, answers: int, weight: float) -> AlignmentGame:
    return alignment_game(np.random.default_rng(seed).normal(size=answers), weight)


@lru_cache(maxsize=64)
def _bias(arm: str, group_size: int) -> float:
    table = estimator(arm, group_size)
    return 0.0 if table is None else table.certificate.worst_case_bias.upper


def expected_cell(group_size: int, answers: int, weight: float, draws: int = DRAWS) -> list[Row]:
    """Where exact expected updates end, for every arm and several draws of the rewards."""
    rows = []
    for arm in (arm for arm in ARMS if available(arm, group_size)):
        table = estimator(arm, group_size)
        for seed in range(draws):
            game = _game(seed, answers, weight)
            star = game.equilibrium()
            played = game if table is None else game.played_with(table.coefficients)
            nu = star if table is None else played.equilibrium()
            cell = {"K": group_size, "n": answers, "tau": weight, "arm": arm, "seed": seed}
            bound = 0.0 if table is None else gap_bound(game, played, nu, weight * _bias(arm, group_size)).value
            rows.append(
                cell | {"gap": gap(game, nu), "bound": bound, "alive": alive(nu), "kl": kl_divergence(nu, star)}
            )
    return rows


def sampled_cell(
    group_size: int, answers: int, weight: float, arm: str, seeds: range, updates: int, per_update: int = 1024
) -> list[Row]:
    """Sampled updates, one game, several seeds: gap and answers kept along the way.

    Mirror ascent with few answers, as in theory.md §8; policy gradient with many, where mirror ascent is too noisy.
    """
    game, rows = _game(0, answers, weight), []
    star = game.equilibrium()
    best = game.objective(star)
    moves: dict[str, Any] = {"update": "mirror_ascent", "step": 0.02}
    if answers > FEW:
        moves = {"update": "policy_gradient", "step": 5.0}
    paid = sampler(game, estimator(arm, group_size), per_update // group_size, group_size=group_size)
    limit = gap(game, paid.expected_game.equilibrium(), best)
    for seed in seeds:
        path = play(paid, updates, np.random.default_rng(seed), record_every=max(updates // 30, 1), **moves)
        for done, nu in zip(path.updates.tolist(), path.nu, strict=True):
            rows.append(
                {"K": group_size, "n": answers, "tau": weight, "arm": arm, "seed": seed, "samples": done * per_update}
                | {
                    "gap": max(gap(game, nu, best), 0.0),
                    "alive": alive(nu),
                    "kept": int((nu > star / 100).sum()),
                    "limit": limit,
                }
            )
    return rows


def budget_cell(budget: str, groups: int, seeds: range, updates: int) -> list[Row]:
    """Policy gradient with M groups of 16 per update and one point of the frontier: the gap at the end."""
    game = _game(0, 40, 1.0)
    table = load(16, bias_budget=budget)
    claims = table.certificate
    error = claims.worst_case_bias.upper**2 + claims.noise.upper / groups
    paid, rows = sampler(game, table, groups), []
    for seed in seeds:
        path = play(paid, updates, np.random.default_rng(seed), step=2.0, record_every=max(updates // 40, 1))
        last = path.nu[len(path.nu) // 2 :]
        reached = float(np.mean([gap(game, nu) for nu in last]))
        rows.append({"kappa": float(budget), "M": groups, "seed": seed, "gap": reached, "predicted": error})
    return rows


def summary(rows: list[Row]) -> list[Row]:
    """The sampled plays, seeds summed up by quantiles."""
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["K"], row["n"], row["tau"], row["arm"], row["samples"]), []).append(row)
    lines = []
    for (K, n, tau, arm, samples), group in cells.items():
        gaps, counts, kept = ([r[key] for r in group] for key in ("gap", "alive", "kept"))
        low, middle, high = (float(q) for q in np.quantile(gaps, [0.1, 0.5, 0.9]))
        line = {"K": K, "n": n, "tau": tau, "arm": arm, "samples": samples, "seeds": len(group)}
        lines.append(
            line
            | {
                "gap_10": low,
                "gap_50": middle,
                "gap_90": high,
                "alive": float(np.mean(counts)),
                "kept": float(np.mean(kept)),
            }
        )
    return lines
