"""The page of papers: what it says is what the lines and the papers' formulas pay, for any group."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from places import ROOT

import polyest
from benchmarks import papers, published
from benchmarks.papers import agrees, compare, run, table
from benchmarks.published import ROWS, Row
from polyest.errors import ArgumentError

K = 8
COUNTED = [row for row in ROWS if row.counts in ("answers", "correct")]


def name(row: Row) -> str:
    return row.paper.split(",")[0][:30]


def test_the_page_is_what_the_benchmark_writes() -> None:
    assert (ROOT / "docs" / "papers.md").read_text(encoding="utf-8") == papers.page()


@pytest.mark.parametrize("row", COUNTED, ids=name)
def test_a_count_decides_the_pay_in_any_group(row: Row) -> None:
    rng = np.random.default_rng(3)
    for pay in (row.pay, lambda answers, rewards: run(row, answers, rewards)):
        c = table(row, pay, K)
        for _ in range(20):
            answers, hits = rng.integers(0, 4, K).tolist(), rng.integers(0, 2, K).astype(float).tolist()
            if row.counts == "answers":
                expected = [c[answers.count(a) - 1] for a in answers]
                assert np.allclose(pay(answers, [1.0] * K), expected, rtol=1e-12, atol=1e-12)
            else:
                paid = np.array(pay(answers, hits)) - np.array([pay(answers, wrong(hits, i))[i] for i in range(K)])
                others = [int(sum(hits) - h) for h in hits]
                expected = np.where(hits, c[others], 0.0)
                assert np.allclose(paid, expected, rtol=1e-9, atol=1e-9)


def wrong(hits: list[float], i: int) -> list[float]:
    """The group in which completion i fails."""
    return [0.0 if j == i else h for j, h in enumerate(hits)]


@pytest.mark.parametrize("row", [row for row in ROWS if row.counts == "graded"], ids=name)
def test_graded_rewards_are_paid_the_same(row: Row) -> None:
    assert agrees(row, K)


def test_weights_multiply() -> None:
    """DARLING's pay with rewards that differ within an answer."""
    darling = next(row for row in ROWS if "DARLING" in row.paper)
    answers, rewards = [0, 0, 0, 1, 1, 2, 3, 3], [0.5, -1.0, 2.0, 0.0, 1.0, 3.0, 0.25, 1.0]
    assert np.allclose(darling.pay(answers, rewards), run(darling, answers, rewards), rtol=1e-14)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_bias_and_noise_are_those_of_the_certificate(size: int) -> None:
    certificate = polyest.load("log", size).certificate
    found = compare(ROWS[0], size).polyest
    assert found[0] == pytest.approx(certificate.worst_case_bias.upper, rel=1e-4)
    assert found[1] == pytest.approx(certificate.noise.upper, rel=1e-4)


def test_the_plug_in_bias_is_the_one_of_the_theory() -> None:
    assert compare(ROWS[0], 8).paper[0] == pytest.approx(0.06554276409294340, rel=1e-5)  # theory.md §3
    assert compare(ROWS[0], 8).paper[1] == pytest.approx(0.02952976647786384, rel=1e-5)


@pytest.mark.parametrize("scaled", [False, True])
def test_pass_at_k_training_by_enumeration(scaled: bool) -> None:
    """All groups of 6 at three success rates: without σ the expected update is (K−k)/(kK)·∇pass@k, with it none."""
    size, k = 6, published.k
    pay = published.pass_at_k_scaled if scaled else published.pass_at_k_training
    ratios = []
    for s in (0.2, 0.5, 0.9):
        update = (
            sum(
                s ** sum(hits)
                * (1 - s) ** (size - sum(hits))
                * sum(a * (1 / s if h else -1 / (1 - s)) for a, h in zip(pay([0] * size, [*hits]), hits, strict=True))
                for hits in product((0.0, 1.0), repeat=size)
            )
            / size
        )
        ratios.append(update / (k * (1 - s) ** (k - 1)))
    assert np.allclose(ratios, (size - k) / (k * size)) == (not scaled)


def test_a_majority_is_no_function_of_ones_own_count() -> None:
    row = ROWS[-1]
    groups = [0, 0, 1, 2, 3, 4], [0, 0, 1, 1, 1, 2]
    assert [row.pay(group, [1.0] * 6)[0] for group in groups] == [1.0, 0.0]
    with pytest.raises(ArgumentError, match="cannot be estimated"):
        run(row, [0, 0, 1, 2], [1.0] * 4)


def test_inverse_probability_scaling_trains_the_truncated_log() -> None:
    """K/N has mean (1 − (1−p)^K)/p, by enumeration of how many others agree."""
    for p in (0.05, 0.3, 0.8):
        mean = sum(comb(K - 1, m) * p**m * (1 - p) ** (K - 1 - m) * K / (m + 1) for m in range(K))
        assert mean == pytest.approx((1 - (1 - p) ** K) / p)
