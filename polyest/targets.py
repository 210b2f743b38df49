"""Targets: the functions r(p) of an answer's probability that a table estimates (theory.md §6), one row each.

A row's formula is written once and runs on every kind of number (float64 arrays, decimals, multi-precision
floats, balls, power series), because it takes the functions it needs from a context `ctx`:
`ctx.log`, `ctx.exp`, `ctx.sqrt`, `ctx.power(x, fraction)` and `ctx.rational(fraction)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from polyest.errors import ArgumentError, nearest
from polyest.rationals import decimal_text, is_decimal

__all__ = ["TARGETS", "Target", "get_target", "names"]

Formula = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Target:
    """A function r on (0, 1] with p·r(p) → 0 at 0.

    Attributes:
        name: canonical name, for instance ``"power(-0.5)"``; the key under which tables are stored.
        formula: ``formula(p, ctx)`` evaluates r with the functions of `ctx` only.
        growth: rationals (C, α) with |r(p)| ≤ C·p^(−α) on (0, 1], α < 1.
        polynomial: coefficients (a_0, …, a_d) if r(p) = Σ a_j p^j, else None.
        mean: ``mean(m, K)`` = E[r(p)], p ~ Beta(m+1, K−m), as a rational, or None where only quadrature gives it.
        exponent: a if r(p) = sign(a)·p^a with non-integer a, else None.
        unique_alternation: True if the minimax error is known to alternate at exactly K+1 points (theory.md §3).
    """

    name: str
    formula: Formula = field(compare=False)
    growth: tuple[Fraction, Fraction] = field(compare=False)
    polynomial: tuple[Fraction, ...] | None = field(default=None, compare=False)
    mean: Callable[[int, int], Fraction] | None = field(default=None, compare=False)
    exponent: Fraction | None = field(default=None, compare=False)
    unique_alternation: bool = field(default=False, compare=False)

    @property
    def degree(self) -> int | None:
        """Degree of a polynomial target, None for the others."""
        return None if self.polynomial is None else len(self.polynomial) - 1

    def is_exact(self, group_size: int) -> bool:
        """Whether an exactly unbiased table exists: r is a polynomial of degree ≤ K−1."""
        return self.degree is not None and self.degree <= group_size - 1


@dataclass(frozen=True)
class Row:
    """One family of targets: how it is written, what it is, and how its parameters make a Target."""

    signature: str
    formula: str
    objective: str
    parameters: str
    make: Callable[[Sequence[Fraction]], Target]


def _log(parameters: Sequence[Fraction]) -> Target:
    _expect("log", parameters, 0, 0)
    return Target(
        "log",
        lambda p, ctx: ctx.log(p),
        growth=(Fraction(3, 2), Fraction(1, 4)),  # |log p| ≤ (4/e) p^(−1/4)
        mean=lambda m, K: -sum((Fraction(1, j) for j in range(m + 1, K + 1)), Fraction(0)),
        unique_alternation=True,
    )


def _power(parameters: Sequence[Fraction]) -> Target:
    _expect("power", parameters, 1, 1)
    a = parameters[0]
    if a == 0:
        raise ArgumentError("`target` power(a) needs a ≠ 0, got a = 0: p^0 is constant; use another exponent")
    if a <= -1:
        raise ArgumentError(
            f"`target` power(a) needs a > −1, got a = {_text(a)}: p·r(p) does not tend to 0 at p = 0, "
            "so no table can estimate it; use a > −1"
        )
    if a.denominator == 1:
        coefficients = [Fraction(0)] * int(a) + [Fraction(1)]
        return _from_coefficients(f"power({_text(a)})", coefficients)
    sign = 1 if a > 0 else -1
    return Target(
        f"power({_text(a)})",
        lambda p, ctx: sign * ctx.power(p, a),
        growth=(Fraction(1), max(-a, Fraction(0))),
        exponent=a,
        mean=lambda m, K: sign * _product(Fraction(j) / (j + a) for j in range(m + 1, K + 1)),
        unique_alternation=True,
    )


def _polynomial(parameters: Sequence[Fraction]) -> Target:
    _expect("polynomial", parameters, 1, None)
    coefficients = list(parameters)
    while len(coefficients) > 1 and coefficients[-1] == 0:
        coefficients.pop()
    return _from_coefficients(f"polynomial({','.join(map(_text, coefficients))})", coefficients)


def _js(parameters: Sequence[Fraction]) -> Target:
    _expect("js", parameters, 1, 1)
    q = parameters[0]
    if not 0 < q <= 1:
        raise ArgumentError(f"`target` js(q) needs 0 < q ≤ 1, got q = {_text(q)}; q is the reference's probability")
    return Target(
        f"js({_text(q)})",
        lambda p, ctx: ctx.log(2 * p / (p + ctx.rational(q))),
        growth=(Fraction(3, 2), Fraction(1, 4)),  # p ≤ 2p/(p+q) ≤ 2, hence |r| ≤ max(log 2, −log p)
        unique_alternation=True,
    )


TARGETS: dict[str, Row] = {
    "log": Row("log", "log p", "Shannon entropy; KL to a reference", "", _log),
    "power": Row("power(a)", "sign(a)·p^a", "Tsallis / α-divergence; a = 1: Gini, Brier", "a > −1, a ≠ 0", _power),
    "polynomial": Row("polynomial(a_0,…)", "Σ a_j p^j", "any polynomial Bregman geometry", "rationals", _polynomial),
    "js": Row("js(q)", "log(2p/(p+q))", "Jensen–Shannon divergence to a reference", "0 < q ≤ 1", _js),
}


def names() -> tuple[str, ...]:
    """How the known targets are written.

    >>> names()
    ('log', 'power(a)', 'polynomial(a_0,…)', 'js(q)')
    """
    return tuple(row.signature for row in TARGETS.values())


@lru_cache(maxsize=256)
def get_target(name: str) -> Target:
    """The target that `name` names; parameters are read as exact rationals.

    >>> get_target("power(2.0)").name
    'power(2)'
    >>> get_target("power(2)").is_exact(3)
    True

    Raises:
        ArgumentError: the name is unknown, or a parameter is outside its domain.
    """
    match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*(?:\((.*)\))?\s*", name) if isinstance(name, str) else None
    if match is None or match[1] not in TARGETS:
        hint = nearest(match[1] if match else str(name), TARGETS)
        raise ArgumentError(f"`target` must be one of {', '.join(names())}; got {name!r}{hint}")
    return TARGETS[match[1]].make([_parse(name, part) for part in (match[2] or "").split(",") if part.strip()])


def _from_coefficients(name: str, coefficients: Sequence[Fraction]) -> Target:
    def formula(p: Any, ctx: Any) -> Any:
        value = ctx.rational(coefficients[-1]) + 0 * p
        for a in reversed(coefficients[:-1]):
            value = value * p + ctx.rational(a)
        return value

    def mean(m: int, K: int) -> Fraction:
        total, moment = Fraction(0), Fraction(1)
        for j, a in enumerate(coefficients):
            total += a * moment
            moment *= Fraction(m + 1 + j, K + 1 + j)
        return total

    bound = sum((abs(a) for a in coefficients), Fraction(0))
    return Target(name, formula, growth=(bound, Fraction(0)), polynomial=tuple(coefficients), mean=mean)


def _product(factors: Any) -> Fraction:
    value = Fraction(1)
    for factor in factors:
        value *= factor
    return value


def _expect(name: str, parameters: Sequence[Fraction], least: int, most: int | None) -> None:
    if len(parameters) < least or (most is not None and len(parameters) > most):
        raise ArgumentError(
            f"`target` must be written {TARGETS[name].signature}; got {name!r} with {len(parameters)} parameter(s)"
        )


def _parse(name: str, text: str) -> Fraction:
    try:
        return Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        raise ArgumentError(
            f"`target` parameters must be numbers such as 2, -0.5 or 1/3; got {text.strip()!r} in {name!r}"
        ) from None


def _text(value: Fraction) -> str:
    return decimal_text(value) if is_decimal(value) else f"{value.numerator}/{value.denominator}"
