"""`score_batch`: any Arrow batch of whole groups, and none of cut ones where that can be seen."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import polyest
from polyest.errors import ArgumentError
from polyest.rollouts import score_batch
from polyest.rollouts.batch import part_of

BATCH = pa.table({"q": [1, 1, 2, 1, 2, 2], "n": [3, 3, 3, 3, 3, 3], "z": ["a", "b", "a", "a", None, "a"]})
COLUMNS = {"prompt_columns": ["q"], "answer_column": "z"}


@pytest.mark.parametrize("batch", [BATCH, BATCH.combine_chunks().to_batches()[0], BATCH.take([5, 4, 3, 2, 1, 0])])
def test_a_batch_is_scored_as_the_library_scores_its_groups(batch: pa.Table) -> None:
    scored = score_batch(batch, "log", "harmonic", **COLUMNS)
    answers, groups = batch.column("z").to_pylist(), batch.column("q").to_pylist()
    assert scored["reward"].to_pylist() == polyest.rewards(answers, groups, "log", "harmonic").tolist()
    assert scored["advantage"].to_pylist() == polyest.advantages(answers, groups, "log", "harmonic").tolist()


@pytest.mark.parametrize("known", [{"group_size": 3}, {"size_column": "n"}])
def test_a_cut_group_is_refused_where_its_size_is_known(known: dict[str, object]) -> None:
    assert len(score_batch(BATCH, "log", "harmonic", **COLUMNS, **known)) == 6
    with pytest.raises(ArgumentError, match="whole groups of 3 completions; got a group of 2"):
        score_batch(BATCH.slice(0, 5), "log", "harmonic", **COLUMNS, **known)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(ArgumentError, match="`answer_column` must name columns of the batch, q, n, z; got 'answer'"):
        score_batch(BATCH, "log", "harmonic", prompt_columns=["q"])


def test_counts_are_those_of_a_slow_twin() -> None:
    generator = np.random.default_rng(0)
    keys, answers, missing = generator.integers(0, 40, 500), generator.integers(0, 5, 500), generator.random(500) < 0.1
    part = part_of(keys, answers, missing, group_size=7)
    for row in range(500):
        same = (part.of_row == part.of_row[row]) & ~missing & (answers == answers[row])
        assert part.counts()[row] == (1 if missing[row] else same.sum())
