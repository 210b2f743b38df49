"""Numbers of docs/explanations/tables.md, recomputed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pages import DOCS, METHODS, mean_pay, number, table_rows
from scipy.optimize import linprog

import polyest


def test_the_tables_of_sixteen_are_printed_right() -> None:
    heading, *rows = table_rows("explanations/tables.md", "matches m")
    for method, row in zip(METHODS, rows, strict=True):
        assert row[0].startswith(method)
        coefficients = polyest.load("log", 16, method=method).coefficients
        for m, cell in zip(heading[1:], row[1:], strict=True):
            assert m == "…" or number(cell) == pytest.approx(float(coefficients[int(m)]), abs=0.00501)


def test_their_means_are_printed_right() -> None:
    heading, *rows = table_rows("explanations/tables.md", "p |")
    assert heading[2:] == [*METHODS]
    for p, log_p, *means in rows:
        assert number(log_p) == pytest.approx(math.log(float(p)), abs=0.000501)
        found = [mean_pay(method, 16, float(p)) for method in METHODS]
        assert [number(cell) for cell in means] == pytest.approx(found, abs=0.000501)


@pytest.mark.slow
@pytest.mark.parametrize(("K", "ratio"), [(16, "1.3"), (32, "1.5")])
def test_what_a_monotone_table_costs(K: int, ratio: str) -> None:
    # least β with p·|Q(p) − log p| ≤ β on a grid and c[m] ≤ c[m+1]; the grid's spacing moves β by less than 1 %
    p = np.concatenate([np.geomspace(1e-6, 1e-2, 400), np.linspace(1e-2, 1, 1200)])
    basis = p * np.array([math.comb(K - 1, m) * p**m * (1 - p) ** (K - 1 - m) for m in range(K)])
    bias = np.vstack([np.c_[basis.T, -np.ones_like(p)], np.c_[-basis.T, -np.ones_like(p)]])
    falls = np.c_[np.eye(K - 1, K) - np.eye(K - 1, K, 1), np.zeros(K - 1)]
    limits = np.r_[p * np.log(p), -p * np.log(p), np.zeros(K - 1)]
    objective = np.r_[np.zeros(K), 1]
    solved = linprog(objective, np.vstack([bias, falls]), limits, bounds=[(None, None)] * K + [(0, None)])
    certificate = polyest.load("log", K).certificate
    assert certificate is not None
    assert f"{ratio} times" in (DOCS / "explanations/tables.md").read_text(encoding="utf-8")
    assert solved.fun / certificate.worst_case_bias.upper == pytest.approx(float(ratio), abs=0.05)
