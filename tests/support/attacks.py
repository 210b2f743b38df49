"""Attacks on `verify`: files that differ from an honest one in coefficients, claims, multipliers or points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Context, Decimal
from functools import lru_cache

from polyest import certify
from polyest.closed_forms import CLOSED_FORM
from polyest.errors import PolyestError
from polyest.offline import build
from polyest.problems.problem import make_problem
from polyest.storage.table import Certificate, Enclosure, Table, from_json, to_json

QUESTIONS: list[tuple[str, int, str, object]] = [
    ("log", 2, "aqp", "1.17"),
    ("log", 4, "aqp", "2"),
    ("log", 6, "aqp", "1.03"),
    ("log", 8, "aqp", "4"),
    ("log", 3, "minimax", None),
    ("log", 7, "minimax", None),
    ("log", 5, "harmonic", None),
    ("log", 4, "plug_in", None),
    ("power(2)", 5, "exact", None),
    ("js(0.1)", 4, "aqp", "2"),
    ("power(0.5)", 4, "minimax", None),
    ("power(-0.5)", 5, "aqp", "1.5"),
]
CONTEXT = Context(prec=40)


@lru_cache(maxsize=64)
def honest(index: int) -> Table:
    target, K, method, budget = QUESTIONS[index % len(QUESTIONS)]
    return build.solve(make_problem(target, K, method, bias_budget=budget))


def scaled(claim: Enclosure, lower: float, upper: float) -> Enclosure:
    """The interval with its ends multiplied by 1 + lower and 1 + upper, the lower end moved if they cross."""
    ends = []
    for text, change in ((claim.lower_text, lower), (claim.upper_text, upper)):
        end = CONTEXT.multiply(Decimal(text), 1 + Decimal(change)) if Decimal(text) else Decimal(max(change, 0.0))
        ends.append(end)
    ends[0] = min(ends) if lower <= 0 else ends[0]
    ends[1] = max(ends)
    return Enclosure(*(str(CONTEXT.plus(end)) for end in ends))


def with_claim(table: Table, name: str, lower: float, upper: float) -> Table:
    claims = table.certificate
    assert claims is not None
    claim = getattr(claims, name)
    changed = {name: scaled(claim, lower, upper)} if claim is not None else {}
    return replace(table, certificate=replace(claims, **changed))


def with_moved(values: tuple[float, ...], index: int, size: float) -> tuple[float, ...]:
    moved = list(values)
    if moved:
        i = index % len(moved)
        moved[i] = moved[i] * (1 + size) if moved[i] else size
    return tuple(moved)


def with_proof(table: Table, names: tuple[str, ...], index: int, size: float) -> Table:
    proof = {k: with_moved(v, index, size) if k in names else v for k, v in table.proof.items()}
    return replace(table, proof=proof)


def coefficient(table: Table, index: int, size: float) -> Table:
    return replace(table, coefficients=with_moved(table.coefficients, index, size))


def coefficient_claimed_anew(table: Table, index: int, size: float) -> Table:
    """Honest claims for an altered table, but for the bias, which is said to be smaller by |size|."""
    altered = coefficient(table, index, 1e-3 * (1 + index % 7))
    try:
        altered = replace(altered, certificate=certify.certificate(altered))
    except PolyestError:
        return altered
    return with_claim(altered, "worst_case_bias", -abs(size), -abs(size))


def lower_optimum(table: Table, index: int, size: float) -> Table:
    return with_claim(table, "optimality", -abs(size), -abs(size))


def raise_optimum(table: Table, index: int, size: float) -> Table:
    return with_claim(table, "optimality", abs(size), abs(size))


def widened(table: Table, index: int, size: float) -> Table:
    """Every interval but [0, 0] widened outward by about |size|: still true."""
    claims, by = table.certificate, abs(size)
    assert claims is not None
    wider = Certificate(*(e and (scaled(e, -by, by) if Decimal(e.upper_text) else e) for e in vars(claims).values()))
    if claims.optimality is not None and table.problem.method == "aqp":
        slope = 2 * sum(map(abs, table.proof.get("multipliers", ()))) * claims.worst_case_bias.upper
        relative = slope / claims.optimality.lower if claims.optimality.lower else 0.0
        wider = replace(wider, optimality=scaled(claims.optimality, -min(1.0, by * (2 + relative)), by))
    return replace(table, certificate=wider)


PROOF = ("points", "alternation")
NARROW, WIDE = 1e-13, 1e-11  # the ends of a claim may be off by 1e-12, relative
ATTACKS: dict[str, Callable[[Table, int, float], Table]] = {
    "coefficient": coefficient,
    "coefficient, claims anew": coefficient_claimed_anew,
    "bias, upper end": lambda t, i, s: with_claim(t, "worst_case_bias", 0, -abs(s)),
    "bias, lower end": lambda t, i, s: with_claim(t, "worst_case_bias", abs(s), 0),
    "noise, upper end": lambda t, i, s: with_claim(t, "noise", 0, -abs(s)),
    "noise, lower end": lambda t, i, s: with_claim(t, "noise", abs(s), 0),
    "optimum raised": raise_optimum,
    "optimum lowered": lower_optimum,
    "optimum raised, points moved": lambda t, i, s: raise_optimum(with_proof(t, PROOF, i, 1e3 * s), i, s),
    "optimum raised, multipliers scaled": lambda t, i, s: raise_optimum(
        with_proof(t, ("multipliers",), i, 9 * s), i, s
    ),
    "points only": lambda t, i, s: with_proof(t, PROOF, i, s),
    "multipliers only": lambda t, i, s: with_proof(t, ("multipliers",), i, s),
    "widened outward": lambda t, i, s: widened(t, i, min(abs(s), NARROW)),
    "widened too far": lambda t, i, s: widened(t, i, max(abs(s), WIDE)),
    "untouched": lambda t, i, s: t,
}
HARMLESS = ("widened outward", "untouched")
BARRED = ("widened too far",)  # true, and refused nevertheless: a claim says no less than can be proved


def attack(kind: str, base: int, inner: bool, index: int, size: float) -> Table:
    """The file that results, with a right digest; the attack hits the leave-one-out table if `inner`."""
    table = honest(base)
    part = table.leave_one_out if inner else table
    assert part is not None
    if part.problem.method not in CLOSED_FORM or "coefficient" not in kind:
        part = ATTACKS[kind](part, index, size)
    else:
        part = ATTACKS["bias, upper end"](part, index, size)
    return from_json(to_json(replace(table, leave_one_out=part) if inner else part))
