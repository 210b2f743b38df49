"""The frontier as arrays: its ends are the minimax and the Bayes table, with the aqp tables between."""

from __future__ import annotations

import numpy as np
import pytest

from polyest.offline.trace import trace
from polyest.polynomials.bernstein import noise
from polyest.problems.problem import make_problem
from polyest.storage import store


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 4, 8])
def test_the_ends_and_the_order(K):
    frontier = trace("log", K, points=12)
    assert len(frontier.kappa) == 14
    assert frontier.kappa[0] == 1
    assert frontier.bias[-1] == pytest.approx(1 / K, rel=1e-9)  # theory.md §3: β(μ) = 1/K for log
    assert np.all(np.diff(frontier.bias) > 0)
    least = store.load(make_problem("log", K, "minimax")).certificate
    assert frontier.bias[0] == pytest.approx(least.worst_case_bias.upper, rel=1e-9)
    assert frontier.noise[0] == pytest.approx(least.noise.upper, rel=1e-6)


@pytest.mark.slow
def test_the_frontier_meets_the_shipped_table():
    # theory.md §3: the default of K = 8 is κ = 2.20
    frontier = trace("log", 8, points=400)
    shipped = store.load(make_problem("log", 8))
    between = np.interp(2.20, frontier.kappa, frontier.noise)
    assert between == pytest.approx(shipped.certificate.noise.upper, rel=1e-3)
    p = np.linspace(0, 1, 4001)[1:]
    assert noise("log", shipped.coefficients, p).max() <= shipped.certificate.noise.upper
