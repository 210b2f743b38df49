"""Of many records the tables are those of one, and joining them takes time in proportion to what there is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from polyest.rollouts.measures import Gathering, GatheringOnDisk, columns_of, gathering, measure, tables
from polyest.rollouts.statistics import GroupStatistics, joined, statistics_of_codes


def record(prompt: int, steps: int = 2) -> GroupStatistics:
    """A prompt at some steps."""
    found = statistics_of_codes(np.random.default_rng(prompt).integers(0, 3, (steps, 6)))
    keys: dict[str, list[Hashable]] = {"step": [*range(steps)], "prompt": [prompt] * steps}
    return replace(found, keys=keys, firsts=prompt + 1000 * np.arange(steps))


def measured(records: Sequence[GroupStatistics], by: str | None, kind: type[Gathering] = Gathering) -> Gathering:
    found = kind()
    measure(records, {found: lambda one: columns_of(one, by)})
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("by", "own"), [(None, 200), ("step", 400), ("prompt", 200)])
def test_they_are_joined_in_few_rounds(by: str | None, own: int, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = 0

    def counting(several: Any) -> tables.PartsTable:
        nonlocal moved
        moved += sum(len(table.most) for table in several)
        return tables.joined(several)

    monkeypatch.setattr(gathering, "joined", counting)
    records = [record(prompt) for prompt in range(200)]
    found = measured(records, by).table()
    one = joined(records, np.argsort(np.concatenate([each.firsts for each in records])))
    expected = measured([one], by).table()
    assert found.columns == expected.columns
    for name, mean in expected.means.items():
        np.testing.assert_allclose(found.means[name].mean, mean.mean, rtol=1e-12)
        np.testing.assert_allclose(found.means[name].se_random, mean.se_random, rtol=1e-9)
    assert moved <= 4 * own


@pytest.mark.slow
@pytest.mark.parametrize("by", ["step", "prompt"])
def test_on_disk_they_are_the_same(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts on few shelves, put away again and again; one record has no answers, and so fewer measures."""
    monkeypatch.setattr(gathering, "MOST", 7)
    monkeypatch.setattr(gathering, "SHELVES", 3)
    for module, name in ((gathering, "ON_SHELF"), (tables, "AT_ONCE")):
        monkeypatch.setattr(module, name, 4)
    records = [record(prompt, steps=15) for prompt in np.random.default_rng(0).permutation(20).tolist()]
    records[0] = replace(records[0], correct=np.ones(len(records[0].counts)))
    found, held = measured(records, by, GatheringOnDisk), measured(records, by)
    assert isinstance(found, GatheringOnDisk)
    parts, expected = found.parts(2.0), held.table(2.0)
    assert not isinstance(parts, tables.PartsTable)
    assert parts.names == expected.names
    for block, other in zip(parts.blocks(), expected.blocks(), strict=True):
        assert block.columns == other.columns
        assert block.firsts.tolist() == other.firsts.tolist()
        for name, mean in other.means.items():
            for kind in ("mean", "se_random", "se_fixed", "prompts"):
                np.testing.assert_allclose(getattr(block.means[name], kind), getattr(mean, kind), rtol=1e-9, atol=1e-15)
    assert parts.advice() == expected.advice()
    if by == "prompt":  # of steps, which come together here, ranks differ where they are the same but for rounding
        assert parts.collapse().tolist() == expected.collapse().tolist()
    assert parts.has_several(by)
    assert not parts.has_several("run")
