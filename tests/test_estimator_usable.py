"""Completions that were lost whatever they said are left out; their groups are scored as what they are."""

from __future__ import annotations

from itertools import product

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.errors import ArgumentError

backends = pytest.mark.parametrize("backend", oracle.BACKENDS)


@backends
@given(st.data())
def test_survivors_score_as_a_group_of_their_number(backend: str, data) -> None:
    K = data.draw(st.integers(2, 7))
    answers = np.array(data.draw(st.lists(st.integers(0, 2), min_size=K, max_size=K)))
    usable = np.array(data.draw(st.lists(st.booleans(), min_size=K, max_size=K).filter(lambda m: sum(m) > 1)))
    w, est = np.arange(1.0, K + 1), polyest.load("log", K, "harmonic")
    rest = polyest.load("log", int(usable.sum()), "harmonic")
    with oracle.using(backend):
        for kind in ("rewards", "advantages"):
            for weights in (None, w):
                own = None if weights is None else w[usable]
                expected = getattr(rest, kind)(answers[usable], weights=own)
                scores = getattr(est, kind)(answers, weights=weights, usable=usable)
                flat = getattr(polyest, kind)(answers, [3] * K, "log", "harmonic", weights=weights, usable=usable)
                assert scores[usable].tobytes() == expected.tobytes()
                assert np.isnan(scores[~usable]).all()
                assert flat.tobytes() == scores.tobytes()
        assert est.value(answers, usable=usable) == rest.value(answers[usable])


def test_losing_completions_by_chance_leaves_the_expected_update_unbiased_for_every_number_of_survivors() -> None:
    """power(1) is exact for any group: its mean reward is Σ ν², whichever completions are lost."""
    policy, est = np.array([0.5, 0.3, 0.2]), polyest.load("power(1)", 4)
    groups = np.array([*product(range(3), repeat=4)])
    chances = policy[groups].prod(axis=1)
    for lost in ([], [0], [3], [1, 2]):
        usable = np.ones(groups.shape, bool)
        usable[:, lost] = False
        value = est.value(groups, usable=usable)
        assert chances @ value == pytest.approx((policy**2).sum(), abs=1e-14)


def test_padding_and_lost_completions_add_up_and_none_left_scores_nan() -> None:
    est = polyest.load("log", 4, "harmonic")
    scores = est.rewards([[1, 1, 2, -1]], padding_id=-1, usable=[[True, True, False, True]])
    assert scores[0, :2].tolist() == polyest.load("log", 2, "harmonic").rewards([1, 1]).tolist()
    assert np.isnan(scores[0, 2:]).all()
    assert np.isnan(est.rewards([1, 1, 2, 3], usable=[False] * 4)).all()
    with pytest.warns(UserWarning, match="1 of 1 groups have one completion"):
        assert np.isnan(est.advantages([1, 1, 2, 3], usable=[True, False, False, False])).all()


@pytest.mark.parametrize("usable", [[1, 1, 0], [True, False], [[True, True, True]], "yes", True])
def test_what_is_no_mask_is_refused(usable) -> None:
    with pytest.raises(ArgumentError, match="`usable` must be booleans of the answers' shape"):
        polyest.load("log", 3, "harmonic").rewards([1, 1, 2], usable=usable)
