"""Making and re-proving the claims that a table file carries (theory.md §4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

from polyest.certify import functions, graded, key, optimality
from polyest.certify.growth import prove_growth
from polyest.certify.memory import remembered
from polyest.certify.supremum import supremum
from polyest.closed_forms import CLOSED_FORM, leave_one_out_problem
from polyest.errors import ArgumentError, SolveError, nearest, shortened
from polyest.numbers.protocol import Formula
from polyest.problems.custom import provide
from polyest.problems.objective import mean_slope, running_means
from polyest.problems.problem import METHODS
from polyest.problems.targets import Target, get_target
from polyest.storage.table import Certificate, Enclosure, Table

__all__ = ["broken_promises", "certificate", "enclosures", "verify", "worst_case_bias", "worst_noise"]

DIGITS = 17
WIDTH = Fraction(1, 10**12)  # by which the ends of a claim may lie outside what is proved, of its upper end
INFINITE = Enclosure("Infinity", "Infinity")
UNKNOWN = Enclosure("0", "Infinity")
Interval = tuple[Fraction, Fraction]


def certificate(table: Table) -> Certificate:
    """Prove what can be claimed about a table's coefficients, exactly as they are stored.

    >>> from polyest.closed_forms import closed_form
    >>> from polyest.problems.problem import make_problem
    >>> certificate(closed_form(make_problem("log", 8, "plug_in"))).worst_case_bias.upper.__round__(12)
    0.065542764093

    Raises:
        SolveError: an enclosure could not be closed.
        ArgumentError: the coefficients are not K finite numbers, or the proof data make no sense.
    """
    _check(table)
    claims = enclosures(table.problem.target, table.coefficients, table.problem.method)
    best = _optimality(get_target(table.problem.target), table, Fraction(claims.worst_case_bias.upper_text))
    return replace(claims, optimality=_outward(best) if best else None)


def enclosures(target: str, coefficients: Sequence[float], method: str = "") -> Certificate:
    """What is true of any coefficients: their worst-case bias, in the sense of the method, and noise, proved.

    >>> print(enclosures("power(-0.5)", [-1.0] * 4).noise)
    [0.24999999999999999, 0.25000000000000001]

    Raises:
        ArgumentError: no such target or method, or coefficients that are not finite numbers.
        SolveError: an enclosure could not be closed.
    """
    if method not in ("", *METHODS):
        hint = nearest(str(method).lower(), METHODS)
        raise ArgumentError(f"`method` must be one of {', '.join(METHODS)}, or empty; got {shortened(method)}{hint}")
    row, c = _sound(target), _finite("coefficients", coefficients)
    bias, noise = _proved(row, c, method == "graded")
    return Certificate(_outward(bias), _noise_claim(row, noise))


def verify(table: Table, custom: Iterable[Formula | Target] = ()) -> list[str]:
    """What a table file says, of the table and of its leave-one-out table, and could not be proved; empty if all was.

    Everything is computed anew from the coefficients, points and multipliers in the file; no claim is believed, nor
    any word of the key: the question makes sense and is written canonically; all parts are there; κ is β/E*_K up to
    rounding, the noise keeps its budget, and the table is as close to the best as the method promises. The ends of a
    claim may be off by 10^−12 of the number at most, outward. That no smaller κ keeps the noise budget, and that
    κ is best for the number of groups, is not proved: `unproved` says so.

    Args:
        table: as read from its file.
        custom: the functions r(p, ctx), or targets, that custom targets stand for: nothing is imported because a file
            names it. Those made by `polyest.custom` in this process are known if none are given.

    Raises:
        ArgumentError: it is no table, or its target is a custom one and the function is not given.
    """
    _check(table, is_whole=False)
    changed = provide(table.problem.target, custom)
    if changed:
        return [changed]
    wrong = list(key.question(table))
    if wrong:
        return wrong
    failures, inner = _verify_one(table, ""), table.leave_one_out
    if inner is not None:
        failures += _verify_one(replace(inner, problem=leave_one_out_problem(table.problem)), "leave_one_out.")
    return failures


def broken_promises(table: Table) -> list[str]:
    """What a table promises and its claims, taken for proved, do not keep: `verify` of one just made."""
    _check(table)
    found, target = list[str](), get_target(table.problem.target)
    for part in (table, table.leave_one_out):
        if part is not None and part.certificate is not None:
            bias, noise, best = map(_interval, vars(part.certificate).values())
            assert bias is not None
            found += key.broken_promises(target, part, bias, noise if part is table else None, best)
    return found


def worst_case_bias(target: Target, coefficients: tuple[float, ...], method: str = "") -> Interval:
    """An enclosure of β(c) = sup p·|Q_c(p) − r(p)| over (0, 1]; for graded of sup |∫_0^p (Q_c − r)|."""
    if method == "graded":
        e = functions.bias(mean_slope(target), running_means(coefficients))
    else:
        e = functions.bias(target, coefficients)
    return (Fraction(0), Fraction(0)) if e.is_zero else supremum(e)


def worst_noise(target: Target, coefficients: tuple[float, ...]) -> Interval | None:
    """An enclosure of V(c) over (0, 1]; None where there is none: |r| grows faster than p^(−1/2), or may do so."""
    if not target.bounds_noise:
        return None
    v = functions.noise(target, coefficients)
    return (Fraction(0), Fraction(0)) if v.is_zero else supremum(v)


@remembered(maxsize=256)  # a table that is verified has just been solved, or is the last one but for its claims
def _proved(target: Target, coefficients: tuple[float, ...], is_graded: bool) -> tuple[Interval, Interval | None]:
    """Enclosures of β(c) and V(c)."""
    return worst_case_bias(target, coefficients, "graded" if is_graded else ""), worst_noise(target, coefficients)


def _verify_one(table: Table, path: str) -> list[str]:
    claims = table.certificate
    if claims is None:
        return [f"{path}certificate is missing"]
    if claims.worst_case_bias in (INFINITE, UNKNOWN):
        return [f"{path}certificate.worst_case_bias claims infinity, but every table's bias is finite"]
    try:
        _check(table)
        target = _sound(table.problem.target)
        bias, noise = _proved(target, table.coefficients, table.problem.method == "graded")
        best = _optimality(target, table, Fraction(claims.worst_case_bias.upper_text))
        broken = list(key.broken_promises(target, table, bias, None if path else noise, best))
    except (SolveError, ArgumentError) as error:
        return [f"{path}certificate could not be re-proved: {error}"]
    proved = Certificate(_outward(bias), _noise_claim(target, noise), _outward(best) if best else None)
    return [f"{path}{failure}" for failure in [*broken, *_false_claims(claims, proved, (bias, noise, best))]]


def _false_claims(claims: Certificate, proved: Certificate, enclosures: Sequence[Interval | None]) -> Iterator[str]:
    """The claims that do not hold what is proved, or are more than `WIDTH` wider."""
    for (name, claim), enclosure in zip(vars(claims).items(), enclosures, strict=True):
        expected = getattr(proved, name)
        if claim is None and expected is not None:
            yield f"certificate.{name} is missing"
        elif enclosure is None:
            if claim != expected:
                yield f"certificate.{name} claims {claim}, but {expected or 'nothing'} is what can be proved"
        elif not _contains(claim, enclosure):
            yield f"certificate.{name} claims {claim}, but {expected} is what can be proved"
        elif not _is_narrow(claim, enclosure):
            yield f"certificate.{name} claims {claim}, wider than needed: {expected} can be proved"


def _check(table: Table, *, is_whole: bool = True) -> None:
    """Refuse what is no table, and one whose numbers are not there or not finite, which no file holds."""
    if not isinstance(table, Table):
        raise ArgumentError(f"`table` must be a Table, got {shortened(table)}; read its file, or solve it")
    if not is_whole:
        return
    c, K = _finite("coefficients", table.coefficients), table.group_size
    if len(c) != K:
        raise ArgumentError(f"`coefficients` must be K = {K} numbers, got {len(c)}; solve the table again")
    for name, numbers in table.proof.items():
        if numbers:
            _finite(name, numbers)


def _finite(argument: str, numbers: Iterable[float]) -> tuple[float, ...]:
    """As floats, of which there is one at least."""
    found: tuple[float, ...] = ()
    with suppress(TypeError, ValueError, OverflowError):
        if not isinstance(numbers, str | bytes | Mapping | Set) and not hasattr(numbers, "mask"):
            found = tuple(map(float, numbers))
    if not found or not all(map(math.isfinite, found)):
        raise ArgumentError(
            f"`{argument}` must be finite numbers, one at least, got {' '.join(shortened(numbers).split())}; solve "
            "the table again"
        )
    return found


def _sound(name: str) -> Target:
    """The target of that name; a user's own has to be known and to keep its bound."""
    target = get_target(name)
    if target.is_custom:
        target.require()
        prove_growth(target)
    return target


