"""Lattice reduction: the same lattice, LLL's conditions and the nearest plane's, in rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from flint import fmpz_mat
from hypothesis import example, given
from hypothesis import strategies as st

from polyest.offline.lattice import reduced

Rows = list[list[int]]


@st.composite
def independent_rows(draw: st.DrawFn) -> Rows:
    """Numbers of any size beside a multiple of the identity."""
    n, columns, weight = draw(st.integers(1, 7)), draw(st.integers(0, 5)), draw(st.integers(1, 1000))
    size = 10 ** draw(st.integers(0, 25))
    row = st.lists(st.integers(-size, size), min_size=columns, max_size=columns)
    return [draw(row) + [weight * (i == j) for j in range(n)] for i in range(n)]


def integers(rows: Any) -> Rows:
    return [[int(x) for x in row] for row in rows]


def orthogonal(rows: Rows) -> list[list[Fraction]]:
    """Gram and Schmidt's vectors."""
    found: list[list[Fraction]] = []
    for row in rows:
        rest = [Fraction(x) for x in row]
        for other in found:
            share = projection(row, other)
            rest = [x - share * y for x, y in zip(rest, other, strict=True)]
        found.append(rest)
    return found


def product(a: Any, b: Any) -> Fraction:
    return sum((Fraction(x) * y for x, y in zip(a, b, strict=True)), Fraction(0))


def projection(a: Any, b: Any) -> Fraction:
    return product(a, b) / product(b, b)


@given(independent_rows())
@example([[2**63 + 1, 1]])  # numpy reads such a list as floats
def test_the_lattice_stays_the_same(rows: Rows) -> None:
    """The same Hermite normal form; and the determinant that flint's own reduction finds."""
    basis = reduced(rows)
    found, flints = fmpz_mat(integers(basis.rows)), fmpz_mat(rows).lll()
    assert found.hnf() == fmpz_mat(rows).hnf()
    assert (found * found.transpose()).det() == (flints * flints.transpose()).det() == int(basis.d[-1])


@pytest.mark.slow
@given(independent_rows())
def test_the_basis_is_reduced(rows: Rows) -> None:
    found = integers(reduced(rows).rows)
    stars = orthogonal(found)
    sizes = [product(x, x) for x in stars]
    for i in range(len(found)):
        factors = [projection(found[i], stars[j]) for j in range(i)]
        assert all(abs(mu) <= Fraction(1, 2) for mu in factors)
        assert i == 0 or sizes[i] >= (Fraction(3, 4) - factors[-1] ** 2) * sizes[i - 1]


@pytest.mark.slow
@given(independent_rows(), st.data())
def test_the_nearest_plane_is_near(rows: Rows, data: st.DataObject) -> None:
    """What is left of the target differs from it by a lattice vector, and is short along every Gram–Schmidt vector."""
    size = st.integers(-(10**30), 10**30)
    target = data.draw(st.lists(size, min_size=len(rows[0]), max_size=len(rows[0])))
    basis = reduced(rows)
    (rest,) = integers([basis.nearest_plane(target)])
    moved = [x - y for x, y in zip(target, rest, strict=True)]
    with_moved = fmpz_mat([*rows, moved]).hnf()
    assert integers(with_moved.tolist())[: len(rows)] == integers(fmpz_mat(rows).hnf().tolist())
    assert all(abs(projection(rest, star)) <= Fraction(1, 2) for star in orthogonal(integers(basis.rows)))


def test_no_row_at_all() -> None:
    assert reduced([]).rows == []


@pytest.mark.parametrize("n", [2, 9])
def test_a_lattice_vector_is_its_own_nearest(n: int) -> None:
    rows = [[3 * (i == j) + (7 * i + j) % 5 for j in range(n)] for i in range(n)]
    target = [sum((i - 4) * row[j] for i, row in enumerate(rows)) for j in range(n)]
    assert not any(reduced(rows).nearest_plane(target))
