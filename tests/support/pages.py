"""Numbers that pages print, and what they should be."""

from __future__ import annotations

import math
import re

from places import ROOT

import polyest

DOCS = ROOT / "docs"
METHODS = ("plug_in", "harmonic", "aqp")


def mean_pay(method: str, K: int, p: float) -> float:
    """Q(p) by its definition (theory.md §2)."""
    table = polyest.load("log", K, method=method)
    weights = (math.comb(K - 1, m) * p**m * (1 - p) ** (K - 1 - m) for m in range(K))
    return math.fsum(w * float(c) for w, c in zip(weights, table.coefficients, strict=True))


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def table_rows(page: str, first_cell: str) -> list[list[str]]:
    text = (DOCS / page).read_text(encoding="utf-8")
    block = next(b for b in re.findall(r"(?m)(?:^\|.*\n)+", text) if b.startswith(f"| {first_cell}"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines() if "---" not in line]
