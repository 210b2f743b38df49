"""Which line of polyest is which paper: published estimators, what they pay, what is biased, what corrects them.

    python -m benchmarks.papers            prints the page docs/papers.md
    python -m benchmarks.papers --write    writes it

Every row carries the paper's formula as a function of one group's answers and rewards, and a line of polyest as text,
which is run. The pay of a completion, less what a wrong one gets, is a table c_m; where it is proportional to that of
polyest, the two are the same. Elsewhere the page says how biased and how noisy each is (theory.md §2).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import polyest
from benchmarks.published import ROWS, Row, centred, k, one, power_series
from polyest import graded, success
from polyest.polynomials.bernstein import basis
from polyest.storage.files import replacing

Array = NDArray[np.float64]

__all__ = ["Comparison", "agrees", "compare", "page", "run", "table"]

PAGE = Path(__file__).parents[1] / "docs" / "papers.md"
SIZES = (8, 16, 32)
NAMES = {
    "np": np,
    "polyest": polyest,
    "success": success,
    "graded": graded,
    "k": k,
    "power_series": power_series,
    "centred": centred,
}


def run(row: Row, answers: list[int], rewards: list[float]) -> Array:
    """What the line of polyest pays."""
    reward = np.array(rewards, dtype=float)
    names = {"answers": answers, "reward": reward, "correct": reward > 0.5, "K": len(answers)}
    return np.atleast_1d(np.asarray(eval(row.line, NAMES | names), dtype=float))


def table(row: Row, pay: Callable[[list[int], list[float]], object], K: int) -> Array:
    """The coefficients c_m of a pay that a count decides."""
    if row.counts == "answers":
        groups = [([0] * (m + 1) + [*range(1, K - m)], [1.0] * K) for m in range(K)]
        return np.array([np.atleast_1d(pay(*group))[0] for group in groups])
    if row.counts == "references":
        groups = [([1] * m + [0] * (K - m), [1.0] * K) for m in range(K + 1)]
        return np.array([np.atleast_1d(pay(*group))[0] for group in groups])
    others = [[float(i < m) for i in range(K - 1)] for m in range(K)]
    right, wrong = ([np.atleast_1d(pay([0] * K, [own, *hits]))[0] for hits in others] for own in (1.0, 0.0))
    return np.array(right) - np.array(wrong)


def suprema(c: Array, truth: Callable[[Array], Array]) -> tuple[float, float]:
    """sup p·|Q_c − r| and sup V_c over (0, 1], on a grid fine enough for three digits (theory.md §2)."""
    K = len(c)
    p = np.unique(np.concatenate([np.geomspace(1e-9, 1, 1000), np.sin(np.linspace(0.01, np.pi / 2, 3000)) ** 2]))
    B, r = basis(K - 1, p), truth(p)
    bias = p * (B @ c - r)
    second = p * np.einsum("pm,pm,m->p", B, (c - r[:, None]) ** 2, np.arange(1, K + 1) / K)
    return float(np.abs(bias).max()), float((second - bias**2).max())


def factor(row: Row, c: Array, K: int) -> float:
    """What makes the paper's pay comparable."""
    if row.factor is not None:
        return row.factor(K)
    half = np.array([0.5])
    assert row.truth is not None
    return float(row.truth(half, K)[0] / (basis(len(c) - 1, half) @ c)[0])


@dataclass(frozen=True)
class Comparison:
    """A paper's table, scaled, and polyest's: whether they are the same up to a constant, and (bias, noise) of both."""

    same: bool
    paper: tuple[float, float]
    polyest: tuple[float, float]


def compare(row: Row, K: int) -> Comparison:
    published, ours = table(row, row.pay, K), table(row, lambda a, r: run(row, a, r), K)
    published = published * factor(row, published, K)
    assert row.truth is not None
    found = [suprema(c, lambda p: row.truth(p, K)) for c in (published, ours)]  # type: ignore[misc]
    return Comparison(bool(np.allclose(published, ours, rtol=1e-10, atol=1e-10)), found[0], found[1])


def agrees(row: Row, K: int, groups: int = 20) -> bool:
    """Whether the line pays graded rewards the same, on random groups with and without ties."""
    rng = np.random.default_rng(0)
    drawn = [*rng.normal(size=(groups, K)), *rng.integers(0, 3, (groups, K)).astype(float)]
    return all(np.allclose(row.pay([0] * K, [*x]), run(row, [0] * K, [*x]), rtol=1e-10, atol=1e-10) for x in drawn)


HEAD = """# Papers

Which line of polyest is which paper. `python -m benchmarks.papers --write` writes this page: it runs every line next to
the paper's formula, as papers, their abstracts or public code have it, with clusters, strategies and similarities read
as *the same answer or not*. N is the number of completions with the same answer, oneself included, m = N − 1, K the
group's size; `answers`, `reward` and `correct` are those of one group or of many.

Most of these methods then subtract the group's mean, which is not neutral where pay depends on the group
([theory](theory.md), section 5), and many divide by its standard deviation σ, which is never neutral. What is compared
here is the pay itself; `.advantages` of the same estimator replace a trainer's own.
"""

NUMBERS = """
## Bias and noise

Bias is sup p·|E[pay] − r(p)|, noise sup V ([theory](theory.md), section 2): of the paper's pay → of polyest's line, one
number where they are the same. p is the probability of the answer, or the rate of success, or C. Bias 0 is exact. The
certificates of shipped tables have more digits.
"""


def verdict(row: Row) -> str:
    if row.truth is None:
        return "does not fit" if row.counts == "all counts" else "the same"
    found = compare(row, SIZES[0])
    return ("the same" if row.factor is one else "the same, but for a factor") if found.same else "corrected"


def number(x: float) -> str:
    return "0" if abs(x) < 1e-12 else f"{x:.3g}"


def cell(found: Comparison, which: int) -> str:
    paper, ours = number(found.paper[which]), number(found.polyest[which])
    return ours if found.same or paper == ours else f"{paper} → {ours}"


def page() -> str:
    lines = [HEAD, "| paper | pays | with polyest | | |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {r.paper} | {r.formula} | `{r.line}` | {verdict(r)} | {r.note} |" for r in ROWS]
    sizes = " | ".join(f"{what}, K = {K}" for what in ("bias", "noise") for K in SIZES)
    lines += [NUMBERS, f"| paper | {sizes} |", "| --- |" + " --- |" * 2 * len(SIZES)]
    for row in ROWS:
        if row.truth is not None:
            found = [compare(row, K) for K in SIZES]
            noises = ["–" if row.counts == "references" else cell(f, 1) for f in found]
            lines.append(f"| {row.paper} | {' | '.join([*(cell(f, 0) for f in found), *noises])} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    text = page()
    if parser.parse_args().write:
        with replacing(PAGE) as temporary:
            temporary.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
