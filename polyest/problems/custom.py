"""Targets of your own: a formula r(p, ctx), checked, and known by a name that changes when its source changes."""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from types import FunctionType

from polyest.errors import ArgumentError, shortened
from polyest.numbers.decimals import DIGITS, DecimalContext
from polyest.numbers.formal import Formal, trace
from polyest.numbers.protocol import Formula
from polyest.numbers.rationals import bounded_rational, rational_text
from polyest.problems.budget import Exact
from polyest.problems.fingerprint import fingerprint
from polyest.problems.smoothness import SMOOTH, require_smooth
from polyest.problems.target_names import custom_parts
from polyest.problems.targets import Target, get_target, register

__all__ = ["Function", "custom", "provide"]

Function = Formula
SLACK = decimal.Decimal("1e-40")
IMPOSSIBLE = "p·r(p) does not tend to 0 at p = 0, so no table can estimate it (theory.md §6)"


def custom(function: Function, growth: Sequence[Exact] | None = None) -> Target:
    """A target of your own, for `polyest.load`, `polyest.rewards` and everything else that takes a target.

    A polynomial with rational coefficients becomes ``polynomial(…)`` and a power becomes ``power(a)``. Anything else is
    named ``custom(NAME,C,ALPHA,HASH)``; its tables are stored under that name. The hash covers the source text of the
    function and of every function that it calls, the numbers that they take from outside, C and α: change one of them
    and the tables have to be solved again, change anything else in the module and they remain.

    The bound is proved on [2^(−1000), 1]; below, polyest takes your word.

    Args:
        function: ``r(p, ctx)``, defined by ``def`` in a file; one formula, analytic on all of (0, 1] (no kink, no
            root at 1), that uses +, −, ×, /, whole powers and whole numbers, ``ctx.log``, ``ctx.exp``, ``ctx.sqrt``,
            ``ctx.power(x, Fraction(1, 3))`` and ``ctx.rational(Fraction(1, 3))``, so that it runs on every kind of
            number.
        growth: (C, α), 0 ≤ α < 1, with |r(p)| < C·p^(−α) on (0, 1]; any C that is large enough will do. Without α < ½
            nothing is claimed about the noise. Not needed for polynomials and powers.

    Raises:
        ArgumentError: r uses something else, is not finite on (0, 1], has a kink or a root there (1 included), breaks
            the bound, or no table can estimate it.

    Source: theory.md §6.

    >>> def collision(p, ctx):
    ...     return p * (1 - p)
    >>> custom(collision).name
    'polynomial(0,1,-1)'
    """
    if not isinstance(function, FunctionType):
        raise ArgumentError(f"`function` must be a function r(p, ctx) defined by def; got {function!r}")
    named = _named(_checked(function))
    C, alpha = _growth(function, growth) if named is None or growth is not None else named.growth
    if named is not None:
        return named
    _check_samples(function, C, alpha)
    require_smooth(function)
    bound = f"{rational_text(C)},{rational_text(alpha)}"
    name = f"custom({function.__name__},{bound},{fingerprint(function, bound)})"
    return register(Target(name, function, growth=(C, alpha)))


def _checked(function: FunctionType) -> Formal:
    """What the formula is, if a table can estimate it at all."""
    form = trace(function)
    if form.terms and min(form.terms) <= -1:
        raise ArgumentError(f"`function` {function.__name__} grows like p^({min(form.terms)}) at 0: {IMPOSSIBLE}")
    if not form.varies and form.polynomial is None:
        raise ArgumentError(f"`function` {function.__name__} is constant, got no p in it: there is nothing to estimate")
    return form


def provide(name: str, given: Iterable[Function | Target]) -> str | None:
    """Make the target of that name known, out of what the caller has given; nothing is imported.

    Returns:
        None, or why the functions given do not make the target.

    Raises:
        ArgumentError: nothing given has the name's function name.
    """
    parts, candidates = custom_parts(name), list(given)
    if parts is None:
        return None
    if not candidates:
        get_target(name).require()
        return None
    namesakes = [f for f in candidates if _name_of(f) == parts.function]
    made = [f if isinstance(f, Target) else custom(f, parts.growth) for f in namesakes]
    if any(target.name == name for target in made):
        return None
    if made:
        return f"key.target is {name}, but the function given is {made[0].name}: its source or its growth has changed"
    raise ArgumentError(
        f"`custom` must hold the function of {name}, which no file brings along; got "
        f"{', '.join(map(_name_of, candidates))}; give it by --custom MODULE:{parts.function}"
    )


