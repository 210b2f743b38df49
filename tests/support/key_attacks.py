"""Attacks on the key: files whose key, place, parts or widths do not fit their coefficients; each class a function.

What is false about them is reckoned by `key_truth`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import attacks
import brute
from key_truth import falsehood, place_of, solved

from polyest import certify
from polyest.errors import PolyestError
from polyest.problems.budget import Budget
from polyest.problems.problem import METHODS
from polyest.storage.table import Enclosure, Table

QUESTIONS = [
    ("log", 2, {}),
    ("log", 4, {}),
    ("log", 5, {"groups": 8}),
    ("log", 6, {"bias_budget": "1.5"}),
    ("log", 4, {"bias_budget": "30"}),  # beyond the Bayes table's bias: the budget does not bind
    ("log", 4, {"method": "minimax"}),
    ("log", 6, {"method": "minimax"}),
    ("log", 5, {"method": "plug_in"}),
    ("log", 4, {"method": "harmonic"}),
    ("power(2)", 4, {"method": "exact"}),
    ("power(-0.5)", 4, {}),
    ("power(0.5)", 4, {}),
    ("js(0.1)", 3, {}),
    ("power(-0.75)", 4, {"bias_budget": "2"}),
]


@dataclass(frozen=True)
class Forged:
    """A file: its table, and its place below a folder of tables; None for a file that has no place."""

    table: Table
    place: str | None = None

    def falsehood(self) -> str:
        """A word of it that is false; empty if none is known to be."""
        return falsehood(self.table, self.place)


def honest(rng: random.Random, *methods: str) -> Table:
    """A solved table, of one of the methods if some are given."""
    while True:
        target, K, options = rng.choice(QUESTIONS)
        table = solved(target, K, **options)
        if not methods or table.problem.method in methods:
            return table


def renamed(table: Table, **key: object) -> Table:
    """Another key for the same content."""
    inner = table.leave_one_out
    changed = replace(table.problem, **key)
    if inner is not None:
        inner = replace(inner, problem=replace(changed, group_size=inner.group_size))
    if changed.method != table.problem.method:
        table, inner = (t and replace(t, kappa=247 if changed.method == "aqp" else None) for t in (table, inner))
    return replace(table, problem=changed, leave_one_out=inner)


def claimed_anew(table: Table) -> Table:
    """True claims about the coefficients as far as there are any, in both parts."""
    parts = []
    for part in (table, table.leave_one_out):
        try:
            parts.append(part and replace(part, certificate=certify.certificate(part)))
        except PolyestError:
            parts.append(part)
    return replace(parts[0], leave_one_out=parts[1])


def with_kappa(table: Table, kappa: int) -> Table:
    inner = table.leave_one_out
    return replace(table, kappa=kappa, leave_one_out=inner and replace(inner, kappa=kappa))


def other_target(rng: random.Random) -> Table:
    return renamed(honest(rng), target=rng.choice(sorted(brute.TARGETS)))


def impossible_target(rng: random.Random) -> Table:
    names = ("log()", " log", "Log", "power(0.50)", "power(-1)", "js(2)", "power(2.0)", "nope", "", "js(0.1,0.2)")
    return renamed(honest(rng), target=rng.choice(names))


def other_size(rng: random.Random) -> Table:
    table = honest(rng)
    inner = table.leave_one_out
    assert inner is not None
    c = table.coefficients[:-1] if rng.random() < 0.5 and table.group_size > 2 else (*table.coefficients, 0.0)
    other = inner.coefficients[: len(c) - 1] if len(c) <= inner.group_size else table.coefficients
    problem = replace(table.problem, group_size=len(c))
    inner = replace(inner, problem=replace(problem, group_size=len(c) - 1), coefficients=other)
    return claimed_anew(replace(table, problem=problem, coefficients=c, leave_one_out=inner))


def other_kappa(rng: random.Random) -> Table:
    table = honest(rng, "aqp")
    assert table.kappa is not None
    return with_kappa(table, max(100, table.kappa + rng.choice([-100, -20, -3, -1, 1, 2, 10, 147])))


def other_kappa_and_budget(rng: random.Random) -> Table:
    table = other_kappa(rng)
    return renamed(table, budget=Budget("bias_budget", Fraction(table.kappa or 0, 100)))


def inner_kappa(rng: random.Random) -> Table:
    table = honest(rng, "aqp")
    inner = table.leave_one_out
    assert inner is not None
    return replace(table, leave_one_out=replace(inner, kappa=(inner.kappa or 0) + rng.choice([1, 7, 100])))


def smaller_noise_budget(rng: random.Random) -> Table:
    """A noise budget that the table exceeds, or one that it keeps: of that no smaller kappa does, nothing is said."""
    value = rng.choice(["0.2", "0.9", "1", "1.2", "1.4", "1.49", "1.6", "40"])
    return renamed(honest(rng, "aqp"), budget=Budget("noise_budget", Fraction(value)))


def other_point_of_the_frontier(rng: random.Random) -> Table:
    """A well solved table with another kappa than the one that the noise budget asks for."""
    target, K = rng.choice([("log", 4), ("power(0.5)", 4), ("js(0.1)", 3), ("power(-0.5)", 4)])
    kappa = solved(target, K).kappa
    assert kappa is not None
    kappa = max(100, kappa + rng.choice([-9, -3, -1, 1, 4]))
    other = solved(target, K, bias_budget=Fraction(kappa, 100))
    return renamed(other, budget=Budget("noise_budget", Fraction(3, 2)))


def impossible_budget(rng: random.Random) -> Table:
    kind, value = rng.choice(
        [
            ("noise_budget", -5),
            ("noise_budget", 0),
            ("bias_budget", Fraction(1, 2)),
            ("bias_budget", Fraction(2001, 1000)),
            ("groups", 0),
            ("groups", -8),
            ("groups", Fraction(5, 2)),
        ]
    )
    return renamed(honest(rng, "aqp"), budget=Budget(kind, Fraction(value)))


def budget_where_none_belongs(rng: random.Random) -> Table:
    if rng.random() < 0.5:
        return renamed(honest(rng, "aqp"), budget=None)
    return renamed(
        honest(rng, "minimax", "plug_in", "harmonic", "exact"), budget=Budget("noise_budget", Fraction(3, 2))
    )


def other_kind_of_budget(rng: random.Random) -> Table:
    table = honest(rng, "aqp")
    assert table.problem.budget is not None
    return renamed(table, budget=replace(table.problem.budget, kind="bias_budget"))


def other_method(rng: random.Random) -> Table:
    table = honest(rng)
    method = rng.choice([m for m in METHODS if m != table.problem.method])
    budget = Budget("noise_budget", Fraction(3, 2)) if method == "aqp" else None
    forged = renamed(table, method=method, budget=budget)
    return claimed_anew(forged) if rng.random() < 0.5 else forged


def minimax_as_aqp(rng: random.Random) -> Table:
    """The attack of the issue: minimax coefficients, also nested ones, under the default key, and empty claims."""
    table = renamed(honest(rng, "minimax"), method="aqp", budget=Budget("noise_budget", Fraction(3, 2)))
    inner, host = table.leave_one_out, solved("log", table.group_size)
    empty = Enclosure("0", "1" + "0" * 300)
    assert inner is not None
    table, inner = (
        replace(t, proof={}, certificate=t.certificate and replace(t.certificate, optimality=empty))
        for t in (table, inner)
    )
    nested = replace(inner, kappa=host.kappa, problem=replace(host.problem, group_size=inner.group_size))
    return rng.choice([replace(table, leave_one_out=inner), replace(host, leave_one_out=nested)])


def missing_part(rng: random.Random) -> Table:
    table = honest(rng)
    claims = table.certificate
    assert claims is not None
    ways: list[Callable[[], Table]] = [
        lambda: replace(table, leave_one_out=None),
        lambda: replace(table, certificate=None),
        lambda: replace(table, leave_one_out=replace(table.leave_one_out, certificate=None)),  # type: ignore[type-var]
    ]
    if claims.optimality is not None:
        ways.append(lambda: replace(table, certificate=replace(claims, optimality=None)))
    if table.proof.get("points") or table.proof.get("alternation"):
        ways.append(lambda: replace(table, proof={}))
        ways.append(lambda: claimed_anew(replace(table, proof=dict.fromkeys(table.proof, ()))))
    return rng.choice(ways)()


def widened(rng: random.Random) -> Table:
    """Claims that are true, and wider than need be by too much."""
    by = 10 ** rng.uniform(-11.5, 1)
    return attacks.widened(honest(rng), 0, by)


def infinitely_wide(rng: random.Random) -> Table:
    table = honest(rng)
    claims = table.certificate
    assert claims is not None
    wide = rng.choice([Enclosure("0", "1e300"), Enclosure("0", "Infinity"), Enclosure("Infinity", "Infinity")])
    names = [name for name, e in vars(claims).items() if e is not None and e.upper_text != "Infinity"]
    return replace(table, certificate=replace(claims, **{rng.choice(names): wide}))


def moved_coefficient(rng: random.Random) -> Table:
    table = honest(rng)
    moved = attacks.with_moved(table.coefficients, rng.randrange(9), rng.choice([-1, 1]) * 10 ** rng.uniform(-6, 0))
    return claimed_anew(replace(table, coefficients=moved))


def scaled(rng: random.Random) -> Table:
    table, factor = honest(rng), 1 + rng.choice([-1, 1]) * 10 ** rng.uniform(-6, 0)
    return claimed_anew(replace(table, coefficients=tuple(c * factor for c in table.coefficients)))


def false_bayes(rng: random.Random) -> Table:
    """The Bayes table for a budget that binds, or another table without points for one that does not."""
    bayes, table = solved("log", 4, bias_budget="30"), solved("log", 4, bias_budget=rng.choice(["2", "3", "1.5"]))
    if rng.random() < 0.5:
        return claimed_anew(with_kappa(renamed(bayes, budget=table.problem.budget), table.kappa or 0))
    plain = with_kappa(replace(renamed(table, budget=bayes.problem.budget), proof=bayes.proof), bayes.kappa or 0)
    return claimed_anew(plain)


def elsewhere(rng: random.Random) -> Forged:
    """An honest file in the place of another table, or in none that there is."""
    table, other = honest(rng), honest(rng)
    own = place_of(table.problem)
    wrong = [
        own.replace("/k", "/k0"),
        own.replace("/k", "/K"),
        own.replace("log/", "power%282%29/"),
        f"extra/x/{own[:-5]}7.json",
    ]
    wrong.append(place_of(other.problem))
    return Forged(table, rng.choice(wrong))


def untouched(rng: random.Random) -> Forged:
    """An honest file in its place, or in no place."""
    table = honest(rng)
    return Forged(table, rng.choice([place_of(table.problem), None]))


def hardly_wider(rng: random.Random) -> Table:
    return attacks.widened(honest(rng, "minimax", "plug_in", "harmonic"), 0, 10 ** rng.uniform(-16, -12.5))


Forge = Callable[[random.Random], Table | Forged]
FORGERIES: dict[str, Forge] = {
    function.__name__.replace("_", " "): function
    for function in (
        other_target, impossible_target, other_size, other_kappa, other_kappa_and_budget, inner_kappa,
        smaller_noise_budget, other_point_of_the_frontier, impossible_budget, budget_where_none_belongs,
        other_kind_of_budget, other_method, minimax_as_aqp, missing_part, widened, infinitely_wide, moved_coefficient,
        scaled, false_bayes, elsewhere, untouched, hardly_wider,
    )
}  # fmt: skip
HARMLESS = ("untouched", "hardly wider")


def forged(kind: str, rng: random.Random) -> Forged:
    made = FORGERIES[kind](rng)
    return made if isinstance(made, Forged) else Forged(made)
