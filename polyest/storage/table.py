"""The waist of the library: the `Table` record, its JSON form, schema check and digest.

Everything offline ends in a Table, everything online starts from one.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction
from pathlib import Path

from polyest.notebook import certificate_html, table_html
from polyest.numbers.rationals import decimal_text
from polyest.problems.budget import BUDGET_KINDS, Budget
from polyest.problems.problem import METHODS, Problem
from polyest.storage.schema import Reader

__all__ = ["FORMAT_VERSION", "Certificate", "Enclosure", "Table", "digest", "from_json", "to_json"]

FORMAT_VERSION = 1
SHOWN = 6  # digits of an enclosure's ends in its repr
PROOF_FIELDS = {
    "minimax": ("alternation",),
    "aqp": ("points", "multipliers", "alternation"),
    "graded": ("points", "multipliers"),
    "plug_in": (),
    "harmonic": (),
    "exact": (),
}


@dataclass(frozen=True, repr=False)
class Enclosure:
    """An interval that provably contains a number; its endpoints are decimals.

    Attributes:
        lower_text, upper_text: the endpoints as claimed, exact decimals; ``"Infinity"`` where a supremum is infinite.

    As a float it is its upper end, rounded up, which holds wherever the number has to be at most something.

    >>> enclosure = Enclosure("0.1249999999", "0.125")
    >>> enclosure, float(enclosure), str(enclosure)
    (Enclosure(0.124999, 0.125), 0.125, '[0.1249999999, 0.125]')
    """

    lower_text: str
    upper_text: str

    @property
    def lower(self) -> float:
        """The lower end, rounded down to a float."""
        value = float(self.lower_text)
        return math.nextafter(value, -math.inf) if Decimal(value) > Decimal(self.lower_text) else value

    @property
    def upper(self) -> float:
        """The upper end, rounded up to a float."""
        value = float(self.upper_text)
        return math.nextafter(value, math.inf) if Decimal(value) < Decimal(self.upper_text) else value

    def __float__(self) -> float:
        return self.upper

    def __str__(self) -> str:
        return f"[{self.lower_text}, {self.upper_text}]"

    def __repr__(self) -> str:
        """Rounded outward to six digits."""
        return f"Enclosure({_shortest(self.lower_text, ROUND_FLOOR)}, {_shortest(self.upper_text, ROUND_CEILING)})"


@dataclass(frozen=True)
class Certificate:
    """What is proved about the stored (rounded) coefficients ĉ (theory.md §4).

    Attributes:
        worst_case_bias: encloses β(ĉ) = sup_p p·|Q_ĉ(p) − r(p)|; for graded sup_p |∫_0^p (Q_ĉ − r)|.
        noise: encloses V(ĉ) = sup_p V_ĉ(p); from 0 to ``"Infinity"`` where nothing is claimed (`polyest.custom`).
        optimality: encloses the best value of the program that any table can reach: E*_K for minimax, the least
            objective F within the bias budget β(ĉ) for aqp and graded, 0 for exact; None for plug_in and harmonic,
            which solve no program.
    """

    worst_case_bias: Enclosure
    noise: Enclosure
    optimality: Enclosure | None = None

    def _repr_html_(self) -> str:
        return certificate_html(self)


@dataclass(frozen=True)
class Table:
    """An estimator: a completion with m matches among the other K−1 is paid ``coefficients[m]``.

    Attributes:
        problem: the question it answers.
        coefficients: c_0 … c_{K−1}, rounded to the nearest float64, or, where that would cost more than 1e-12 of
            optimality, to a neighbouring vector of float64 numbers.
        kappa: β/E*_K as hundredths n (κ = n/100), for aqp only.
        certificate: the claims that `polyest verify` re-proves; None for tables computed on the spot.
        proof: named lists of floats that the proofs of optimality start from.
        leave_one_out: the table of group size K−1 (same method, same κ), for baselines; None inside itself.
        provenance: versions and precision; not part of the digest.
    """

    problem: Problem
    coefficients: tuple[float, ...]
    kappa: int | None = None
    certificate: Certificate | None = None
    proof: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    leave_one_out: Table | None = None
    provenance: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def group_size(self) -> int:
        return self.problem.group_size

    def _repr_html_(self) -> str:
        return table_html(self)


def _shortest(text: str, rounding: str) -> str:
    with localcontext(prec=SHOWN, rounding=rounding):
        return f"{(+Decimal(text)).normalize():g}"


def digest(table: Table) -> str:
    """sha256 over the canonical form of everything but the provenance; "the same bytes" means this.

    The canonical form is JSON with sorted keys, no white space, ASCII, floats in shortest round-trip decimals.
    """
    text = json.dumps(_body(table), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()


def to_json(table: Table) -> str:
    """The table as readable, diffable JSON, digest included."""
    body = _body(table) | {"provenance": dict(table.provenance), "digest": digest(table)}
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str, source: str | Path = "table") -> Table:
    """Read a table, refusing whatever breaks the schema or does not match its digest.

    Raises:
        TableFileError: names `source`, the path to the field, what is required and what came.
    """
    top = Reader.parse(text, str(source))
    version = top.integer("format_version")
    if version != FORMAT_VERSION:
        raise top.error("format_version", f"must be {FORMAT_VERSION}", f"{version}; a newer polyest may read it")
    key = top.mapping("key")
    budget = _read_budget(key)
    target, method = key.string("target"), key.choice("method", tuple(METHODS))
    table = _read_section(top, Problem(target, key.integer("group_size"), method, budget))
    inner = top.optional_mapping("leave_one_out")
    if inner is not None:
        other = _read_section(inner, Problem(target, inner.integer("group_size"), method, budget))
        if other.group_size != table.group_size - 1:
            raise inner.error("group_size", f"must be {table.group_size - 1}", str(other.group_size))
        table = replace(table, leave_one_out=other)
        inner.close()
    table = replace(table, provenance=top.mapping("provenance").strings())
    claimed = top.string("digest")
    key.close()
    top.close()
    if claimed != digest(table):
        came = f"{ascii(claimed)[1:-1]:.80}: the file was altered"
        raise top.error("digest", f"must be {digest(table)}, that of the content", came)
    return table


def _body(table: Table) -> dict[str, object]:
    problem = table.problem
    key: dict[str, object] = {"target": problem.target, "group_size": problem.group_size, "method": problem.method}
    if problem.budget is not None:
        key["budget"] = {problem.budget.kind: decimal_text(problem.budget.value)}
    body = {"format_version": FORMAT_VERSION, "key": key} | _section(table)
    if table.leave_one_out is not None:
        inner = table.leave_one_out
        body["leave_one_out"] = {"group_size": inner.group_size} | _section(inner)
    return body


def _section(table: Table) -> dict[str, object]:
    body: dict[str, object] = {}
    if table.kappa is not None:
        body["kappa"] = decimal_text(Fraction(table.kappa, 100))
    body["coefficients"] = list(table.coefficients)
    if table.certificate is not None:
        claims = vars(table.certificate).items()
        body["certificate"] = {k: [e.lower_text, e.upper_text] for k, e in claims if e is not None}
    body["proof"] = {name: list(values) for name, values in table.proof.items()}
    return body


def _read_budget(key: Reader) -> Budget | None:
    entry = key.optional_mapping("budget")
    if entry is None:
        return None
    kind = entry.only_key(BUDGET_KINDS)
    value = entry.decimal(kind)
    entry.close()
    return Budget(kind, value)


def _read_section(reader: Reader, problem: Problem) -> Table:
    K = problem.group_size
    coefficients = reader.floats("coefficients")
    if len(coefficients) != K or K < 1:
        raise reader.error("coefficients", f"must have group_size = {K} entries", str(len(coefficients)))
    kappa = _read_kappa(reader) if problem.method == "aqp" else None
    proof_reader = reader.mapping("proof")
    names = PROOF_FIELDS[problem.method]
    proof = {name: proof_reader.floats(name) for name in names if name in proof_reader}
    proof_reader.close()
    return Table(problem, coefficients, kappa, _read_certificate(reader), proof)


def _read_kappa(reader: Reader) -> int:
    hundredths = 100 * reader.decimal("kappa")
    if hundredths.denominator != 1 or hundredths < 100:
        raise reader.error("kappa", "must be a multiple of 0.01, at least 1", decimal_text(hundredths / 100))
    return int(hundredths)


def _read_certificate(reader: Reader) -> Certificate | None:
    claims = reader.optional_mapping("certificate")
    if claims is None:
        return None
    bias, noise = (Enclosure(*claims.interval(name)) for name in ("worst_case_bias", "noise"))
    optimality = Enclosure(*claims.interval("optimality")) if "optimality" in claims else None
    claims.close()
    return Certificate(bias, noise, optimality)
