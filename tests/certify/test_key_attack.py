"""Soundness of `verify`, by attack: no file with a false or too wide a claim passes, and no correct one is refused.

Whether a claim is false is computed by `brute`, in 60 digits, without the verifier's code; `benchmarks/attack.py`
runs more of the same and reports by class of attack.
"""

from __future__ import annotations

import attacks
import brute
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest import certify

SIZES = st.builds(lambda e, sign: sign * 10.0**e, st.floats(-16, -1), st.sampled_from([-1, 1]))
SMALL_SIZES = st.builds(lambda e, sign: sign * 10.0**e, st.floats(-16, -9.5), st.sampled_from([-1, 1]))


@pytest.mark.slow
@settings(max_examples=160)
@given(
    st.sampled_from(sorted(attacks.ATTACKS)),
    st.integers(0, len(attacks.QUESTIONS) - 1),
    st.booleans(),
    st.integers(0, 9),
    SIZES | SMALL_SIZES,
)
def test_no_false_claim_passes(kind: str, base: int, inner: bool, index: int, size: float) -> None:
    table = attacks.attack(kind, base, inner, index, size)
    if kind in attacks.BARRED or brute.falsehood(table, attacks.honest(base)) > 0:
        assert certify.verify(table) != []
    elif kind in attacks.HARMLESS:
        assert certify.verify(table) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", [k for k in attacks.ATTACKS if "end" in k or "coefficient" in k or "raised" in k])
def test_every_class_of_attack_makes_claims_false_by_less_than_1e_9(kind: str) -> None:
    """The attacks bite: for some base a claim is false by a hair, and that file is rejected."""
    misses = {}
    for base in (1, 4):
        table = attacks.attack(kind, base, False, 1, 3e-12)
        misses[base] = brute.falsehood(table, attacks.honest(base))
        assert misses[base] == 0 or certify.verify(table) != []
    assert any(0 < miss < 1e-9 for miss in misses.values())


@pytest.mark.slow
@pytest.mark.parametrize("base", range(len(attacks.QUESTIONS)))
def test_correct_files_pass(base: int) -> None:
    assert brute.falsehood(attacks.honest(base), attacks.honest(base)) == 0
    assert certify.verify(attacks.attack("untouched", base, False, 0, 0.0)) == []
    for size in (1e-16, 1e-13):
        assert certify.verify(attacks.attack("widened outward", base, False, 0, size)) == []
        assert certify.verify(attacks.attack("widened outward", base, True, 0, size)) == []


@pytest.mark.slow
@pytest.mark.parametrize("base", range(len(attacks.QUESTIONS)))
def test_claims_that_say_less_than_can_be_proved_are_refused(base: int) -> None:
    for size, inner in ((1e-11, False), (1e-3, True)):
        failures = certify.verify(attacks.attack("widened too far", base, inner, 0, size))
        assert any("wider than needed" in failure for failure in failures)
