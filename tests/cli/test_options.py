"""Options of the command line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polyest.cli.listing import ranges
from polyest.cli.options import group_sizes


@given(st.sets(st.integers(2, 300), min_size=1, max_size=30))
def test_group_sizes_are_read_the_way_they_are_listed(sizes: set[int]) -> None:
    assert group_sizes(ranges(sorted(sizes))) == sorted(sizes)
