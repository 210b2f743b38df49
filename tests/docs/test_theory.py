"""docs/theory.md: what refers to it resolves, and its tables are those of the library."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import games_support
import mpmath
import numpy as np
import pytest
from places import ROOT

from polyest.certify.certificate import worst_case_bias, worst_noise
from polyest.certify.optimality import least_bias_bound
from polyest.closed_forms import closed_form
from polyest.games import alignment_game, alive, gap
from polyest.offline import build, remez
from polyest.offline.methods import aqp, minimax
from polyest.offline.solution import Solution
from polyest.problems.problem import make_problem
from polyest.problems.targets import get_target
from polyest.storage import store
from polyest.storage.centring import centring_proof
from polyest.storage.table import Table

THEORY = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
PAGES = [*ROOT.glob("*.md"), *(p for folder in ("docs", "benchmarks") for p in sorted((ROOT / folder).rglob("*.md")))]
SOURCES = [p for folder in ("polyest", "benchmarks", "tests") for p in sorted((ROOT / folder).rglob("*.py"))]
REFERENCE = re.compile(r"(\w+)\.md[^§\w]{0,4}((?:§\d+(?:(?:,| and| or| to)?\s+(?=§))?)+)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED = re.compile(r"`((?:polyest|benchmarks|tests|docs|coeffs)/[\w./-]*)`")

# References


def without_comment_signs(text: str) -> str:
    """The text on one line, so that a reference may go on in the next."""
    return re.sub(r"\s*\n\s*(#\s*)?", " ", text)


def references(path: Path) -> set[tuple[str, int]]:
    """(page, section) of every "page.md §N" and "page.md §M, §N" in a file."""
    text = without_comment_signs(path.read_text(encoding="utf-8"))
    return {(page, int(n)) for page, marks in REFERENCE.findall(text) for n in re.findall(r"§(\d+)", marks)}


@cache
def sections(page: str) -> set[int]:
    path = ROOT / "docs" / f"{page}.md"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return {int(n) for n in re.findall(r"(?m)^## (\d+)\. ", text)}


def test_the_sections_are_numbered_in_order() -> None:
    assert re.findall(r"(?m)^## (\d+)", THEORY) == [str(n) for n in range(1, len(sections("theory")) + 1)]


@pytest.mark.slow
def test_references_are_found_in_every_way_they_are_written() -> None:
    cited = {n for path in SOURCES for page, n in references(path) if page == "theory"}
    assert cited >= set(range(2, 9))
    written = sum(path.read_text(encoding="utf-8").count("theory.md §") for path in SOURCES)
    assert written > 100
    text = "(theory.md §2, §8) theory.md §3 and §4 (theory.md\n    # §5)"
    marks = [m for _, m in REFERENCE.findall(without_comment_signs(text))]
    assert re.findall(r"\d", "".join(marks)) == list("28345")


@pytest.mark.slow
def test_every_section_that_is_referred_to_exists() -> None:
    missing = {
        (str(path.relative_to(ROOT)), f"{page}.md §{n}")
        for path in (*SOURCES, *PAGES)
        for page, n in references(path)
        if n not in sections(page)
    }
    assert missing == set()


@pytest.mark.slow
def test_code_names_no_page_that_is_not_there() -> None:
    mentioned = {
        (path.name, page)
        for path in SOURCES
        if path != Path(__file__)
        for page in re.findall(r"\b([a-z_-]+)\.md\b", path.read_text(encoding="utf-8"))
    }
    of_the_site = {"changelog"}  # see docs/site_hooks.py
    assert {m for m in mentioned if m[1] not in {p.stem for p in PAGES} | of_the_site} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_file_names_resolve(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [target.partition("#") for target in LINK.findall(text) if not target.startswith(("http:", "https:"))]
    assert [name for name, _, _ in links if name and not (page.parent / name).exists()] == []
    assert [
        name for name, _, anchor in links if anchor and anchor not in anchors(page.parent / name if name else page)
    ] == []
    if page.name != "CHANGELOG.md":
        assert [name for name in NAMED.findall(text) if not (ROOT / name).exists()] == []


def anchors(page: Path) -> set[str]:
    """GitHub's anchors of the headings."""
    headings = re.findall(r"(?m)^#+ (.*)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_it_says_whose_reading_the_least_noise_program_is() -> None:
    start = " ".join(THEORY.partition("## 1.")[0].split())
    assert "2605.02435" in start
    assert "Only its abstract was used, not its full text" in start
    assert "own reading" in start
    assert all(paper in start for paper in ("2602.02710", "2505.15201", "2605.30154"))


# Numbers: tables of the page, by the start of their headings


@cache
def tables() -> dict[str, list[list[str]]]:
    """Rows of every table, by its heading."""
    found: dict[str, list[list[str]]] = {}
    for block in re.findall(r"(?m)(?:^\|.*\n)+", THEORY):
        heading, _, *rows = (cells(line) for line in block.splitlines())
        found[" | ".join(heading).strip(" |")] = rows
    return found


def cells(line: str) -> list[str]:
    inside = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("−", "-") for cell in re.split(r"(?<!\\)\|", inside)]


