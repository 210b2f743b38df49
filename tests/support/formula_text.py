"""MathML as the line it was made of: nothing may be lost or moved. Brackets, spaces, marks of indices do not count."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

SHOWN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ₀₁₂₃₄₅₆₇₈₉'∗ΣΠ", "0123456789−T0123456789′*∑∏")
NOT_COUNTED = re.compile(r"[\s(){}^_]")


def as_typed(text: str) -> str:
    """The source, with an index below before a star above."""
    return NOT_COUNTED.sub("", re.sub(r"\*(_\w)", r"\1*", text.translate(SHOWN)))


def read_back(element: Element) -> str:
    children = [read_back(child) for child in element]
    if element.tag == "msqrt":
        children = ["√", *children]
    if element.tag == "mfrac":
        children = [children[0], "/", children[1]]
    return NOT_COUNTED.sub("", "".join([element.text or "", *children]).translate(SHOWN))
