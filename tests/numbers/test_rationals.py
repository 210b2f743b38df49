"""Numbers as they are typed and written: exact, and within a stated number of digits."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest.numbers.rationals import MOST_DIGITS, bounded_rational, decimal_text, is_decimal


@pytest.mark.parametrize(
    "value", ["1e999", "1e-999", "1/3", "-.5", "5.", "1_000", " 2 ", 0.1, 1e300, 5e-324, Decimal("1.5")]
)
def test_numbers_within_the_limit_are_read_exactly(value: Any) -> None:
    assert bounded_rational(value, "here") == Fraction(str(value).strip())


@given(st.integers(-(10**9), 10**9), st.integers(0, 60), st.integers(0, 60))
def test_decimals_are_written_in_full_and_shortest(numerator: int, twos: int, fives: int) -> None:
    value = Fraction(numerator, 2**twos * 5**fives)
    text = decimal_text(value)
    assert is_decimal(value)
    assert not is_decimal(value + Fraction(1, 7))
    assert Fraction(text) == value
    assert "." not in text or text[-1] != "0"


def test_the_limit_on_digits_is_the_one_that_messages_name() -> None:
    assert MOST_DIGITS == 1000