def rows(heading: str) -> list[list[str]]:
    (found,) = (table for name, table in tables().items() if name.startswith(heading))
    assert found
    return found


def agrees(value: object, text: str) -> bool:
    """Whether a number rounds to the decimal as it is printed, or misses that by a tenth of its last digit."""
    unit = Fraction(10) ** int(Decimal(text).as_tuple().exponent)
    exact = value if isinstance(value, Fraction) else Fraction(mpmath.nstr(value, 45))
    return abs(exact - Fraction(text)) <= unit * Fraction(6, 10)


@cache
def solution(method: str, K: int, kappa: str) -> Solution:
    if method == "minimax":
        return minimax.solution(make_problem("log", K, method))
    return aqp.solution(make_problem("log", K, method, bias_budget=kappa))


@cache
def certified(K: int, kappa: str) -> Table:
    return build.solve(make_problem("log", K, bias_budget=kappa))


def coefficients(name: str, K: int) -> tuple[float, ...]:
    """Those of `plug_in`, `harmonic` or `aqp κ=4`."""
    method, _, kappa = name.partition(" κ=")
    return certified(K, kappa).coefficients if kappa else closed_form(make_problem("log", K, method)).coefficients


def bias(name: str, K: int) -> Fraction:
    return worst_case_bias(get_target("log"), coefficients(name, K))[1]


def test_plug_in_is_as_biased_as_it_says() -> None:
    assert list(tables()["K | 4 | 8 | 16 | 32 | 64"][0][1:]) == ["0.487", "0.524", "0.549", "0.563", "0.571"]
    for K, text in zip((4, 8, 16, 32, 64), rows("K | 4 | 8")[0][1:], strict=True):
        assert agrees(K * bias("plug_in", K), text)


def test_the_limits_of_the_closed_forms() -> None:
    # K → ∞ at p = x/K: Poisson(x) matches, K·e → x(E log(1 + m) − log x), and Σ_{j≥K}(1−p)^j/j → E_1(x)
    x = np.linspace(0.2, 3, 28001)
    poisson, plain = np.exp(-x), np.zeros_like(x)
    for m in range(60):
        plain += poisson * np.log1p(m)
        poisson = poisson * x / (m + 1)
    harmonic = max(mpmath.mpf(t) * mpmath.e1(t) for t in np.linspace(0.4, 0.5, 1001))
    assert "K·β tends to 0.5802" in THEORY
    assert agrees(float((x * (plain - np.log(x))).max()), "0.5802")
    assert "K·β → 0.28149" in THEORY
    assert agrees(harmonic, "0.28149")


@pytest.mark.parametrize(("K", "text"), rows("K | E∗_K of log"))
def test_least_bias_of_log(K: str, text: str) -> None:
    assert agrees(remez.least_bias("log", int(K)), text)


@pytest.mark.parametrize(("target", "text"), rows("target | E∗_8"))
def test_least_bias_of_other_targets(target: str, text: str) -> None:
    assert agrees(remez.least_bias(target, 8), text)


@pytest.mark.slow
@pytest.mark.parametrize(("K", "largest", "cost"), rows("K | largest coefficient"))
def test_what_rounding_the_minimax_table_costs(K: str, largest: str, cost: str) -> None:
    if largest:
        assert agrees(max(map(abs, solution("minimax", int(K), "").coefficients)), largest)
    if cost:
        table = store.load(make_problem("log", int(K), "minimax"))
        assert table.certificate is not None
        least = remez.least_bias("log", int(K))
        excess = Fraction(table.certificate.worst_case_bias.upper_text) / least - 1
        assert agrees(excess, cost)


