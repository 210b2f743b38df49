"""Warnings in words: where, how bad, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from polyest.rollouts.measures import advice as module
from polyest.rollouts.measures.means import Means


def means(*numbers: float) -> Means:
    none = np.full(len(numbers), np.nan)
    return Means(np.array(numbers), none, none, np.ones(len(numbers), np.int64))


def advice(whole: Mapping[str, Means], labels: Sequence[str], most: Sequence[int]) -> list[str]:
    """What is told of all parts together, and, the same, of one after the other."""
    found = module.advice([(whole, np.array(most), labels.__getitem__)])
    apart = [
        (
            {name: mean.taken(slice(i, i + 1)) for name, mean in whole.items()},
            np.array(most[i : i + 1]),
            lambda _, i=i: labels[i],
        )
        for i in range(len(labels))
    ]
    assert module.advice(apart) == found
    return found


def test_the_worst_step_is_named_and_what_to_do() -> None:
    shares = {"singletons": means(0.1, 0.97, 0.96), "no_answer": means(0, 0, 0)}
    assert advice(shares, ["step 1", "step 400", "step 401"], [16, 16, 16]) == [
        "step 400, and 1 more of 3 (step 400 to step 401): 97% of the answers are singletons: the estimate is a lower "
        "bound (there are at least so many answers); sample more, or extract answers"
    ]


def test_few_completions_and_missing_answers_are_told() -> None:
    told = advice({"singletons": means(0.1, np.nan), "no_answer": means(0.0, 0.75)}, ["step 1", "step 2"], [4, 16])
    assert told[0] == "step 2: 75% of the completions have no answer; is the rule the right one?"
    assert told[1].startswith("step 1: groups of at most 8: the bias of an entropy is larger than its error")


def test_what_is_well_is_not_told() -> None:
    assert advice({"singletons": means(0.2), "no_answer": means(0.0)}, [""], [16]) == []


def test_an_entropy_of_some_prompts_only_is_told() -> None:
    """The mean of others is no mean of all: of two steps, the first has two prompts, one with groups of 1,500."""
    none, entropy = np.full(2, np.nan), {"singletons": means(0, 0), "no_answer": means(0, 0)}
    for name, prompts in (("entropy_aqp", [1, 1]), ("entropy_plug_in", [2, 1])):
        entropy[name] = Means(np.ones(2), none, none, np.array(prompts))
    (told,) = advice(entropy, ["step 0", "step 1"], [1500, 16])
    assert told.startswith("step 0: entropy_aqp has no table for the groups of 50% of the prompts")
    assert "--group-size" in told
