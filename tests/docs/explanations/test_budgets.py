"""Numbers of docs/explanations/budgets.md, recomputed."""

from __future__ import annotations

import pytest
from pages import number, table_rows

import polyest

PAGE = "explanations/budgets.md"
TABLES = {
    "plug_in, the frequency": {"method": "plug_in"},
    "harmonic": {"method": "harmonic"},
    "minimax": {"method": "minimax"},
    "aqp, `groups=8`": {"groups": 8},
    "aqp, `groups=64`": {"groups": 64},
    "aqp, `noise_budget=1.5`, the default": {},
    "aqp, `groups=4096`": {"groups": 4096},
}
ROWS = table_rows(PAGE, "table |")[1:]


@pytest.mark.parametrize(("name", "cells"), [(name, cells) for name, *cells in ROWS])
def test_bias_noise_and_kappa_are_those_of_the_tables(name: str, cells: list[str]) -> None:
    for K, (kappa, bias, noise) in ((8, cells[:3]), (16, cells[3:])):
        estimator = polyest.load("log", K, **TABLES[name])
        assert estimator.certificate is not None
        assert number(bias) == pytest.approx(estimator.certificate.worst_case_bias.upper, abs=0.0000501)
        assert number(noise) == pytest.approx(estimator.certificate.noise.upper, rel=0.005)
        least = polyest.load("log", K, "minimax").certificate.worst_case_bias.upper
        if kappa:
            assert number(kappa) == pytest.approx(estimator.certificate.worst_case_bias.upper / least, abs=0.00501)


def test_every_table_is_there() -> None:
    assert {row[0] for row in ROWS} == {*TABLES}