@pytest.mark.parametrize(("K", "kappa", "gain", "active"), rows("K | κ | gain"))
def test_defaults(K: str, kappa: str, gain: str, active: str) -> None:
    table = store.load(make_problem("log", int(K)))
    assert table.certificate is not None
    assert table.kappa == 100 * Fraction(kappa)
    assert agrees(bias("plug_in", int(K)) / Fraction(table.certificate.worst_case_bias.upper_text), gain)
    assert len(table.proof["points"]) == int(active)


@pytest.mark.parametrize(("method", "K", "kappa", "text"), rows("method | K | κ"))
def test_coefficients(method: str, K: str, kappa: str, text: str) -> None:
    found, printed = solution(method, int(K), kappa).coefficients, text.split(", ")
    gap = printed.index("…") if "…" in printed else len(printed)
    tail = printed[gap + 1 :]
    assert gap + len(tail) == len(found) or "…" in printed
    pairs = [*zip(printed[:gap], found, strict=False), *zip(tail, found[len(found) - len(tail) :], strict=True)]
    assert all(agrees(c, shown) for shown, c in pairs)


def test_active_points() -> None:
    proof = solution("aqp", 4, "2").proof
    points, multipliers = rows("K = 4, κ = 2")
    assert all(agrees(p, text) for p, text in zip(proof["points"], points[1:], strict=True))
    assert all(agrees(x, text) for x, text in zip(proof["multipliers"], multipliers[1:], strict=True))
    assert "6 at K = 16, κ = 4" in THEORY
    assert len(solution("aqp", 16, "4").proof["points"]) == 6


@pytest.mark.slow
@pytest.mark.parametrize(("name", "beta", "noise"), rows("K = 8, log"))
def test_bias_and_noise(name: str, beta: str, noise: str) -> None:
    if beta:
        assert agrees(bias(name, 8), beta)
    found = worst_noise(get_target("log"), coefficients(name, 8))
    assert found is not None
    assert not noise or agrees(found[1], noise)


@pytest.mark.slow
@pytest.mark.parametrize(("K", "kappa", "text"), rows("K | κ | gap"))
def test_gaps_of_optimality(K: str, kappa: str, text: str) -> None:
    certificate = certified(int(K), kappa).certificate
    assert certificate is not None
    assert certificate.optimality is not None
    lower, upper = Fraction(certificate.optimality.lower_text), Fraction(certificate.optimality.upper_text)
    assert agrees(1 - lower / upper, text)


def test_the_deficit_of_the_bound_on_the_least_bias() -> None:
    assert "(deficit 1e-31 at K = 16)" in THEORY
    bound = least_bias_bound(get_target("log"), solution("minimax", 16, "").proof["alternation"])
    assert agrees(1 - bound / remez.least_bias("log", 16), "1e-31")


def test_pooling_is_that_of_the_benchmark() -> None:
    assert "0.275, 0.089, 0.020 and 0.005 with 1, 2, 4 and 8 visits" in THEORY
    games = (ROOT / "benchmarks" / "results" / "games" / "README.md").read_text(encoding="utf-8")
    _, _, trained = games.partition("Training on one prompt")
    (row,) = (cells(line) for line in trained.partition("`aqp`")[0].splitlines() if line.startswith("| 0.1 |"))
    for cell, text in zip(row[2:], ("0.275", "0.089", "0.020", "0.005"), strict=True):
        assert agrees(Fraction(cell.partition(" ")[0]), text)


@pytest.mark.slow
def test_the_centring_proof_table() -> None:
    (row,) = rows("K = 8, κ = 4")
    found = centring_proof(certified(8, "4"), row[0]).coefficients
    for c, text in zip(found, row[1].split(", "), strict=True):
        assert c == pytest.approx(float(text), rel=3e-16)


@pytest.mark.slow
@pytest.mark.parametrize("row", rows("table | gap"), ids=lambda row: row[0])
def test_where_the_games_end(row: list[str]) -> None:
    name, reached, survivors, mean, deviation = row
    table = games_support.coefficients(name.replace(" κ=", ""), 16)
    games = [alignment_game(np.random.default_rng(seed).normal(size=40), 1.0) for seed in range(12)]
    ends = [game.played_with(table).equilibrium() for game in games]
    gaps: Any = [gap(game, nu) for game, nu in zip(games, ends, strict=True)]
    assert agrees(gaps[0], reached)
    assert alive(ends[0]) == int(survivors)
    assert agrees(np.mean(gaps), mean)
    assert agrees(np.std(gaps, ddof=1), deviation)