def _name_of(given: Function | Target) -> str:
    if isinstance(given, Target):
        parts = custom_parts(given.name)
        return parts.function if parts else given.name
    return getattr(given, "__name__", repr(given))


def _named(form: Formal) -> Target | None:
    """The target of the library that the formula is, if it is one."""
    polynomial = form.polynomial
    if polynomial is not None:
        return get_target(f"polynomial({','.join(map(rational_text, polynomial))})")
    if form.terms is not None and len(form.terms) == 1:
        ((a, coefficient),) = form.terms.items()
        return get_target(f"power({rational_text(a)})") if coefficient == (1 if a > 0 else -1) else None
    return None


def _growth(function: FunctionType, growth: Sequence[Exact] | None) -> tuple[Fraction, Fraction]:
    if growth is None:
        raise ArgumentError(
            f"`growth` is needed for {function.__name__}, which is no polynomial: give (C, alpha) with "
            "|r(p)| < C·p^(−alpha) on (0, 1]; for log p that may be (1.5, 0.25)"
        )
    try:
        first, second = growth
    except (TypeError, ValueError):
        got = shortened(growth)
        raise ArgumentError(f"`growth` must be two numbers (C, alpha); got {got}; give (1.5, 0.25), say") from None
    C, alpha = (bounded_rational(n, "growth", "be two numbers (C, alpha), each finite and") for n in (first, second))
    if alpha >= 1:
        raise ArgumentError(
            f"`growth` needs alpha < 1, got {shortened(growth)}: if nothing less bounds r, {IMPOSSIBLE}"
        )
    if C <= 0 or alpha < 0:
        raise ArgumentError(
            f"`growth` needs C > 0 and alpha ≥ 0, got {shortened(growth)}; alpha = 0 where r is bounded"
        )
    return C, alpha


def _check_samples(function: FunctionType, C: Fraction, alpha: Fraction) -> None:
    """Refuse a bound that fails, and an r that is not finite, at some p from 1 down to 10^(−4096)."""
    traps = [decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow]
    wide = decimal.Context(DIGITS, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=traps)
    with decimal.localcontext(wide):
        ctx, sizes = DecimalContext(), {}
        for p in _samples():
            sizes[p] = _size(function, p)
        for p, size in sizes.items():
            if size * ctx.power(p, alpha) > ctx.rational(C) * (1 + SLACK):
                raise ArgumentError(
                    f"`growth` must bound r: |r(p)| < C·p^(−α) on (0, 1]; got |r| = {size:.6g} at p = {p:.3g} with "
                    f"C = {rational_text(C)}, α = {rational_text(alpha)}; {_hint(sizes)}"
                )


def _samples() -> Iterator[decimal.Decimal]:
    yield from (decimal.Decimal(j) / 64 for j in range(64, 0, -1))
    yield from (decimal.Decimal(2) ** -k for k in range(7, 64))
    yield from (decimal.Decimal(10) ** -(2**j) for j in range(5, 13))


def _size(function: FunctionType, p: decimal.Decimal) -> decimal.Decimal:
    try:
        value = decimal.Decimal(function(p, DecimalContext()))
    except decimal.DecimalException as error:
        value, reason = decimal.Decimal("NaN"), type(error).__name__
    else:
        reason = str(value)
    if not value.is_finite():
        raise ArgumentError(
            f"`function` {function.__name__} must give a real number on all of (0, 1]; got {reason} at p = {p:.6g}; "
            f"{SMOOTH}"
        )
    return abs(value)


def _hint(sizes: dict[decimal.Decimal, decimal.Decimal]) -> str:
    (p, size), (q, other) = list(sizes.items())[-2:]
    if q * other > p * size / 2:
        return f"it seems that {IMPOSSIBLE}"
    return "give a larger C or α (none will do for a pole in (0, 1]), and write r so that it does not cancel near 0"
