"""What trainers pay where prompts come back: pools of many sizes at once against each pool alone."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

import polyest
from polyest.adapters.pay import AnswerPay
from polyest.adapters.pooling import PooledPay, prompt_keys
from polyest.history.settings import PoolSettings
from polyest.identity import rows_of_items
from polyest.online.answers import read_answers

ADDED: list[dict[str, Any]] = [{}, {"sign": 1, "weight": 0.5}, {"no_answer_reward": -0.25}]
PRODUCTS: list[dict[str, Any]] = [
    {"combine": "multiply", "target": "power(-0.5)", **more}
    for more in ({}, {"offset": 0.5}, {"count": "correct"}, {"no_answer_reward": 0.1})
]
ANSWERS = ["x", "y", 3, None]


@pytest.mark.slow
@pytest.mark.parametrize("baseline", [None, "leave_one_out_mean"])
@pytest.mark.parametrize("options", ADDED + PRODUCTS, ids=str)
def test_new_completions_are_paid_as_each_pool_alone_would_be(options: dict[str, Any], baseline: str | None) -> None:
    """Groups of three to six, in any order, some without an answer: the table of each pool's own size pays them."""
    pay, rng, past = AnswerPay(method="aqp", **options), np.random.default_rng(0), defaultdict(list)
    pooled = PooledPay(pay, PoolSettings(visits=3))
    for _ in range(5):
        keys = rng.permutation(np.repeat(rng.permutation(8)[:5], rng.integers(3, 7, 5))).tolist()
        answers = [ANSWERS[i] for i in rng.integers(0, len(ANSWERS), len(keys))]
        factors = rng.integers(0, 3, len(keys)) / 2
        visit = pooled.visit(
            prompt_keys(keys, "p"), rows_of_items(answers, "a"), factors if pay.multiplies else None, baseline
        )
        expected = {"rewards": np.empty(len(keys)), "advantages": np.empty(len(keys))}
        for key in {*keys}:
            places = [i for i, other in enumerate(keys) if other == key]
            past[key] = [*past[key], [(answers[i], factors[i]) for i in places]][-3:]
            pool = [pair for each in past[key] for pair in each]
            table = polyest.load(pay.target, len(pool), "aqp", baseline=baseline)
            group, own = read_answers([[answer for answer, _ in pool]]), np.array([[factor for _, factor in pool]])
            for kind in ("rewards",) if baseline else ("rewards", "advantages"):
                paid = getattr(pay, kind)(table, group, own if pay.multiplies else None)
                expected[kind][places] = paid[0, -len(places) :]
        np.testing.assert_allclose(visit.rewards(), expected["rewards"], rtol=1e-12, atol=1e-13)
        if baseline is None:
            np.testing.assert_allclose(visit.advantages(), expected["advantages"], rtol=1e-10, atol=1e-12)
