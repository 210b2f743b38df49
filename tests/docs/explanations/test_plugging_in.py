"""Numbers of docs/explanations/plugging-in.md, recomputed."""

from __future__ import annotations

import math

import pytest
from pages import DOCS, mean_pay, number, table_rows

import polyest
from polyest.certify.certificate import worst_case_bias
from polyest.problems.targets import get_target

PAGE = "explanations/plugging-in.md"


def test_what_an_answer_of_one_in_twenty_is_paid() -> None:
    text = (DOCS / PAGE).read_text(encoding="utf-8")
    for value, printed in (
        (math.log(0.05), "−3.00"),
        (mean_pay("plug_in", 8, 0.05), "−1.85"),
        (mean_pay("aqp", 8, 0.05), "−2.96"),
    ):
        assert printed in text
        assert number(printed) == pytest.approx(value, abs=0.00501)


@pytest.mark.slow
def test_the_bias_of_plug_in_and_what_the_default_takes_from_it() -> None:
    sizes, biases, factors = table_rows(PAGE, "log, groups of")
    for K, bias, factor in zip(sizes[1:], biases[1:], factors[1:], strict=True):
        worst = [
            worst_case_bias(get_target("log"), polyest.load("log", int(K), method=m).coefficients)[1]
            for m in ("plug_in", "aqp")
        ]
        assert float(bias) == pytest.approx(float(worst[0]), abs=0.000501)
        assert float(factor) == pytest.approx(float(worst[0] / worst[1]), abs=0.51 if float(factor) > 10 else 0.051)
