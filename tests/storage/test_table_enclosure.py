"""Enclosures as a reader sees them: rounded outward."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.storage.table import Enclosure


def test_an_enclosure_is_readable() -> None:
    certificate = polyest.load("log", 16).certificate
    assert repr(certificate.worst_case_bias) == "Enclosure(0.00313364, 0.00313365)"
    assert repr(certificate).startswith("Certificate(worst_case_bias=Enclosure(0.00313364, 0.00313365), noise=Encl")
    assert len(repr(certificate)) < 200
    assert float(certificate.noise) == certificate.noise.upper
    assert repr(Enclosure("0", "Infinity")) == "Enclosure(0, Infinity)"
    assert float(Enclosure("0", "Infinity")) == math.inf


@given(st.decimals(-(10**9), 10**9, places=20), st.decimals(0, 10**3, places=20))
def test_the_repr_is_rounded_outward_and_the_float_up(lower: Any, width: Any) -> None:
    upper = Fraction(lower) + Fraction(width)
    enclosure = Enclosure(f"{lower:f}", f"{lower + width:f}")
    shown = [Fraction(end) for end in repr(enclosure)[len("Enclosure(") : -1].split(", ")]
    assert shown[0] <= Fraction(enclosure.lower_text)
    assert Fraction(enclosure.upper_text) <= shown[1]
    assert Fraction(float(enclosure)) >= Fraction(enclosure.upper_text)
    assert abs(shown[1] - upper) <= abs(upper) / 10**4
