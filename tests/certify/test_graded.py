"""`verify` and tables of graded rewards: what is proved, and that no forged file passes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from verify_support import Run

from polyest import certify, graded
from polyest.certify.graded import dual_value
from polyest.cli.verify import judge
from polyest.problems.problem import Budget, make_problem
from polyest.problems.targets import get_target
from polyest.storage import store
from polyest.storage.table import Table, to_json

F = Fraction


def shipped(n: int, K: int, beta: str = "0.05") -> Table:
    path = store.relative_path(make_problem(f"best_of({n})", K, worst_case_bias=beta))
    return store.read(store.shipped_folder() / path)


def honest_claims(table: Table) -> Table:
    """The same with claims that are true of its coefficients: only the key can give the forgery away."""
    return replace(table, certificate=certify.certificate(table))


def with_coefficients(change: Callable[[list[float]], None]) -> Callable[[], Table]:
    def forged() -> Table:
        table = shipped(12, 8)
        c = list(table.coefficients)
        change(c)
        return honest_claims(replace(table, coefficients=tuple(c)))

    return forged


def moved(c: list[float]) -> None:
    c[0] += 2.0**-30
    c[1] -= 2.0**-30


def off_by_an_ulp(c: list[float]) -> None:
    c[0] = math.nextafter(c[0], math.inf)


def best_of_k(c: list[float]) -> None:
    c[:] = [8.0, *[0.0] * 7]


def renamed(**changes) -> Table:
    table = shipped(12, 8)
    return honest_claims(replace(table, problem=replace(table.problem, **changes)))


def without(name: str) -> Table:
    table = shipped(12, 8)
    return honest_claims(replace(table, proof=table.proof | {name: tuple(0.0 * x for x in table.proof[name])}))


def bayes() -> Table:
    mean = get_target("best_of(12)").mean
    assert mean is not None
    table = replace(shipped(12, 8), proof={"points": (), "multipliers": ()})
    return honest_claims(replace(table, coefficients=tuple(float(mean(m, 8)) for m in range(8))))


FORGERIES = {
    "coefficients moved within their sum": (with_coefficients(moved), "worst_case_bias must be|optimality is proved"),
    "a sum off by an ulp": (with_coefficients(off_by_an_ulp), "coefficients must add up to 8"),
    "best of K": (with_coefficients(best_of_k), "worst_case_bias must be that of the key, 0.05; it is 0.148148"),
    "another n": (lambda: renamed(target="best_of(11)"), "worst_case_bias must be that of the key"),
    "another budget": (lambda: renamed(budget=Budget("worst_case_bias", F("0.051"))), "must be that of the key, 0.051"),
    "a smaller budget": (
        lambda: renamed(budget=Budget("worst_case_bias", F("0.049"))),
        "must be that of the key, 0.049",
    ),
    "a budget of aqp": (lambda: renamed(budget=Budget("noise_budget", F("1.5"))), "key makes no sense"),
    "no budget": (lambda: renamed(budget=None), "key must be written as that of"),
    "exact anyway": (lambda: renamed(target="best_of(8)"), "key makes no sense"),
    "too many draws": (lambda: renamed(target="best_of(17)"), "key makes no sense"),
    "no multipliers": (lambda: without("multipliers"), "optimality is proved to nothing only"),
    "the Bayes table": (bayes, "worst_case_bias must be that of the key, 0.05; it is 0.31"),
    "another table of K−1": (
        lambda: replace(shipped(12, 8), leave_one_out=shipped(16, 8).leave_one_out),
        r"leave_one_out\.",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forged_file_passes(name: str, tmp_path: Path) -> None:
    forge, told = FORGERIES[name]
    path = tmp_path / "k8.json"
    path.write_text(to_json(forge()), encoding="utf-8")
    verdict = judge(path, None, ())
    assert verdict.kind == "failed"
    assert any(re.search(told, reason) for reason in verdict.reasons)


@pytest.mark.parametrize("claim", ["worst_case_bias", "noise", "optimality"])
@pytest.mark.parametrize("end", [0, 1])
def test_claims_that_are_too_narrow_or_too_wide_fail(claim: str, end: int) -> None:
    table, name = shipped(12, 8), ("lower_text", "upper_text")[end]
    honest = getattr(table.certificate, claim)
    for share in ("0.999999", "1.000001"):
        enclosure = replace(honest, **{name: str(Decimal(getattr(honest, name)) * Decimal(share))})
        assert certify.verify(replace(table, certificate=replace(table.certificate, **{claim: enclosure})))


@pytest.mark.slow
@pytest.mark.parametrize(("n", "K"), [(12, 8), (16, 8), (24, 16), (32, 16)])
def test_no_table_within_the_budget_has_less_than_the_dual_value(n: int, K: int) -> None:
    """Weak duality, tried on tables around the optimum: those that are nearer to the Bayes table miss the budget."""
    table, target = shipped(n, K), get_target(f"best_of({n})")
    assert table.certificate is not None
    beta = F(table.certificate.worst_case_bias.upper_text)
    lower = dual_value(target, K, table.proof["points"], table.proof["multipliers"], beta)
    assert target.mean is not None
    mean = [target.mean(m, K) for m in range(K)]

    def objective(c) -> Fraction:
        return sum((F(m + 1, K * K) * (F(x) - mu) ** 2 for m, (x, mu) in enumerate(zip(c, mean, strict=True))), F(0))

    assert lower <= objective(table.coefficients) <= lower * (1 + F(1, 10**12))
    rng = np.random.default_rng(n)
    steps = rng.normal(size=(40, K)) * 1e-3
    tables = np.array(table.coefficients) + steps - steps.mean(axis=1, keepdims=True)  # of the same sum
    better = [c for c in tables if objective(c) < lower]
    assert len(better) > 10
    assert all(worst(n, c) > float(beta) for c in better)


def worst(n: int, c: np.ndarray) -> float:
    K, p = len(c), np.linspace(0, 1, 20_001)
    tails = np.cumsum([math.comb(K, j) * p**j * (1 - p) ** (K - j) for j in range(K, 0, -1)], axis=0)[::-1]
    return float(np.abs(c @ tails / K - (1 - (1 - p) ** n)).max())


def test_the_dual_value_grows_with_any_better_multiplier_only_up_to_the_optimum() -> None:
    table, target = shipped(12, 8), get_target("best_of(12)")
    assert table.certificate is not None
    assert table.certificate.optimality is not None
    most = F(table.certificate.optimality.upper_text)
    points, multipliers = table.proof["points"], table.proof["multipliers"]
    beta = F(table.certificate.worst_case_bias.upper_text)
    for factor in (0.0, 0.5, 0.9, 1.1, 2.0):
        assert dual_value(target, 8, points, [factor * x for x in multipliers], beta) <= most


@pytest.mark.slow
def test_the_command_line_knows_them(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("solve", "--target", "best_of(6)", "-k", "4:5", "--out", tmp_path, "--jobs", 1)
    assert code == 0
    assert "best_of(6) K=4 graded worst_case_bias=0.05  bias ≤ 0.05001" in out
    code, out, _ = run("verify", tmp_path)
    assert (code, out) == (0, "2 proved\n")
    code, out, _ = run("show", "best_of(12)", "-k", "8", "--worst-case-bias", "0.02", "--json")
    shown = json.loads(out)
    assert (code, shown["method"], shown["budget"]) == (0, "graded", {"worst_case_bias": "0.02"})
    assert shown["coefficients"] == graded.best_of(12, 8, worst_case_bias=0.02).coefficients.tolist()
    assert shown["worst_case_bias"] == pytest.approx(0.02, rel=1e-9)
    assert json.loads(run("show", "best_of(12)", "-k", "8", "--json")[1])["method"] == "graded"
    code, out, _ = run("list")
    assert code == 0
    assert "best_of(32)" in out
    assert "16:31" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--target", "best_of(12)", "-k", "12", "--method", "graded"], "makes no sense for best_of(12) at K = 12"),
        (["--target", "best_of(12)", "-k", "5", "--method", "graded"], "(K ≥ 6 would do)"),
        (["--target", "best_of(12)", "-k", "5"], "(K ≥ 6 would do)"),
        (["--target", "log", "-k", "5", "--method", "graded"], "needs a polynomial target of degree < 2K"),
        (["--target", "worst_of(12)", "-k", "8"], "worst_of, whose tables for n > K are those of best_of(n)"),
        (["--target", "best_of(0)", "-k", "5"], "best_of(n) needs a whole n from 1 to 257"),
        (["--target", "best_of(2.5)", "-k", "5"], "best_of(n) needs a whole n from 1 to 257"),
        (["--target", "best_of", "-k", "5"], "must be written best_of(n)"),
        (["--target", "log", "-k", "5", "--worst-case-bias", "0.1"], "needs a polynomial target"),
        (
            ["--target", "best_of(12)", "-k", "8", "--worst-case-bias", "-1"],
            "`worst_case_bias` must be a positive decimal",
        ),
        (["--target", "best_of(12)", "-k", "8", "--worst-case-bias", "1e-4"], "out of reach"),
        (["--target", "power(-0.75)", "-k", "8"], "`bias_budget` is required for power(-0.75)"),
        (["--target", "power(-0.75)", "-k", "8", "--noise-budget", "1.5"], "every table of it has infinite noise"),
        (["--target", "power(-0.75)", "-k", "8", "--groups", "8"], "every table of it has infinite noise"),
    ],
)
def test_what_cannot_be_solved_is_refused_in_one_line(
    run: Run, arguments: list[str], told: str, tmp_path: Path
) -> None:
    code, out, err = run("solve", *arguments, "--out", tmp_path, "--jobs", 1)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
