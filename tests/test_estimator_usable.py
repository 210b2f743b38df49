"""Completions that were lost whatever they said are left out; their groups are scored as what they are."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.adapters import ragged
from polyest.adapters.pay import AnswerPay
from polyest.errors import ArgumentError
from polyest.history import TrainingHistory

backends = pytest.mark.parametrize("backend", oracle.BACKENDS)


@pytest.mark.slow
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


UNREADABLE = {
    "lists of unequal lengths": [[True], [True, False]],
    "a masked array": np.ma.masked_array([True, True, False], mask=[True, False, False]),
    "integers": [1, 1, 0],
    "a string": "yes",
    "objects": [True, None, True],
    "a scalar": True,
}


@pytest.mark.parametrize("usable", UNREADABLE.values(), ids=UNREADABLE)
def test_what_are_no_booleans_is_refused_in_every_form(usable: object) -> None:
    answers, history = [5, 5, 8], TrainingHistory("log", "harmonic")
    calls = (
        lambda: polyest.load("log", 3, "harmonic").rewards(answers, usable=usable),
        lambda: polyest.value(answers, [0, 0, 0], "log", "harmonic", usable=usable),
        lambda: history.score(["p"], [answers], usable=usable),
        lambda: ragged.advantages(AnswerPay(method="harmonic"), answers, [0, 0, 0], usable=usable),
    )
    for call in calls:
        with pytest.raises(ArgumentError, match=r"^`usable` must be booleans of the answers' shape[^\n]*$"):
            call()


@backends
def test_weights_that_are_lost_may_be_anything_and_those_that_are_not_are_checked(backend: str) -> None:
    est, weights = polyest.load("log", 4, "harmonic"), np.array([1.0, 2.0, np.inf, 3.0])
    usable, q = np.array([True, True, False, True]), np.full(4, 0.25)
    with oracle.using(backend):
        for options in ({}, {"reference": q}, {"no_answer_reward": -1.0}):
            for kind in ("rewards", "advantages", "value"):
                score = partial(getattr(est, kind), [1, None, 1, 1], usable=usable, **options)
                finite = score(weights=np.where(usable, weights, 0.0))
                assert np.array_equal(score(weights=weights), finite, equal_nan=True)
                with pytest.raises(ArgumentError, match="`weights` must be finite"):
                    score(weights=weights[::-1])


NO_NUMBERS = {
    "strings among objects": np.array(["1", "2", "3"], object),
    "a masked array": np.ma.masked_array([1.0, 2.0, 3.0], mask=[True, False, False]),
    "records": np.zeros(3, [("a", float)]),
}


@pytest.mark.parametrize("weights", NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_weights_that_numpy_would_make_numbers_of_are_refused(weights: object) -> None:
    with pytest.raises(ArgumentError, match=r"^`weights` must be real numbers[^\n]*$"):
        polyest.load("log", 3, "harmonic").advantages([5, 5, 8], weights=weights)