def _noise_claim(target: Target, noise: Interval | None) -> Enclosure:
    """Without an enclosure: infinite for powers; nothing for a custom target, which may grow less than it says."""
    return _outward(noise) if noise else UNKNOWN if target.is_custom else INFINITE


def _optimality(target: Target, table: Table, beta: Fraction) -> Interval | None:
    """An enclosure of the best value of the table's program, at the certified bias `beta` for aqp and graded."""
    method, K = table.problem.method, table.group_size
    if method in CLOSED_FORM:
        return (Fraction(0), Fraction(0)) if method == "exact" else None
    if method == "minimax" or table.kappa == 100:
        alternation = table.proof.get("alternation", ())
        if len(alternation) != K + 1:
            raise ArgumentError(f"`alternation` must have K + 1 = {K + 1} points; solve it again")
        return optimality.least_bias_bound(target, alternation), beta
    points, multipliers = table.proof.get("points", ()), table.proof.get("multipliers", ())
    dual_value = graded.dual_value if method == "graded" else optimality.dual_value
    lower = dual_value(target, K, points, multipliers, beta)
    return lower, optimality.objective(target, table.coefficients)[1]


def _interval(claim: Enclosure | None) -> Interval | None:
    """What is claimed; None where that is nothing, or infinite."""
    if claim is None or "Infinity" in (claim.lower_text, claim.upper_text):
        return None
    return Fraction(claim.lower_text), Fraction(claim.upper_text)


def _contains(claim: Enclosure, proved: Interval) -> bool:
    ends = _interval(claim)
    return ends is not None and ends[0] <= proved[0] and proved[1] <= ends[1]


def _is_narrow(claim: Enclosure, proved: Interval) -> bool:
    slack = WIDTH * abs(proved[1])
    return proved[0] - Fraction(claim.lower_text) <= slack and Fraction(claim.upper_text) - proved[1] <= slack


def _outward(interval: Interval) -> Enclosure:
    """The interval with its ends rounded outward to `DIGITS` significant decimals."""
    return Enclosure(_decimal(interval[0], ROUND_FLOOR), _decimal(interval[1], ROUND_CEILING))


def _decimal(value: Fraction, rounding: str) -> str:
    context = Context(prec=DIGITS, rounding=rounding, Emin=-99_999, Emax=99_999)
    return str(context.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize(context))
