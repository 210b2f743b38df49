"""Linear algebra in FLINT's numbers, against rational arithmetic."""

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
from polyest.offline import linear


def is_close(a: Any, b: Any) -> bool:
    return bool((abs(a - b) < Fraction(1, 10**30)).all())


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_solve_in_rational_arithmetic(n: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    root, r = integers(rng, -5, 6, (n, n)), integers(rng, -9, 10, (n, width))
    left = root @ root.T + np.eye(n)
    with Mpfr(40).precision():
        x = rationals(linear.solve_system(arb_mat(left.tolist()), arb_mat(r.tolist())))
    assert is_close(rational(left) @ x, r)


@given(st.lists(st.fractions(-9, 9), min_size=1, max_size=4))
def test_a_column_is_exact(values: list[Fraction]) -> None:
    ctx = Mpfr(40)
    with ctx.precision():
        numbers = ctx.array(values)
        assert (rationals(linear.column(numbers))[:, 0] == rational(numbers)).all()


def test_solve_refuses_a_singular_matrix() -> None:
    with pytest.raises(SolveError, match="singular"):
        linear.solve_system(arb_mat([[1, 1], [1, 1]]), arb_mat(2, 2, 1))
