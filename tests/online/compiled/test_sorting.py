"""Rows group by group: runs are found piece by piece, and where a piece ends is nothing to a group."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest.online import numpy_backend
from polyest.online.compiled import sorting

WORD, SAMPLE = int(sorting.WORD), sorting.SAMPLE
PAGES = """
import resource, numpy as np
from polyest.online.compiled import sorting
names = np.random.default_rng(0).integers(-(2**63), 2**63, 10**6)
sorting.arrange(names[:9])
ids, before = np.repeat(names, 8), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
starts = sorting.arrange(ids)[1]
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() / starts.nbytes)
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1, 2, 63, 64, 65, 66, 3 * WORD, 3 * WORD + 1, 3 * WORD + 2, 1000])
def test_runs_go_over_the_ends_of_words(size: int) -> None:
    rng = np.random.default_rng(size)
    for longest in (1, 3, 8, 90, 2 * WORD):
        lengths = rng.integers(1, longest + 1, size + 1)
        lengths = lengths[: np.searchsorted(lengths.cumsum(), size) + 1]
        for names in (np.arange(len(lengths)), rng.integers(-(2**63), 2**63, len(lengths))):
            ids = np.repeat(names, lengths)[:size]
            order, starts = sorting.arrange(ids)
            assert order is None
            assert starts.tolist() == numpy_backend.arrange(ids)[1].tolist()


def test_room_grows_where_groups_get_smaller() -> None:
    ids = np.repeat(np.arange(1001), [SAMPLE, *[1] * 1000])
    assert sorting.arrange(ids)[1].tolist() == [0, *range(SAMPLE, SAMPLE + 1001)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults")
def test_arranging_touches_little_more_memory_than_what_it_writes() -> None:
    """Where groups begin, and their ids: twice as much as the result; a new page costs as much as 1000 comparisons."""
    shown = subprocess.run([sys.executable, "-c", PAGES], check=True, capture_output=True, text=True).stdout
    assert float(shown) < 2.5


@given(st.lists(st.integers(0, 70), max_size=30))
def test_sizes_are_counted_alike(sizes: list[int]) -> None:
    starts = np.cumsum([0, *sizes])
    assert sorting.count_sizes(starts).tolist() == numpy_backend.count_sizes(starts).tolist()
