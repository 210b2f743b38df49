"""What two runs differ by, by hand, and from records of some prompts each."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from polyest.rollouts.measures.cells import Measured
from polyest.rollouts.measures.differences import Difference, differences
from polyest.rollouts.statistics import statistics_of_codes


def compared(values: list[float], prompts: list[int], runs: str, steps: list[int] | None = None) -> list[Difference]:
    keys = {"run": [*runs], "prompt": prompts} | ({"step": steps} if steps else {})
    record = replace(statistics_of_codes(np.zeros((len(values), 2), np.int64)), keys=keys)
    return differences(record, {"v": Measured.without_error(np.array(values))})


def test_two_runs_are_paired_by_prompt() -> None:
    """Prompts 0, 1, 2 in both, 3 in one only: differences 0.5, 0.4, 0.6 have mean 0.5 and error 0.1/√3."""
    [found] = compared([3.0, 5.0, 9.0, 3.5, 5.4, 9.6, 100.0], [0, 1, 2, 0, 1, 2, 3], "aaabbbb")
    assert (found.run, found.paired) == ("b", 3)
    assert (found.mean.mean, found.mean.standard_error) == pytest.approx((0.5, 0.1 / math.sqrt(3)))


def test_runs_without_prompts_in_common_are_two_samples() -> None:
    [found] = compared([1.0, 3.0, 5.0, 9.0], [0, 1, 2, 3], "aabb")
    assert (found.paired, found.mean.mean) == (0, 5.0)
    assert found.mean.standard_error == pytest.approx(math.sqrt(1 + 4))
    assert compared([1.0, 3.0], [0, 1], "ab") == []


def test_at_other_steps_prompts_are_paired_all_the_same() -> None:
    """Nothing is visited at the same step: 7 − 1 and 9 − 2 have mean 6.5 and error 0.5."""
    [found] = compared([1.0, 2.0, 7.0, 9.0], [0, 1, 0, 1], "aabb", [1, 1, 2, 2])
    assert (found.paired, found.mean.mean, found.mean.standard_error) == pytest.approx((2, 6.5, 0.5))
