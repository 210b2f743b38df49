"""Quadratic programs against the optimality conditions in rational arithmetic, and one arithmetic against the other."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from exactly import integers, rational, rationals
from flint import arb_mat
from hypothesis import given
from hypothesis import strategies as st

from polyest.errors import SolveError
from polyest.numbers.mpfr import Mpfr
from polyest.offline import linear, quadratic


def meets_optimality(x: Any, matrix: Any, free: Any, signs: Any) -> bool:
    """In rational arithmetic, for the bound 1; a multiplier below 10⁻³⁰ is one."""
    heights = (free - matrix @ x) * signs
    tiny = Fraction(1, 10**12)  # three times fewer digits than the numbers have
    tight = (abs(heights - 1) < tiny) | (x == 0)
    return bool((x * signs >= 0).all() and (heights <= 1 + tiny).all() and tight.all())


@given(st.integers(1, 7), st.integers(0, 2**32 - 1), st.booleans())
def test_the_active_set_meets_the_optimality_conditions(n: int, seed: int, guess: bool) -> None:
    rng = np.random.default_rng(seed)
    a = integers(rng, -4, 5, (n, n + 1))
    gram = a @ a.T + np.eye(n)  # any positive definite matrix
    free, signs = integers(rng, -9, 10, (n,)), rng.choice([-1, 1], size=n)
    active = np.flatnonzero(rng.integers(0, 2, size=n) * guess)
    with Mpfr(40).precision():
        matrix, column = arb_mat(gram.tolist()), linear.column(free)
        x = rationals(quadratic.by_active_set(matrix, column, signs.tolist(), linear.number(1.0), active))[:, 0]
    assert meets_optimality(x, rational(gram), free, signs)


@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_the_active_set_copes_with_dependent_rows(n: int, dimension: int, seed: int) -> None:
    """More constraints than unknowns, all of them met by some x."""
    rng = np.random.default_rng(seed)
    a, signs = integers(rng, -2, 3, (n, dimension)), rng.choice([-1, 1], size=n)
    free = signs - integers(rng, 0, 2, (n,)) * signs - a @ integers(rng, -3, 4, (dimension,))
    with Mpfr(40).precision():
        column = linear.column(free)
        x = rationals(
            quadratic.by_active_set(linear.gram(arb_mat(a.tolist())), column, signs.tolist(), linear.number(1.0), [])
        )[:, 0]
    assert meets_optimality(x, rational(a @ a.T), free, signs)


def test_the_active_set_refuses_constraints_that_contradict_each_other() -> None:
    gram, free = arb_mat([[1, 1], [1, 1]]), linear.column(np.array([3.0, -3.0]))
    with pytest.raises(SolveError, match="below the least bias"):
        quadratic.by_active_set(gram, free, [1, -1], linear.number(1.0), [])


@given(st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_both_arithmetics_find_the_same(n: int, seed: int) -> None:
    """|offset + rows·y| ≤ 1 with y = −rowsᵀλ/2: least squares against two one-sided constraints for each row."""
    rng = np.random.default_rng(seed)
    rows, offset = integers(rng, -4, 5, (n, n)) + 9 * np.eye(n), integers(rng, -9, 10, (n,))
    y, multipliers = quadratic.by_least_squares(rows, offset, 1.0)
    both, free = np.vstack([rows, rows]), np.concatenate([offset, offset])
    with Mpfr(40).precision():
        gram, signs = linear.gram(arb_mat(both.tolist())), [1] * n + [-1] * n
        x = rationals(quadratic.by_active_set(gram, linear.column(free), signs, linear.number(1.0), []))[:, 0]
    halves = x[:n] + x[n:]
    np.testing.assert_allclose(multipliers, 2 * halves.astype(float), atol=1e-9)
    np.testing.assert_allclose(y, -(halves.astype(float) @ rows), atol=1e-9)
