"""Measures of groups and their means, against counts by hand and against enumeration."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from polyest.rollouts.grouping import group_rows
from polyest.rollouts.measures import group_measures, means_by, warnings

PROMPTS = ["x"] * 5 + ["y"] * 3
ANSWERS = ["a", "a", "b", None, "c", 1, "1", 1.5]
CORRECT = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]


def test_measures_counted_by_hand() -> None:
    """x: a twice, b and c once, one without; y: three different ones, for 1 and "1" differ."""
    found = group_measures(group_rows(PROMPTS), ANSWERS, CORRECT)
    expected = {
        "distinct": [3, 3],
        "singletons": [2 / 4, 1],
        "no_answer": [1 / 5, 0],
        "agreement": [2 / 4, 1 / 3],
        "correct": [2 / 5, 1 / 3],
        "pass@1": [2 / 5, 1 / 3],
        "pass@2": [1 - 3 / 10, 1 - 1 / 3],  # C(3,2)/C(5,2), C(2,2)/C(3,2)
        "pass@4": [1, math.nan],  # of three wrong ones no four can be drawn
    }
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-14, err_msg=name)


def test_groups_without_an_answer_have_no_shares() -> None:
    found = group_measures(group_rows(["x", "x"]), [None, None])
    assert found["no_answer"].tolist() == [1.0]
    assert np.isnan(found["agreement"]).all()
    assert np.isnan(found["singletons"]).all()


def test_verdicts_between_0_and_1_give_no_pass_at_k() -> None:
    found = group_measures(group_rows(["x", "x"]), ["a", "b"], [0.5, 1.0])
    assert found["correct"].tolist() == [0.75]
    assert "pass@1" not in found
    assert "correct" not in group_measures(group_rows(["x", "x"]), ["a", "b"], [None, 1.0])


def test_pass_at_k_is_unbiased() -> None:
    """Over all groups of 5 with success rate 0.3: Σ P(group)·estimate = 1 − 0.7^k."""
    groups = [*product((0.0, 1.0), repeat=5)]
    rows = [verdict for group in groups for verdict in group]
    found = group_measures(group_rows(np.repeat(np.arange(32), 5).tolist()), rows, rows)
    weights = np.array([0.3 ** sum(group) * 0.7 ** (5 - sum(group)) for group in groups])
    for k in (1, 2, 4):
        assert weights @ found[f"pass@{k}"] == pytest.approx(1 - 0.7**k, rel=1e-12)


def test_means_count_every_prompt_alike_and_keep_parts_apart() -> None:
    """Step 1: prompts x (1, 2 → 1.5) and y (4): mean 2.75, error |4 − 1.5|/2. Step 2: one prompt, no error."""
    measures = {"distinct": np.array([1.0, 2.0, 4.0, 7.0])}
    found = means_by(measures, ["x", "x", "y", "x"], [1, 1, 1, 2])
    assert [*found] == [1, 2]
    assert (found[1]["distinct"].mean, found[1]["distinct"].prompts) == (2.75, 2)
    assert found[1]["distinct"].standard_error == pytest.approx(1.25)
    assert found[2]["distinct"].mean == 7.0
    assert math.isnan(found[2]["distinct"].standard_error)


def test_warnings_say_what_to_do() -> None:
    groups = group_rows(["x"] * 4 + ["y"] * 4)
    measures = group_measures(groups, list("abcdefgh"))
    means = means_by(measures, groups.prompts, [0, 0])[0]
    told = warnings(means, groups.sizes)
    assert any("100% of the answers came once" in line and "extract" in line for line in told)
    assert any("larger than its error" in line for line in told)
    assert warnings(means_by({"singletons": np.zeros(2), "no_answer": np.zeros(2)}, "xy", [0, 0])[0], [16, 16]) == []
