"""How targets are written: parameters, other names of a target, and what to type for names that leave it open."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from polyest.errors import ArgumentError, nearest, shortened
from polyest.numbers.rationals import bounded_rational

__all__ = ["ALIASES", "INSTEAD", "WRITTEN", "CustomParts", "custom_parts", "meant", "parameter", "with_aliases"]

WRITTEN = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:\((.*)\))?\s*")
CUSTOM_NAME = re.compile(r"custom\(([^\W\d]\w*),([\d./]+),([\d./]+),[0-9a-f]{12}\)")
LARGEST_PARAMETER = 10**100  # far within what float64 holds

ALIASES = {"entropy": "log", "shannon": "log", "kl": "log"}

_SQUARES = "leaves a factor open: type power(1) for r = p, or polynomial(0,2) for r = 2p, the derivative of Σ p²"
_RANKS = "is an objective of graded rewards and no function of an answer's probability: use polyest.graded."
_RATES = "is an objective of a success rate, with a verifier: use polyest.success."
INSTEAD = {
    "worst_of": f"{_RANKS}worst_of, whose tables for n > K are those of best_of(n)",
    "median_of": f"{_RANKS}median_of, which is exact for n ≤ K and has no other tables",
    "l_statistic": f"{_RANKS}l_statistic, which is exact for n ≤ K and has no other tables",
    "max": f"{_RANKS}best_of",
    "pass": f"{_RATES}pass_at",
    "pass_at": f"{_RATES}pass_at",
    "majority": f"{_RATES}majority_at",
    "majority_at": f"{_RATES}majority_at",
    "gini": _SQUARES,
    "brier": _SQUARES,
    "collision": _SQUARES,
    "chi2": f"{_SQUARES}; a reference q divides r by q",
    "tsallis": "needs its order: type power(q-1) for order q ≠ 1, such as power(1) for 2 or power(-0.5) for ½; "
    "r = p^(q−1) up to the factor q/(q−1)",
    "renyi": "is no sum over answers, so that no table estimates it: type power(a-1) for order a ≠ 1, such as power(1) "
    "for 2; its gradient is that of Rényi's entropy up to a positive factor, which depends on the policy",
    "hellinger": "leaves a factor open: type power(-0.5) for r = −p^(−½); a reference q multiplies r by √q",
    "js": "needs the reference's probability q of the answer: type js(q) with 0 < q ≤ 1, such as js(0.1)",
}


@dataclass(frozen=True)
class CustomParts:
    """What the name of a custom target says: the function's name and the bound (C, α); the hash is for comparison."""

    function: str
    growth: tuple[Fraction, Fraction]


def with_aliases(family: str, signature: str) -> str:
    """How a target is written, with its other names.

    >>> with_aliases("log", "log"), with_aliases("js", "js(q)")
    ('log (or entropy, shannon, kl)', 'js(q)')
    """
    others = ", ".join(alias for alias, named in ALIASES.items() if named == family)
    return f"{signature} (or {others})" if others else signature


def meant(name: str, families: Collection[str]) -> str:
    """A hint at the target that may have been meant, or at another objective, with what to type for it.

    >>> meant("hellingr", ["log", "js"]).partition(":")[0]
    "; did you mean 'hellinger'? It leaves a factor open"
    """
    hint = nearest(name, [*families, *ALIASES, *INSTEAD])
    instead = [INSTEAD[other] for other in INSTEAD if other not in families and nearest(other, [other]) == hint]
    return hint + "".join(f" It {text}" for text in instead)


def custom_parts(name: str) -> CustomParts | None:
    """The parts of a custom target's name, None if it is no such name.

    >>> custom_parts("custom(mine,1.5,0.25,0123456789ab)").function
    'mine'
    """
    match = CUSTOM_NAME.fullmatch(name)
    return CustomParts(match[1], (parameter(name, match[2]), parameter(name, match[3]))) if match else None


def parameter(name: str, text: str) -> Fraction:
    """A parameter in the name of a target, as an exact rational."""
    value = bounded_rational(
        text, "target", f"have parameters in {shortened(name)} that are numbers such as 2, -0.5 or 1/3"
    )
    if abs(value) > LARGEST_PARAMETER:
        raise ArgumentError(f"`target` must have parameters between −1e100 and 1e100, got {shortened(name)}")
    return value
