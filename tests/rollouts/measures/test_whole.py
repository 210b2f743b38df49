"""Of many records the tables are those of one, and joining them takes time in proportion to what there is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from polyest.rollouts.measures import columns_of, measure, tables, whole
from polyest.rollouts.statistics import GroupStatistics, joined, statistics_of_codes


def record(prompt: int) -> GroupStatistics:
    """A prompt at two steps."""
    found = statistics_of_codes(np.random.default_rng(prompt).integers(0, 3, (2, 6)))
    return replace(found, keys={"step": [0, 1], "prompt": [prompt, prompt]}, firsts=np.array([prompt, prompt + 1000]))


@pytest.mark.parametrize(("by", "own"), [(None, 200), ("step", 400), ("prompt", 200)])
def test_they_are_joined_in_few_rounds(by: str | None, own: int, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = 0

    def counting(several: Any) -> tables.PartsTable:
        nonlocal moved
        moved += sum(len(table.most) for table in several)
        return tables.joined(several)

    monkeypatch.setattr(whole, "joined", counting)
    records = [record(prompt) for prompt in range(200)]
    (found,), _ = measure(records, [lambda one: columns_of(one, by)])
    one = joined(records, np.argsort(np.concatenate([each.firsts for each in records])))
    (expected,), _ = measure([one], [lambda one: columns_of(one, by)])
    assert found.columns == expected.columns
    for name, mean in expected.means.items():
        np.testing.assert_allclose(found.means[name].mean, mean.mean, rtol=1e-12)
        np.testing.assert_allclose(found.means[name].se_random, mean.se_random, rtol=1e-9)
    assert moved <= 4 * own
