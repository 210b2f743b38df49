"""Measures of groups against counts by hand, and each name with a sentence."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from itertools import product

import numpy as np
import pytest

import polyest
from polyest.rollouts.grouping import group_rows
from polyest.rollouts.measures import UNITS, about, group_measures, parts_table
from polyest.rollouts.measures.answers import ENTROPIES
from polyest.rollouts.statistics import GroupStatistics, group_statistics, statistics_of_codes

PROMPTS = ["x"] * 5 + ["y"] * 3
ANSWERS = ["a", "a", "b", None, "c", 1, "1", 1.5]
CORRECT = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
SCORES = [3.0, 1.0, 2.0, 0.0, 4.0, 1.0, 1.0, 7.0]


def record(
    prompts: Sequence[Hashable],
    answers: Sequence[Hashable],
    correct: Sequence[float | None] | None = None,
    scores: Sequence[float | None] | None = None,
) -> GroupStatistics:
    groups = group_rows(prompts)
    return group_statistics(groups, answers, {"prompt": groups.prompts}, correct=correct, scores=scores)


def values(*arguments: object) -> dict[str, list[float]]:
    return {name: one.values.tolist() for name, one in group_measures(record(*arguments)).items()}  # type: ignore[arg-type]


def test_measures_counted_by_hand() -> None:
    """x: a twice, b and c once, one without; y: three different ones, for 1 and "1" differ.

    Harmonic: Σ_z (n/N) Σ_{j=n}^{N−1} 1/j, N = 4: ½(½ + ⅓) + 2·¼·(1 + ½ + ⅓) = 4/3; N = 3: 1 + ½ = 3/2.
    """
    found = values(PROMPTS, ANSWERS, CORRECT, SCORES)
    expected = {
        "entropy_harmonic": [4 / 3, 3 / 2],
        "entropy_plug_in": [1.5 * math.log(2), math.log(3)],  # ½ log 2 + ½ log 4
        "distinct": [3, 3],
        "singletons": [2 / 4, 1],
        "no_answer": [1 / 5, 0],
        "agreement": [2 / 4, 1 / 3],
        "collision": [2 / (4 * 3), 0],
        "correct": [2 / 5, 1 / 3],
        "pass@1": [2 / 5, 1 / 3],
        "pass@2": [1 - 3 / 10, 1 - 1 / 3],  # C(3,2)/C(5,2), C(2,2)/C(3,2)
        "pass@4": [1, math.nan],  # of three wrong ones no four can be drawn
        "majority@1": [2 / 5, 1 / 3],
        "majority@3": [3 / 10, 0],  # C(2,2)·3 of C(5,3) have two right ones
        "vote@1": [2 / 5, 1 / 3],
        # pairs of x: aa wins; ab, ac share (4 of them); a− wins (2); b−, c−, bc lose: (1 + 4/2 + 2)/10
        "vote@2": [5 / 10, (1 / 2 + 1 / 2) / 3],
        "best_of(1)": [2, 3],
        "best_of(2)": [(4 * 4 + 3 * 3 + 2 * 2 + 1) / 10, (7 + 7 + 1) / 3],
        "correct_distinct": [1, 1],
    }
    for name, numbers in expected.items():
        np.testing.assert_allclose(found[name], numbers, rtol=1e-14, err_msg=name)


def test_entropies_are_those_of_the_library_for_the_completions_with_an_answer() -> None:
    found = values(PROMPTS, ANSWERS)
    for method in ("aqp", "harmonic", "plug_in"):
        truth = [-polyest.load("log", len(g), method).value(g) for g in (["a", "a", "b", "c"], [0, 1, 2])]
        np.testing.assert_allclose(found[f"entropy_{method}"], truth, rtol=1e-12)


def test_correct_completions_that_agree_show_the_bias_of_their_number() -> None:
    """−c[N−1] of aqp's tables of N = 2 and 3 (theory.md §3); the entropy is 0."""
    found = values(["x"] * 4 + ["y"] * 4, [*"aabc", *"aaab"], [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    assert found["correct_distinct"] == [1, 1]
    assert found["correct_entropy"] == pytest.approx([0.025672786768011473, 0.06355564174722833], rel=1e-14)
    assert "what is seen is that bias" in about("correct_entropy")


def test_groups_without_an_answer_have_no_shares() -> None:
    found = values(["x", "x"], [None, None])
    assert found["no_answer"] == [1.0]
    for name in ("agreement", "singletons", "collision", "entropy_aqp", "entropy_plug_in"):
        assert np.isnan(found[name]).all(), name


def test_one_answer_has_no_entropy() -> None:
    assert np.isnan(values(["x", "x"], ["a", None])["entropy_plug_in"]).all()


@pytest.mark.slow
def test_group_sizes_without_a_table_have_the_other_entropies() -> None:
    found = values(["x"] * 300, [*range(299), 0])
    assert np.isnan(found["entropy_aqp"]).all()
    assert found["entropy_plug_in"] == pytest.approx([math.log(300) - 2 / 300 * math.log(2)])


@pytest.mark.parametrize("verdicts", [[0.5, 1.0, 0.5], [0.5, 0.5, 1.0]])
def test_verdicts_between_0_and_1_give_no_pass_at_k(verdicts: list[float]) -> None:
    """Two halves for one answer are not one success."""
    found = values(["x"] * 3, ["a", "a", "b"], verdicts)
    assert found["correct"] == [2 / 3]
    assert "pass@1" not in found


def test_a_group_with_an_unknown_verdict_has_no_success_rate() -> None:
    found = values(["x", "x", "y", "y"], ["a", "b", "a", "b"], [None, 1.0, 0.0, 1.0])
    for name in ("correct", "pass@1", "pass@2", "vote@2"):
        assert math.isnan(found[name][0]), name
    assert (found["correct"][1], found["pass@2"][1], found["vote@2"][1]) == (0.5, 1.0, 0.5)


def test_correct_completions_without_an_answer_count() -> None:
    found = values(["x"] * 4, [None, "a", "a", "b"], [1.0, 0.0, 0.0, 0.0])
    assert (found["correct"], found["pass@2"]) == ([0.25], [0.5])


def test_pass_at_k_is_unbiased() -> None:
    """Over all groups of 5 with success rate 0.3: Σ P(group)·estimate = 1 − 0.7^k; of variances likewise if 2k ≤ K."""
    groups = [*product((0.0, 1.0), repeat=5)]
    rows = [verdict for group in groups for verdict in group]
    found = group_measures(record(np.repeat(np.arange(32), 5).tolist(), rows, rows))
    weights = np.array([0.3 ** sum(group) * 0.7 ** (5 - sum(group)) for group in groups])
    for k in (1, 2, 4):
        pass_at_k = found[f"pass@{k}"]
        assert weights @ pass_at_k.values == pytest.approx(1 - 0.7**k, rel=1e-12)
        if 2 * k <= 5:
            spread = weights @ (pass_at_k.values - (1 - 0.7**k)) ** 2
            assert weights @ pass_at_k.variances == pytest.approx(spread, rel=1e-10)
    np.testing.assert_allclose(found["correct"].variances, found["pass@1"].variances, atol=1e-15)


def test_bits_are_nats_over_log_2_and_nothing_else_changes() -> None:
    nats, bits = (group_measures(record(PROMPTS, ANSWERS, CORRECT), unit) for unit in ("nats", "bits"))
    for name, one in nats.items():
        factor = 1 / math.log(2) if "entropy" in name else 1.0
        np.testing.assert_allclose(bits[name].values, one.values * factor)
        np.testing.assert_allclose(bits[name].variances, one.variances * factor**2)
    statistics = record(PROMPTS, ANSWERS)
    one, other = (
        parts_table(statistics, found, [], UNITS[unit]).means["effective_answers"]
        for found, unit in ((nats, "nats"), (bits, "bits"))
    )
    assert one.mean == pytest.approx(other.mean)
    assert one.mean == pytest.approx(math.exp(nats["entropy_aqp"].values.mean()))
    assert one.se_random == pytest.approx(other.se_random)


@pytest.mark.slow
@pytest.mark.parametrize(("varied", "size"), [(0.01, 2000), (0.5, 500)])  # of which more than are sampled
def test_errors_from_a_sample_are_those_of_the_law_where_most_groups_are_collapsed(varied: float, size: int) -> None:
    """The jackknife of a collapsed group is 0, its law's variance is not: 12 groups of one answer have no ratio."""
    generator = np.random.default_rng(0)
    codes = generator.geometric(generator.uniform(0.05, 0.9, (size, 1)), (size, 64))
    codes[generator.random(size) > varied] = 0
    codes[:2] = np.arange(64) // 2, np.arange(64)  # of which it is 0 as well
    whole, part = (group_measures(statistics_of_codes(codes), effort=effort) for effort in (100.0, 1 / 64))
    for name in (f"entropy_{method}" for method in ENTROPIES):
        assert part[name].variances.mean() == pytest.approx(whole[name].variances.mean(), rel=0.2), name


def test_every_measure_says_what_it_estimates() -> None:
    for name in [*group_measures(record(PROMPTS, ANSWERS, CORRECT, SCORES)), "effective_answers", "value_aqp", "drift"]:
        assert len(about(name)) > 15
