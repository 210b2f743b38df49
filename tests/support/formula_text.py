"""MathML as the line it was made of: nothing may be lost or moved. Brackets and spaces do not count."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

SUPERSCRIPTS, SUBSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ", "0123456789−T"), str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
NOT_COUNTED = re.compile(r"[\s(){}]")


def as_typed(text: str) -> str:
    """The source, with its indices in one way."""
    text = re.sub(r"'+|∗", lambda match: f"^{match[0].replace(chr(39), '′').replace('∗', '*')}", text)
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ]+", lambda match: f"^{match[0].translate(SUPERSCRIPTS)}", text)
    text = re.sub(r"[₀₁₂₃₄₅₆₇₈₉]+", lambda match: f"_{match[0].translate(SUBSCRIPTS)}", text)
    text = re.sub(r"(\^\*)(_\w)", r"\2\1", text).replace("Σ", "∑").replace("Π", "∏")
    return NOT_COUNTED.sub("", text).replace("^", "").replace("_", "")


def read_back(element: Element) -> str:
    tag, children = element.tag, [read_back(child) for child in element]
    if tag == "msqrt":
        children = ["√", *children]
    if tag == "mfrac":
        children = [children[0], "/", children[1]]
    return (
        NOT_COUNTED.sub("", "".join([element.text or "", *children]).replace("'", "′"))
        .replace("^", "")
        .replace("_", "")
    )
