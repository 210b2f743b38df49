"""Drift against `polyest.history.squared_drift`, prompt by prompt."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from polyest.history import squared_drift
from polyest.rollouts.grouping import group_rows
from polyest.rollouts.measures.drift import drift_measures
from polyest.rollouts.statistics import GroupStatistics, group_statistics

VISITS = {("p", 10): "aabc", ("q", 2): "xxxx", ("p", 9): "aabb", ("p", 11): ["b", None, "b", "c"], ("q", 3): "xxyz"}


def record() -> GroupStatistics:
    rows = [(visit, answer) for visit, answers in VISITS.items() for answer in answers]
    groups = group_rows([visit for visit, _ in rows])
    prompts, steps = zip(*VISITS, strict=True)
    keys = {"step": steps, "prompt": prompts}
    return group_statistics(groups, [answer for _, answer in rows], keys)


def test_each_visit_is_compared_with_the_step_before() -> None:
    expected = dict.fromkeys(VISITS, np.nan)
    for prompt in "pq":
        for before, now in pairwise(sorted(visit for visit in VISITS if visit[0] == prompt)):
            expected[now] = squared_drift([*VISITS[before]], [*VISITS[now]])
    assert drift_measures(record())["drift"].values.tolist() == pytest.approx([*expected.values()], nan_ok=True)


@pytest.mark.parametrize("at_once", [1, 5])
def test_pieces_of_the_log_give_the_same(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    whole = drift_measures(record())["drift"].values
    monkeypatch.setattr("polyest.rollouts.measures.drift.AT_ONCE", at_once)
    np.testing.assert_array_equal(drift_measures(record())["drift"].values, whole)


def test_there_is_none_where_answers_of_different_groups_cannot_be_compared() -> None:
    assert drift_measures(replace(record(), codes=None)) == {}
