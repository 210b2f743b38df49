"""HTML of estimators, tables and certificates: well-formed, with the proved numbers, harmless whatever the names."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

import polyest
from polyest.notebook import table_html

CASES = [("log", 2, None), ("log", 16, None), ("log", 8, "minimax"), ("log", 300, "harmonic"), ("power(-0.5)", 4, None)]


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{html}</div>")


@pytest.mark.parametrize(("target", "K", "method"), CASES)
def test_it_shows_the_table_and_what_is_proved(target: str, K: int, method: str | None) -> None:
    estimator = polyest.load(target, K, method)
    tree = parsed(estimator._repr_html_())
    said = " ".join(tree.itertext())
    assert str(estimator.problem) in said
    assert f"{estimator.coefficients[0]:.4g}" in said
    if estimator.table.certificate:
        assert f"{estimator.certificate.worst_case_bias.upper:.6g}" in said
    assert len(tree.findall("svg/polyline")) == 2
    points = [point for line in tree.findall("svg/polyline") for point in line.attrib["points"].split()]
    assert all(-1 <= float(point.split(",")[1]) <= 141 for point in points)


def test_plug_in_is_drawn_once() -> None:
    assert len(parsed(polyest.load("log", 8, "plug_in")._repr_html_()).findall("svg/polyline")) == 1


@pytest.mark.parametrize(
    "estimator", [polyest.load("best_of(12)", 8, worst_case_bias=0.05), polyest.load("log", 8, baseline="group_mean")]
)
def test_what_is_no_function_of_p_alone_has_no_curve(estimator: polyest.Estimator) -> None:
    assert parsed(estimator._repr_html_()).find("svg") is None


def test_names_are_text() -> None:
    table = polyest.load("log", 4, baseline="group_mean").table
    hostile = replace(table, problem=replace(table.problem, target="<script>"))
    assert "&lt;script&gt;" in table_html(hostile)
    assert "<script" not in table_html(hostile)


def test_a_certificate_alone_has_its_claims() -> None:
    said = " ".join(parsed(polyest.load("log", 8).certificate._repr_html_()).itertext())
    assert all(word in said for word in ("worst-case bias", "noise", "optimality"))


def test_an_estimator_draws_itself_beside_plug_in() -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = polyest.load("log", 8).plot(figure.subplots())
    assert [line.get_label() for line in axes.get_lines()][:2] == ["plug_in", "aqp (κ = 2.20)"]
