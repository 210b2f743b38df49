"""Targets: the functions r(p) of an answer's probability that a table estimates (theory.md §6), one row each.

A row's formula is written once and runs on every kind of number (float64 arrays, decimals, multi-precision
floats, balls, power series), because it takes the functions it needs from a context `ctx`:
`ctx.log`, `ctx.exp`, `ctx.sqrt`, `ctx.power(x, fraction)` and `ctx.rational(fraction)`
(`polyest.numbers.protocol.Functions`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache

from polyest.errors import ArgumentError, shortened
from polyest.numbers.formal import LARGEST_DEGREE
from polyest.numbers.protocol import Formula, Functions, N
from polyest.numbers.rationals import rational_text
from polyest.problems.moments import harmonics, polynomial_mean, ratios
from polyest.problems.target_names import ALIASES, INSTEAD, WRITTEN, custom_parts, meant, parameter, with_aliases

__all__ = ["TARGETS", "Target", "get_target", "names", "register"]

_registered: dict[str, Target] = {}


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
        is_known: False for a custom target of which this process knows no more than the name; its formula asks for it.
        unique_alternation: True if the minimax error is known to alternate at exactly K+1 points (theory.md §3).
    """

    name: str
    formula: Formula = field(compare=False)
    growth: tuple[Fraction, Fraction] = field(compare=False)
    polynomial: tuple[Fraction, ...] | None = field(default=None, compare=False)
    mean: Callable[[int, int], Fraction] | None = field(default=None, compare=False)
    exponent: Fraction | None = field(default=None, compare=False)
    unique_alternation: bool = field(default=False, compare=False)
    is_known: bool = field(default=True, compare=False)

    @property
    def degree(self) -> int | None:
        """Degree of a polynomial target, None for the others."""
        return None if self.polynomial is None else len(self.polynomial) - 1

    @property
    def is_custom(self) -> bool:
        """Whether the formula is a user's own (`polyest.custom`)."""
        return custom_parts(self.name) is not None

    def is_exact(self, group_size: int) -> bool:
        """Whether an exactly unbiased table exists: r is a polynomial of degree ≤ K−1."""
        return self.degree is not None and self.degree <= group_size - 1

    @property
    def bounds_noise(self) -> bool:
        """Whether the growth at 0 bounds the noise of every table; a power of −½ does so just as well."""
        return self.growth[1] < Fraction(1, 2) or (self.growth[1] == Fraction(1, 2) and not self.is_custom)

    def require(self) -> None:
        """Refuse a custom target that is known by name only.

        Raises:
            ArgumentError: names the ways to give its function.
        """
        parts = custom_parts(self.name)
        if parts and not get_target(self.name).is_known:
            growth = ", ".join(map(rational_text, parts.growth))
            raise ArgumentError(
                f"`target` {self.name} stands for a function of yours, which is not known here and no file brings "
                f"along; call polyest.custom({parts.function}, growth=({growth})) first, or on the command line give "
                f"--target MODULE:{parts.function}, for polyest verify --custom MODULE:{parts.function}"
            )

    def __reduce__(self) -> tuple[Callable[..., Target], tuple[object, ...]]:
        """By name, as most formulas cannot be pickled; a function of one's own goes along."""
        if self.is_custom and self.is_known:
            return _restored, (self.name, self.formula, self.growth)
        return get_target, (self.name,)

    def __str__(self) -> str:
        return self.name


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
        mean=lambda m, K: harmonics(K)[m] - harmonics(K)[K],
        unique_alternation=True,
    )


def _power(parameters: Sequence[Fraction]) -> Target:
    _expect("power", parameters, 1, 1)
    a = parameters[0]
    if a == 0:
        raise ArgumentError("`target` power(a) needs a ≠ 0, got a = 0: p^0 is constant; use another exponent")
    if a <= -1:
        raise ArgumentError(
            f"`target` power(a) needs a > −1, got a = {rational_text(a)}: p·r(p) does not tend to 0 at p = 0, "
            "so no table can estimate it; use a > −1"
        )
    if a.denominator == 1:
        _check_degree(a)
        coefficients = [Fraction(0)] * int(a) + [Fraction(1)]
        return _from_coefficients(f"power({rational_text(a)})", coefficients)
    sign = 1 if a > 0 else -1
    return Target(
        f"power({rational_text(a)})",
        lambda p, ctx: sign * ctx.power(p, a),
        growth=(Fraction(1), max(-a, Fraction(0))),
        exponent=a,
        mean=lambda m, K: sign * ratios(a, K)[K] / ratios(a, K)[m],
        unique_alternation=True,
    )


def _polynomial(parameters: Sequence[Fraction]) -> Target:
    _expect("polynomial", parameters, 1, None)
    coefficients = list(parameters)
    while len(coefficients) > 1 and coefficients[-1] == 0:
        coefficients.pop()
    _check_degree(len(coefficients) - 1)
    return _from_coefficients(f"polynomial({','.join(map(rational_text, coefficients))})", coefficients)


def _check_degree(degree: Fraction | int) -> None:
    if degree > LARGEST_DEGREE:
        raise ArgumentError(
            f"`target` may be a polynomial of degree {LARGEST_DEGREE} at most, got degree "
            f"{shortened(int(degree), 12)}; use a smaller one, or an exponent that is not whole"
        )


