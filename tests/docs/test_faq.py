"""Numbers of docs/faq.md, recomputed."""

from __future__ import annotations

import math

import pytest
from pages import DOCS, mean_pay


def test_the_bias_of_entropy_is_as_the_questions_say() -> None:
    # of n equally likely answers the expected value is exactly Q(1/n) (theory.md §1)
    text = (DOCS / "faq.md").read_text(encoding="utf-8")
    for method, K, digits in (("plug_in", 8, "0.77"), ("plug_in", 16, "0.41"), ("aqp", 8, "0.08"), ("aqp", 16, "0.02")):
        assert digits in text
        assert abs(mean_pay(method, K, 1 / 12) - math.log(1 / 12)) == pytest.approx(float(digits), abs=0.005)
