"""Tables over the parts of a log, and two runs compared."""

from __future__ import annotations

import numpy as np
import pytest

from polyest.errors import ArgumentError
from polyest.rollouts.grouping import group_rows
from polyest.rollouts.measures import columns_of, differences, group_measures, parts_table
from polyest.rollouts.statistics import GroupStatistics, group_statistics

GROUPS = {  # run, step, prompt
    ("a", 2, "p"): "xxxy",
    ("a", 10, "p"): "xxxx",
    ("a", 2, "q"): "wxyz",
    ("b", 2, "p"): "xyyz",
    ("b", 2, "q"): "wxyz",
    ("b", 30, "q"): "wwww",
}


def record(groups: dict[tuple[str, int, str], str] = GROUPS) -> GroupStatistics:
    rows = [(key, answer) for key, answers in groups.items() for answer in answers]
    runs, steps, prompts = zip(*groups, strict=True)
    keys = {"run": runs, "step": steps, "prompt": prompts}
    return group_statistics(group_rows([key for key, _ in rows]), [answer for _, answer in rows], keys)


def test_runs_stay_apart_and_steps_are_in_order() -> None:
    statistics = record()
    table = parts_table(statistics, group_measures(statistics), columns_of(statistics, "step"))
    assert table.columns == {"run": ["a", "a", "b", "b"], "step": [2, 10, 2, 30]}
    assert table.label(1) == "run a, step 10"
    assert table.means["distinct"].mean.tolist() == [3.0, 1.0, 3.5, 1.0]
    assert table.means["distinct"].prompts.tolist() == [2, 1, 2, 1]


def test_prompts_are_ranked_by_collapse() -> None:
    statistics = record({key: answers for key, answers in GROUPS.items() if key[1] == 2})
    table = parts_table(statistics, group_measures(statistics), columns_of(statistics, "prompt"))
    assert table.columns == {"run": ["a", "a", "b", "b"], "prompt": ["p", "q", "p", "q"]}
    assert table.collapse().tolist() == [1, 3, 2, 4]  # xxxy, wxyz, xyyz, wxyz


def test_two_runs_are_compared_in_the_steps_and_prompts_that_both_have() -> None:
    """Both have p and q at step 2: distinct 2 → 3 and 4 → 4; mean difference 0.5, error 0.5."""
    statistics = record()
    found = {one.measure: one for one in differences(statistics, group_measures(statistics))}
    assert (found["distinct"].run, found["distinct"].paired) == ("b", 2)
    assert (found["distinct"].mean.mean, found["distinct"].mean.standard_error) == pytest.approx((0.5, 0.5))


def test_one_run_has_no_differences() -> None:
    statistics = record({key: answers for key, answers in GROUPS.items() if key[0] == "a"})
    assert differences(statistics, group_measures(statistics)) == []


def test_an_unknown_part_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ArgumentError, match="`--by` must be one of run, step, prompt; got 'stepp'; did you mean 'step'"
    ):
        columns_of(record(), "stepp")


def test_a_group_of_many_sizes_counts_once() -> None:
    """Ragged groups: the largest of a part is what advice is about."""
    statistics = record({("a", 1, "p"): "xy", ("a", 1, "q"): "x" * 20})
    assert parts_table(statistics, group_measures(statistics), ["step"]).most.tolist() == [20]
    assert np.isfinite(group_measures(statistics)["entropy_aqp"].values).all()
