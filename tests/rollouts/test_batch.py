"""`score_batch`: any Arrow batch of whole groups, and none of cut ones where that can be seen."""

from __future__ import annotations

from typing import Any

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


def cut(**changes: object) -> pa.Table:
    return pa.table({**BATCH.to_pydict(), **changes})


@pytest.mark.parametrize(
    ("batch", "options", "message"),
    [
        (cut(n=[3, 4, 3, 3, 3, 3]), {"size_column": "n"}, "whole groups of 4 completions; got a group of 3"),
        (cut(n=[3, 3, None, 3, 3, 3]), {"size_column": "n"}, "the integer size .* got int64 with 1 nulls"),
        (cut(n=["3"] * 6), {"size_column": "n"}, "the integer size of its group in every row; got string"),
        (BATCH, {"group_size": "3"}, "`group_size` must be a whole number"),
        (BATCH, {"group_size": 0}, "`group_size` must be at least 1"),
        (BATCH, {"group_size": 3, "size_column": "q"}, "whole groups of 1 completions; got a group of 3"),
        (cut(reward=[0.0] * 6), {}, "`batch` must have no columns reward and advantage; got reward"),
        (BATCH, {"prompt_columns": "q"}, "`prompt_columns` must be a list of names"),
        (BATCH, {"prompt_columns": ()}, "`prompt_columns` must be a list of names"),
        (BATCH.to_pylist(), {}, "`batch` must be a RecordBatch or a Table of Arrow; got a list"),
    ],
)
def test_what_is_no_batch_of_whole_groups_is_refused(batch: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        score_batch(batch, "log", "harmonic", **{**COLUMNS, **options})


def test_a_column_with_dictionaries_is_what_it_stands_for() -> None:
    chunks = [
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 1, 2], pa.int32()), pa.array(["x", "y", None])),
        pa.array(["x", "y"]).dictionary_encode(),
    ]
    batch, plain = (
        pa.table({"q": ["a", "b", "a", "b", "a", "b"], "z": column})
        for column in (pa.chunked_array(chunks), ["x", "y", "y", None, "x", "y"])
    )
    found, expected = (score_batch(one, "log", "harmonic", **COLUMNS) for one in (batch, plain))
    assert found["reward"].to_pylist() == expected["reward"].to_pylist()


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(ArgumentError, match="`answer_column` must name columns of the batch, q, n, z; got 'answer'"):
        score_batch(BATCH, "log", "harmonic", prompt_columns=["q"])


def test_counts_are_those_of_a_slow_twin() -> None:
    generator = np.random.default_rng(0)
    keys, answers, missing = generator.integers(0, 40, 500), generator.integers(0, 5, 500), generator.random(500) < 0.1
    part = part_of(keys, answers, missing, group_size=7)
    for row in range(500):
        same = (part.of_row == part.of_row[row]) & ~missing & (answers == answers[row])
        assert part.counts[row] == (1 if missing[row] else same.sum())
