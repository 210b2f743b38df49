"""What is paid for answers beside and times another reward, against enumeration and against the formula."""

from __future__ import annotations

from itertools import product
from math import comb
from typing import Any

import numpy as np
import pytest

import polyest
from polyest.adapters.pay import AnswerPay
from polyest.errors import ArgumentError
from polyest.identity import answers_of, rows_of_items

NU = np.array([0.5, 0.2, 0.2, 0.1])  # of four completions
ANSWERS = ["a", "a", "b", None]
SUCCESSES = np.array([1.0, 0.25, 0.0, 0.5])  # differ within an answer; one without an answer is paid too


def groups_of(K: int) -> tuple[Any, Any, Any]:
    """All groups of completions, their answers and their probabilities."""
    drawn = np.array([*product(range(len(NU)), repeat=K)])
    read = answers_of(rows_of_items([ANSWERS[i] for i in drawn.ravel()], "answers"))
    return drawn, type(read)(read.codes.reshape(drawn.shape), read.missing.reshape(drawn.shape)), NU[drawn].prod(axis=1)


def mean(c: Any, p: Any) -> Any:
    """Q_c(p)."""
    return sum(c_m * comb(len(c) - 1, m) * p**m * (1 - p) ** (len(c) - 1 - m) for m, c_m in enumerate(c))


@pytest.mark.slow
@pytest.mark.parametrize("K", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["rewards", "advantages"])
@pytest.mark.parametrize(
    ("options", "p"),
    [
        ({"target": "log", "weight": 0.7}, [0.7, 0.7, 0.2]),
        ({"target": "log", "weight": 0.7, "offset": 0.3}, [0.7, 0.7, 0.2]),
        ({"target": "log", "count": "correct"}, [0.7, 0.7, 0.0]),
        ({"target": "power(-0.5)", "no_answer_reward": 0.1}, [0.7, 0.7, 0.2]),
        ({"target": "power(1)", "sign": 1}, [0.7, 0.7, 0.2]),
    ],
)
def test_the_expected_gradient_of_a_product(K: int, kind: str, options: dict[str, Any], p: list[float]) -> None:
    """Σ P(group) Σ_i pay_i ∂log π(y_i) is E[R(y)·(offset + weight·sign·Q(p))·∂log π(y)], by each logit."""
    pay = AnswerPay(combine="multiply", **options)
    est = polyest.load(pay.target, K)
    drawn, answers, probability = groups_of(K)
    paid = getattr(pay, kind)(est, answers, SUCCESSES[drawn])
    scores = np.eye(len(NU))[drawn] - NU  # ∂log π(y_i) by the logits
    found = np.einsum("g,gk,gkl->l", probability, paid, scores) / K

    factor = pay.offset + pay.scale * mean(est.coefficients, np.array(p))
    least = pay.offset + min(pay.scale * est.coefficients) if pay.no_answer_reward is None else pay.no_answer_reward
    expected = (NU * SUCCESSES * [*factor, least]) @ (np.eye(len(NU)) - NU)
    assert found == pytest.approx(expected, abs=1e-14)


def test_failures_are_paid_nothing_whatever_their_answer() -> None:
    pay, est = AnswerPay(combine="multiply", weight=2), polyest.load("log", 3)
    answers = answers_of(rows_of_items(["a", "b", None], "answers"))
    assert pay.rewards(est, answers, np.array([0.0, 1.0, 0.0])).tolist() == [0.0, -2 * est.coefficients[0], 0.0]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"combine": "times"}, "`combine` must be one of add, multiply; got 'times'"),
        ({"combine": "multiply", "count": "right"}, "`count` must be one of all, correct; got 'right'"),
        ({"offset": 1}, "`offset` and `count` belong to a product, got 1 .*combine='multiply'"),
        ({"count": "correct"}, "`offset` and `count` belong to a product"),
        ({"combine": "multiply", "offset": float("nan")}, "`offset` must be a finite number, got nan"),
        ({"combine": "multiply", "sign": 1}, "`offset` must make the factor .* at least 0.*p = 1e-30 with log"),
        ({"combine": "multiply", "target": "power(2)"}, "`offset` must make .* got -1 at p = 1 .*raise it.*`sign`"),
        ({"combine": "multiply", "target": "js(0.5)"}, "`offset` must make .* got -0.2877 at p = 1"),  # log(2/1.5)
        ({"combine": "multiply", "offset": -0.1}, "`offset` must make .* got -0.1 at p = 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        AnswerPay(**options)


@pytest.mark.parametrize("target", ["power(2)", "js(0.5)"])
def test_an_offset_makes_a_product_that_can_be_meant(target: str) -> None:
    answers = answers_of(rows_of_items(["a", "b", "a"], "answers"))
    estimator = polyest.load(target, 3, "plug_in")
    paid = AnswerPay(combine="multiply", target=target, offset=1).rewards(estimator, answers, np.ones(3))
    assert paid == pytest.approx([1 - x for x in estimator.rewards(["a", "b", "a"])])
    assert min(paid) >= 0


def test_a_negative_reward_is_no_factor() -> None:
    answers = answers_of(rows_of_items(["a", "b"], "answers"))
    with pytest.raises(ArgumentError, match=r"rewards of at least 0, got -1: .* penalty for rare mistakes"):
        AnswerPay(combine="multiply").rewards(polyest.load("log", 2), answers, np.array([1.0, -1.0]))
