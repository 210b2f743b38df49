"""The smallest case of benchmarks/value_error.py runs, and says what it should."""

from __future__ import annotations

import pytest

from benchmarks import value_error


def test_a_line_of_the_table_says_what_the_exact_moments_say() -> None:
    """A coin and K = 4: sd and bias of plug_in from all 16 groups; 300 groups, bounds of four deviations and more."""
    row = value_error.measure(value_error.laws()["coin"], 4, "plug_in", groups=300)
    assert (row.sd, row.bias, row.rmse) == pytest.approx((0.213292, 0.152049, 0.261940), abs=1e-6)
    assert 1.4 < row.ratio < 2.1
    assert row.doubtful == 1
    assert row.own_mean == 1


def test_both_tables_have_a_line_for_each_method(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    few = value_error.laws()["coin"]
    monkeypatch.setattr(value_error, "laws", lambda: {"coin": few})
    first, second = [*value_error.lines(4, 50)], [*value_error.prompt_lines(4, repetitions=3)]
    assert len(first) == 1 + len(value_error.METHODS)
    columns = first[0].splitlines()[-1].count("|")
    assert all(line.count("|") == columns for line in first[1:])
    assert all(line.count("|") == 8 for line in second[1:])
