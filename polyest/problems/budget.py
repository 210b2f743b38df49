"""The point on the frontier of aqp (theory.md §3), or of graded: the ways to name one, written down once."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import SupportsIndex, TypeAlias, TypedDict, cast

from polyest.errors import ArgumentError, called_with, nearest, shortened
from polyest.numbers.rationals import bounded_rational, decimal_text, is_decimal
from polyest.problems.targets import Target

__all__ = [
    "BUDGET_KINDS",
    "DEFAULT_WORST_CASE_BIAS",
    "AqpArguments",
    "Budget",
    "BudgetArguments",
    "Exact",
    "RaggedArguments",
    "as_ragged",
    "budget_of",
    "budget_value",
    "from_ragged",
    "method_of",
    "refuse_others",
    "to_ragged",
    "whole_number",
]

DEFAULT_WORST_CASE_BIAS = Fraction(1, 20)
DEFAULTS = {"aqp": ("noise_budget", Fraction(3, 2)), "graded": ("worst_case_bias", DEFAULT_WORST_CASE_BIAS)}
LEAST_BUDGET, LARGEST_BUDGET = Fraction(1, 10**12), 10**12

Exact: TypeAlias = float | str | Fraction | Decimal


class SharedArguments(TypedDict, total=False):
    """Two of the ways to name a point on the aqp frontier; one of them at most may be given."""

    noise_budget: Exact | None  # ρ > 0: at most ρ times the noise of plug_in, by default 1.5
    bias_budget: Exact | None  # κ ≥ 1, a multiple of 0.01: at most κ times the least possible worst-case bias


class AqpArguments(SharedArguments, total=False):
    """All of them."""

    groups: SupportsIndex | None  # M ≥ 1: the least error of updates that average M groups


class BudgetArguments(AqpArguments, total=False):
    """Keyword arguments of `polyest.load` and its like: a point on the frontier of aqp, or of graded, by one name."""

    worst_case_bias: Exact | None  # β of graded, per range of the rewards, by default 0.05


class RaggedArguments(SharedArguments, total=False):
    """Those of `polyest.rewards` and its like, where `groups` are the groups' ids."""

    averaged_groups: SupportsIndex | None


BUDGET_KINDS = ("noise_budget", "bias_budget", "groups", "worst_case_bias")


@dataclass(frozen=True)
class Budget:
    """A way to name a point on the frontier of aqp (theory.md §3), or of graded.

    Attributes:
        kind: ``"noise_budget"`` (ρ > 0), ``"bias_budget"`` (κ, a multiple of 0.01, ≥ 1) or ``"groups"`` (M ≥ 1); for
            graded ``"worst_case_bias"``, β itself per range of the rewards.
        value: the number, an exact rational.
    """

    kind: str
    value: Fraction

    @property
    def argument(self) -> BudgetArguments:
        """As `make_problem` takes it."""
        exact = int(self.value) if self.value.denominator == 1 else self.value
        return cast("BudgetArguments", {self.kind: exact})

    def __str__(self) -> str:
        return f"{self.kind}={decimal_text(self.value)}"


def refuse_others(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keyword arguments that are none of the known ones.

    Raises:
        ArgumentError: names the argument, and the one that is next to it, among these and all others of the function
            that was called.
    """
    for name in given:
        if name not in known:
            hint = nearest(name, [*known, *called_with()])
            is_another = hint and not nearest(name, known)
            choice = "" if is_another else f"; give {' or '.join(known)}, or none"
            raise ArgumentError(f"`{name}` is no argument{choice}{hint}")


def from_ragged(given: RaggedArguments) -> BudgetArguments:
    """The arguments of `polyest.rewards` as those of `polyest.load`; what these are refused for, `as_ragged` renames.

    Raises:
        ArgumentError: there are others among them.
    """
    refuse_others(given, RaggedArguments.__annotations__)
    noise, bias, groups = given.get("noise_budget"), given.get("bias_budget"), given.get("averaged_groups")
    return {"noise_budget": noise, "bias_budget": bias, "groups": groups}


@contextmanager
def as_ragged() -> Iterator[None]:
    """Errors of what `from_ragged` returned, with the names that were given."""
    try:
        yield
    except ArgumentError as error:
        raise ArgumentError(str(error).replace("`groups`", "`averaged_groups`")) from None


def to_ragged(given: BudgetArguments) -> RaggedArguments:
    """The arguments of `polyest.load` as those of `polyest.rewards`."""
    noise, bias, groups = given.get("noise_budget"), given.get("bias_budget"), given.get("groups")
    return {"noise_budget": noise, "bias_budget": bias, "averaged_groups": groups}


def method_of(kind: str) -> str:
    """The method that a kind of budget belongs to."""
    return "graded" if kind == "worst_case_bias" else "aqp"


def budget_of(target: Target, method: str, named: Mapping[str, object]) -> Budget | None:
    """The budget of a table: what is named, or the method's default; None for methods without one.

    Raises:
        ArgumentError: it is outside its domain, or at odds with the method or the target.
    """
    for kind in named:
        if method != method_of(kind):
            raise ArgumentError(f"`{kind}` belongs to method={method_of(kind)!r}, got method={method!r}; leave it out")
    if method not in DEFAULTS:
        return None
    if len(named) > 1:
        raise ArgumentError(f"`{'`, `'.join(named)}` exclude each other; give one of them")
    if not target.bounds_noise and "bias_budget" not in named:
        why = "its growth bounds noise for α < ½ only" if target.is_custom else "every table of it has infinite noise"
        raise ArgumentError(f"`bias_budget` is required for {target.name}, because {why}; give one, such as 2")
    kind, value = next(iter(named.items())) if named else DEFAULTS[method]
    return Budget(kind, budget_value(kind, value))


def budget_value(kind: str, value: object) -> Fraction:
    """The number of a budget, checked.

    Raises:
        ArgumentError: it is outside its domain.
    """
    if kind == "groups":
        value = value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value  # as it is listed
        return Fraction(whole_number("groups", value, least=1, most=LARGEST_BUDGET))
    number = bounded_rational(value, kind)
    if number > LARGEST_BUDGET:
        raise ArgumentError(f"`{kind}` must be at most {LARGEST_BUDGET}, got {shortened(value)}")
    if kind == "bias_budget" and (number < 1 or (100 * number).denominator != 1):
        raise ArgumentError(
            f"`bias_budget` must be a multiple of 0.01, at least 1 (1 is the minimax table); got {shortened(value)}"
        )
    if kind != "bias_budget" and (number < LEAST_BUDGET or not is_decimal(number)):
        example = decimal_text(dict(DEFAULTS.values())[kind])
        raise ArgumentError(
            f"`{kind}` must be a positive decimal such as {example}, at least 1e-12; got {shortened(value)}"
        )
    return number


def whole_number(argument: str, value: object, least: int, most: int | None = None) -> int:
    """`value` as an int from `least` to `most`; numpy integers pass, floats and bools do not."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(cast("SupportsIndex", value))
    except TypeError:
        raise ArgumentError(f"`{argument}` must be a whole number, got {shortened(value)}") from None
    if number < least:
        raise ArgumentError(f"`{argument}` must be at least {least}, got {shortened(value)}")
    if most is not None and number > most:
        raise ArgumentError(f"`{argument}` must be at most {most}, got {shortened(value)}")
    return number
