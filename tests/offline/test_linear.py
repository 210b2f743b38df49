"""Linear systems and quadratic programs in FLINT's numbers, against rational arithmetic."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb_mat
from hypothesis import given
from hypothesis import strategies as st

from polyest.errors import SolveError
from polyest.numbers.conversion import exact
from polyest.numbers.long_double import Extended
from polyest.numbers.mpfr import Mpfr
from polyest.offline import linear


def integers(rng: np.random.Generator, low: int, high: int, size: tuple[int, ...]) -> Any:
    """An array of them as floats."""
    return rng.integers(low, high, size=size).astype(float)


def rational(numbers: Any) -> Any:
    """An array of numbers of any kind, exactly."""
    return np.vectorize(exact, otypes=[object])(numbers)


def rationals(found: Any) -> Any:
    """A matrix of FLINT's numbers, exactly."""
    return np.array([[exact(v) for v in row] for row in found.tolist()], dtype=object)


def is_close(a: Any, b: Any) -> bool:
    return bool((abs(a - b) < Fraction(1, 10**30)).all())


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_solve_in_rational_arithmetic(n: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    root, r = integers(rng, -5, 6, (n, n)), integers(rng, -9, 10, (n, width))
    left = root @ root.T + np.eye(n)
    with Mpfr(40).precision():
        x = rationals(linear.solve(arb_mat(left.tolist()), arb_mat(r.tolist())))
    assert is_close(rational(left) @ x, r)


@pytest.mark.parametrize("ctx", [Mpfr(40), Extended()])
@given(st.lists(st.fractions(-9, 9), min_size=1, max_size=4))
def test_a_column_is_exact(ctx: Mpfr | Extended, values: list[Fraction]) -> None:
    with ctx.precision():
        numbers = ctx.array(values)
        assert (rationals(linear.column(numbers))[:, 0] == rational(numbers)).all()


def test_blocks_join_to_what_they_were_cut_from() -> None:
    whole = arb_mat([[10 * i + j for j in range(4)] for i in range(3)])
    for i, j in itertools.product(range(4), range(5)):
        parts = [[linear.block(whole, r, c) for c in (range(j), range(j, 4))] for r in (range(i), range(i, 3))]
        assert linear.joined(parts).tolist() == whole.tolist()


def meets_optimality(x: Any, matrix: Any, free: Any, signs: Any) -> bool:
    """In rational arithmetic, for the bound 1; a multiplier below 10⁻³⁰ is one."""
    heights = (free - matrix @ x) * signs
    tiny = Fraction(1, 10**12)  # three times fewer digits than the numbers have
    tight = (abs(heights - 1) < tiny) | (x == 0)
    return bool((x * signs >= 0).all() and (heights <= 1 + tiny).all() and tight.all())


@given(st.integers(1, 7), st.integers(0, 2**32 - 1), st.booleans())
def test_least_norm_meets_the_optimality_conditions(n: int, seed: int, guess: bool) -> None:
    rng = np.random.default_rng(seed)
    a = integers(rng, -4, 5, (n, n + 1))
    gram = a @ a.T + np.eye(n)  # any positive definite matrix
    free, signs = integers(rng, -9, 10, (n,)), rng.choice([-1, 1], size=n)
    active = np.flatnonzero(rng.integers(0, 2, size=n) * guess)
    with Mpfr(40).precision():
        matrix, column = arb_mat(gram.tolist()), linear.column(free)
        x = rationals(linear.least_norm(matrix, column, signs.tolist(), linear.number(1.0), active))[:, 0]
    assert meets_optimality(x, rational(gram), free, signs)


@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_least_norm_copes_with_dependent_rows(n: int, dimension: int, seed: int) -> None:
    """More constraints than unknowns, all of them met by some x."""
    rng = np.random.default_rng(seed)
    a, signs = integers(rng, -2, 3, (n, dimension)), rng.choice([-1, 1], size=n)
    free = signs - integers(rng, 0, 2, (n,)) * signs - a @ integers(rng, -3, 4, (dimension,))
    with Mpfr(40).precision():
        column = linear.column(free)
        x = rationals(
            linear.least_norm(linear.gram(arb_mat(a.tolist())), column, signs.tolist(), linear.number(1.0), [])
        )[:, 0]
    assert meets_optimality(x, rational(a @ a.T), free, signs)


def test_least_norm_refuses_constraints_that_contradict_each_other() -> None:
    gram, free = arb_mat([[1, 1], [1, 1]]), linear.column(np.array([3.0, -3.0]))
    with pytest.raises(SolveError, match="below the least bias"):
        linear.least_norm(gram, free, [1, -1], linear.number(1.0), [])


def test_solve_refuses_a_singular_matrix() -> None:
    with pytest.raises(SolveError, match="singular"):
        linear.solve(arb_mat([[1, 1], [1, 1]]), linear.identity(2))
