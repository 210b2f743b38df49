"""Formulas as MathML: by hand, and every one of the pages read back."""

from __future__ import annotations

import doctest
from html import escape
from xml.etree import ElementTree

import formulas
import pytest
from formula_text import as_typed, read_back

SUM = '<mo movablelimits="true" lspace="0" rspace="0.1em">∑</mo>'
BY_HAND = {
    "c_m": "<msub><mi>c</mi><mi>m</mi></msub>",
    "E∗_K": '<msubsup><mi>E</mi><mi>K</mi><mo lspace="0" rspace="0">*</mo></msubsup>',
    "g_m²": "<msubsup><mi>g</mi><mi>m</mi><mn>2</mn></msubsup>",
    "r'": '<msup><mi>r</mi><mo lspace="0" rspace="0">′</mo></msup>',
    "log p": '<mrow><mi mathvariant="normal">log</mi><mspace width="0.17em"></mspace><mi>p</mi></mrow>',
    "Σ_j": f"<munder>{SUM}<mi>j</mi></munder>",
    "Σ_{j}^2": f"<munderover>{SUM}<mi>j</mi><mn>2</mn></munderover>",
    "∫_0^x": "<msubsup><mo>∫</mo><mn>0</mn><mi>x</mi></msubsup>",
    "√K": "<msqrt><mi>K</mi></msqrt>",
    "for all": "<mtext>for all</mtext>",
}
FRACTIONS = {  # of displayed formulas
    "1/K": "<mfrac><mn>1</mn><mi>K</mi></mfrac>",
    "(m+1)/K²": "<mfrac><mrow>",
    "y − B/p ≤ 1": "<mfrac><mi>B</mi><mi>p</mi></mfrac>",
}
NO_FRACTIONS = ["f(x)/(2 y)", "log n/t", "a/b/c", "2 g(1)/2k", "Γ(a)Γ(b)/(Γ(c)Γ(d))", "exp(B/p)"]


@pytest.mark.parametrize("text", BY_HAND)
def test_a_piece_is_what_it_is_by_hand(text: str) -> None:
    assert formulas.mathml(text) == f'<math alttext="{escape(text)}">{BY_HAND[text]}</math>'


@pytest.mark.parametrize("text", FRACTIONS)
def test_a_slash_between_two_pieces_is_a_bar_where_formulas_stand_by_themselves(text: str) -> None:
    assert FRACTIONS[text] in formulas.mathml(text, display=True)
    assert "mfrac" not in formulas.mathml(text)


@pytest.mark.parametrize("text", NO_FRACTIONS)
def test_a_slash_that_a_bar_would_change_stays(text: str) -> None:
    assert "mfrac" not in formulas.mathml(text, display=True)


def test_a_sign_at_the_beginning_leaves_no_room() -> None:
    minus = '<mo form="prefix" lspace="0" rspace="0">−</mo>'
    assert all(minus in formulas.mathml(text) for text in ("−1", "r = −1", "(−∞, 0]", "2^−m"))
    assert minus not in formulas.mathml("K−1")


ODD = [
    "(0, 1]",
    "|x| + |y|",
    "E[c | p]",
    "KL(p‖q)",
    "½‖Φᵀλ‖² + β‖λ‖₁",
    "(b → 0: x",
    "x)",
    "a_",
    "√",
    "_",
    "^{",
    "10⁻¹²",
    "p̄",
    "<&>",
]


@pytest.mark.parametrize("text", ODD)
def test_whatever_is_typed_is_well_formed_and_reads_back(text: str) -> None:
    found = ElementTree.fromstring(formulas.mathml(text, display=True))
    assert found.get("alttext") == text
    assert read_back(found) == as_typed(text)


def test_the_examples_run() -> None:
    assert doctest.testmod(formulas).failed == 0
