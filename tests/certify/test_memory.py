"""What was proved of one function is not taken for another's of the same name."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from polyest.certify.certificate import worst_case_bias
from polyest.certify.growth import prove_growth
from polyest.certify.least_bias import least_bias
from polyest.errors import SolveError
from polyest.problems.targets import Target, get_target


def named_x(factor: int) -> Target:
    """factor·log p, by a name that does not tell."""

    def formula(p: Any, ctx: Any) -> Any:
        return factor * ctx.log(p)

    return Target("x", formula, growth=(Fraction(3, 2), Fraction(1, 4)), unique_alternation=True)


def test_growth_is_proved_of_every_formula() -> None:
    prove_growth(named_x(1))
    with pytest.raises(SolveError, match="growth"):
        prove_growth(named_x(2))


def test_enclosures_are_those_of_the_formula() -> None:
    zero = (0.0,) * 3
    assert worst_case_bias(named_x(1), zero) == worst_case_bias(get_target("log"), zero)
    assert float(worst_case_bias(named_x(2), zero)[0]) == pytest.approx(2 / 2.718281828459045)  # sup −2p·log p = 2/e


def test_the_least_bias_is_that_of_the_formula() -> None:
    once, twice = (float(least_bias(named_x(factor), 3)[0]) for factor in (1, 2))
    assert once == pytest.approx(0.03523656044671662)  # theory.md §3
    assert twice == pytest.approx(2 * once)