def _js(parameters: Sequence[Fraction]) -> Target:
    _expect("js", parameters, 1, 1)
    q = parameters[0]
    if not 0 < q <= 1:
        text = rational_text(q)
        raise ArgumentError(f"`target` js(q) needs 0 < q ≤ 1, got q = {text}; q is the reference's probability")
    return Target(
        f"js({rational_text(q)})",
        lambda p, ctx: ctx.log(2 * p / (p + ctx.rational(q))),
        growth=(Fraction(3, 2), Fraction(1, 4)),  # p ≤ 2p/(p+q) ≤ 2, hence |r| ≤ max(log 2, −log p)
        unique_alternation=True,
    )


def _best_of(parameters: Sequence[Fraction]) -> Target:
    _expect("best_of", parameters, 1, 1)
    n = parameters[0]
    if n.denominator != 1 or not 1 <= n <= LARGEST_DEGREE + 1:
        raise ArgumentError(
            f"`target` best_of(n) needs a whole n from 1 to {LARGEST_DEGREE + 1}, got n = {shortened(rational_text(n))}"
        )
    draws = int(n)
    coefficients = [n * (-1) ** j * math.comb(draws - 1, j) for j in range(draws)]
    return replace(
        _from_coefficients(f"best_of({draws})", coefficients),
        formula=lambda p, ctx: ctx.rational(draws) * (1 - p) ** (draws - 1),
        growth=(n, Fraction(0)),
    )


TARGETS: dict[str, Row] = {
    "log": Row("log", "log p", "Shannon entropy; KL to a reference", "", _log),
    "power": Row("power(a)", "sign(a)·p^a", "Tsallis / α-divergence; a = 1: Gini, Brier", "a > −1, a ≠ 0", _power),
    "polynomial": Row("polynomial(a_0,…)", "Σ a_j p^j", "any polynomial Bregman geometry", "rationals", _polynomial),
    "best_of": Row(
        "best_of(n)", "n(1−p)^(n−1)", "pass@n, the greatest of n; distinct answers of n draws", "n = 1, 2, …", _best_of
    ),
    "js": Row("js(q)", "log(2p/(p+q))", "Jensen–Shannon divergence to a reference", "0 < q ≤ 1", _js),
}


def names() -> tuple[str, ...]:
    """How the known targets are written.

    >>> names()
    ('log', 'power(a)', 'polynomial(a_0,…)', 'best_of(n)', 'js(q)')
    """
    return tuple(row.signature for row in TARGETS.values())


def register(target: Target) -> Target:
    """Make a custom target known by its name in this process."""
    _registered[target.name] = target
    return target


def _restored(name: str, formula: Formula, growth: tuple[Fraction, Fraction]) -> Target:
    return register(Target(name, formula, growth))


def get_target(name: str | Target) -> Target:
    """The target that `name` names; parameters are read as exact rationals.

    A target passes as it is. ``entropy``, ``shannon`` and ``kl`` are other names of ``log``. A custom target that is
    not known in this process has a formula that asks for it.

    >>> get_target("power(2.0)").name
    'power(2)'
    >>> get_target("power(2)").is_exact(3)
    True

    Raises:
        ArgumentError: the name is unknown, or a parameter is outside its domain.
    """
    if isinstance(name, Target):
        return register(name) if name.is_custom and name.is_known else name
    if not isinstance(name, str):
        raise _no_target(name)
    return _registered.get(name) or _named(name)


def _no_target(name: object, hint: str = "") -> ArgumentError:
    known = ", ".join(with_aliases(family, row.signature) for family, row in TARGETS.items())
    return ArgumentError(f"`target` must be one of {known}, polyest.custom(…); got {shortened(name)}{hint}")


@lru_cache(maxsize=256)
def _named(name: str) -> Target:
    parts = custom_parts(name)
    if parts is not None:
        return _unknown(name, parts.growth)
    match = WRITTEN.fullmatch(name)
    family = match[1] if match else shortened(name)
    parameters = match[2] if match else None
    family = family if family in TARGETS else ALIASES.get(family.lower(), family)
    instead = INSTEAD.get(family.lower().strip("'").partition("@")[0])
    if instead and (parameters is None or family not in TARGETS):
        raise ArgumentError(f"`target` {family} {instead}; got {shortened(name)}")
    if family not in TARGETS:
        raise _no_target(name, meant(family.lower(), TARGETS))
    return TARGETS[family].make([parameter(name, part) for part in (parameters or "").split(",") if part.strip()])


def _unknown(name: str, growth: tuple[Fraction, Fraction]) -> Target:
    """A custom target that this process knows by name only: enough to find, list and look up its tables."""

    def formula(p: N, ctx: Functions[N]) -> N:
        target.require()
        return get_target(name).formula(p, ctx)

    target = Target(name, formula, growth, is_known=False)
    return target


def _from_coefficients(name: str, coefficients: Sequence[Fraction]) -> Target:
    def formula(p: N, ctx: Functions[N]) -> N:
        value: N = ctx.rational(coefficients[-1]) + 0 * p
        for a in reversed(coefficients[:-1]):
            value = value * p + ctx.rational(a)
        return value

    bound = sum((abs(a) for a in coefficients), Fraction(0))
    return Target(
        name,
        formula,
        growth=(bound, Fraction(0)),
        polynomial=tuple(coefficients),
        mean=lambda m, K: polynomial_mean(coefficients, m, K),
    )


def _expect(name: str, parameters: Sequence[Fraction], least: int, most: int | None) -> None:
    if len(parameters) < least or (most is not None and len(parameters) > most):
        raise ArgumentError(
            f"`target` must be written {TARGETS[name].signature}; got {name!r} with {len(parameters)} parameter(s)"
        )
