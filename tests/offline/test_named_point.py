"""The search for κ against a look at every n, on curves like that of the noise."""

from __future__ import annotations

import math
from functools import lru_cache

from hypothesis import example, given
from hypothesis import strategies as st

from polyest.offline.named_point import NARROW, _first_below

LOW, HIGH = 100, 3000
# Where the noise is flat just above the limit, nothing longer than a ratio of NARROW is ruled out: 70 steps at least.
FEW = 1.5 * math.log(HIGH / LOW) / math.log(NARROW)
PIECES = st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 20)), min_size=1, max_size=4)


@given(PIECES, st.integers(LOW, HIGH), st.floats(0.5, 2))
@example([(1.0, 0.0), (2.0, 2.0)], 142, 0.984375)
def test_the_first_n_below_a_limit_is_found_in_few_steps(
    pieces: list[tuple[float, float]], near: int, factor: float
) -> None:
    """The largest of some powers of n: with kinks, and flat in the end."""
    seen = []

    def noise(n: int) -> float:
        seen.append(n)
        return max(a * (n / LOW) ** -s for a, s in pieces)

    limit = factor * noise(near)
    truth = next((n for n in range(LOW, HIGH + 1) if noise(n) <= limit), None)
    seen.clear()
    value = lru_cache(maxsize=None)(noise)
    if value(LOW) > limit:
        assert _first_below(value, limit, LOW, HIGH) == truth
        assert len(seen) == len(set(seen)) < FEW
