"""Rows group by group: runs are found piece by piece, and where a piece ends is nothing to a group."""

from __future__ import annotations

import numpy as np
import pytest

from polyest.online import numpy_backend
from polyest.online.compiled import sorting


@pytest.mark.parametrize("size", [0, 1, 2, 8, 9, 17, 65])
def test_runs_go_over_the_ends_of_pieces(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "PIECE", 8)
    rng = np.random.default_rng(size)
    for longest in (1, 3, 8, 30):
        lengths = rng.integers(1, longest + 1, size + 1)
        for names in (np.arange(size + 1), rng.integers(-(2**63), 2**63, size + 1)):
            ids = np.repeat(names, lengths)[:size]
            order, starts = sorting.arrange(ids)
            assert order is None
            assert starts.tolist() == numpy_backend.arrange(ids)[1].tolist()
