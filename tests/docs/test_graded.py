"""What docs/graded.md says beyond the reference values, recomputed."""

from __future__ import annotations

import doctest
import re
from fractions import Fraction

import graded_support as by_definition
import numpy as np
import pytest
from places import ROOT

import polyest
from benchmarks import graded as benchmark
from polyest import graded

PAGE = ROOT / "docs" / "graded.md"
TEXT = PAGE.read_text(encoding="utf-8")
LAW = [(Fraction(0), Fraction(1, 2)), (Fraction(1), Fraction(1, 3)), (Fraction(3), Fraction(1, 6))]
DIRECTION = [Fraction(1, 2), Fraction(1, 3), Fraction(-5, 6)]


def test_its_examples_run() -> None:
    assert doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def _row(begin: str) -> list[str]:
    (line,) = re.findall(rf"^\| {re.escape(begin)} \|(.*)\|$", TEXT, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


@pytest.mark.slow
def test_the_noise_is_as_tabulated() -> None:
    # 10^5 groups: three standard errors of an rms are below 0.02; the numbers are rounded to 0.01
    rng, cases = np.random.default_rng(0), [(8, 2), (8, 4), (8, 8), (16, 2), (16, 4), (16, 8), (16, 16)]
    rows = [_row(name) for name in ("PKPO, `sloo_minus_one`", "OrderGrad, exact leave-one-out", "`advantages`")]
    for column, (K, n) in enumerate(cases):
        rewards = rng.normal(size=(100_000, K))
        found = [benchmark.pkpo(rewards, n), None if n == K else benchmark.order_grad(rewards, n)]
        found.append(graded.best_of(n, K).advantages(rewards))
        for row, scores in zip(rows, found, strict=True):
            if scores is None:
                assert row[column] == "–"
            else:
                assert float(row[column]) == pytest.approx(np.sqrt((scores**2).mean()), abs=0.025)


def test_the_noise_of_two_arms_is_as_stated() -> None:
    # the number of arms paid 1 among 16 is Binomial(16, ½): no sampling
    groups = np.array([[1.0] * h + [0.0] * (16 - h) for h in range(17)])
    chances = np.array([float(Fraction(benchmark.comb(16, h), 2**16)) for h in range(17)])
    scores = np.where(groups == 1, 0.5, -0.5)  # s(1−s) times the derivative of the log-probability by s
    found = [benchmark.pkpo(groups, 2), benchmark.order_grad(groups, 2), graded.best_of(2, 16).advantages(groups)]
    updates = [(a * scores).mean(axis=1) for a in found]
    assert [float(chances @ u) for u in updates] == pytest.approx([0.25] * 3)
    spread = [float(np.sqrt(chances @ (u - 0.25) ** 2)) for u in updates]
    assert spread == pytest.approx([0.023, 0.067, 0.063], abs=5e-4)


@pytest.mark.slow
@pytest.mark.parametrize("K", [3, 4, 5])
def test_subtracting_the_groups_mean_trains_a_mixture_if_no_reward_is_negative(K: int) -> None:
    def centred(group, n=2):
        rewards = graded.best_of(n, K).rewards([float(r) for r in group])
        return (rewards - rewards.mean()).tolist()

    mixture = (1 - Fraction(2, K)) * by_definition.gradient(LAW, DIRECTION, [0, 1])
    mixture += Fraction(2, K) * by_definition.gradient(LAW, DIRECTION, [1])
    assert float(by_definition.expected_update(LAW, DIRECTION, K, centred)) == pytest.approx(float(mixture), abs=1e-13)
    shifted = [(r - 3, p) for r, p in LAW]
    update = by_definition.expected_update(shifted, DIRECTION, K, centred)
    assert float(update) != pytest.approx(float(mixture), rel=1e-3)


def test_dividing_by_the_groups_standard_deviation_changes_the_direction() -> None:
    def divided(group):
        advantages = graded.best_of(2, 4).advantages([float(r) for r in group])
        return (advantages / (np.std([float(r) for r in group]) or 1.0)).tolist()

    ratios = []
    for direction in ([1, -1, 0], [0, 1, -1]):
        truth = by_definition.gradient(LAW, [Fraction(d) for d in direction], [0, 1])
        ratios.append(float(by_definition.expected_update(LAW, direction, 4, divided) / truth))
    assert ratios[0] != pytest.approx(ratios[1], rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("K", "n"), [(8, 12), (8, 16), (16, 24), (16, 32)])
def test_the_price_of_drawing_fewer_than_n_is_as_tabulated(K: int, n: int) -> None:
    off, *prices = _row(f"{K}, {n}")
    p = np.linspace(0, 1, 100_001)
    assert float(off) == pytest.approx(((1 - p) ** K - (1 - p) ** n).max(), abs=5e-4)
    plain = polyest.load(f"best_of({K})", K).certificate.noise.upper
    x = np.random.default_rng(0).normal(size=(100_000, K))
    spread = (graded.best_of(K, K).advantages(x) * (x**2 - 1)).mean(axis=1).std()
    for beta, price in zip(("0.05", "0.02"), prices, strict=True):
        worst, gradient = map(float, price.strip(")").split(" ("))
        objective = graded.best_of(n, K, worst_case_bias=beta)
        assert worst == pytest.approx((objective.certificate.noise.upper / plain) ** 0.5, abs=0.0051)
        # standard errors of the ratio are below 0.007; the numbers are rounded to 0.01
        update = (objective.advantages(x) * (x**2 - 1)).mean(axis=1)
        assert gradient == pytest.approx(update.std() / spread, abs=0.03)
