"""What `PromptHistory.state` writes is JSON and comes back; whatever else is offered to `restore` is refused."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polyest
from polyest.errors import ArgumentError, TableNotFoundError
from polyest.history import PromptHistory
from polyest.problems.targets import get_target
from polyest.storage import store
from polyest.storage.table import to_json

GROUP = [1, 2, "2", None]
HISTORIES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "default": (("log", 4), {}),
    "closed form": (("log", 4, "harmonic"), {"visits": 3, "forgetting": 0.5}),
    "a target": ((get_target("log"), np.int64(4)), {}),
    "a budget as a fraction": (("log", 4), {"noise_budget": Fraction(3, 2)}),
    "a budget as a decimal": (("log", 4), {"noise_budget": Decimal("1.50")}),
    "a budget as a float": (("log", 4), {"noise_budget": np.float64(1.5)}),
    "groups": (("log", 4), {"groups": np.int64(64), "visits": np.int64(2)}),
    "no budget": (("log", 4, "minimax"), {"noise_budget": None, "visits": 2}),
    "power": (("power(0.5)", 4), {"drift": 0.25}),
    "polynomial": (("polynomial(0,1/3,-1)", 4), {"max_prompts": np.int32(2), "drift": 1}),
    "js": (("js(1/3)", 4, "plug_in"), {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", HISTORIES)
def test_a_state_is_json_for_every_target_and_budget(case: str) -> None:
    arguments, options = HISTORIES[case]
    history = PromptHistory(*arguments, **options)
    for prompt in ("p", 7, "p"):
        history.score(prompt, GROUP)
    text = json.dumps(history.state(), allow_nan=False)
    restored = PromptHistory.restore(json.loads(text))
    assert restored.state() == history.state() == json.loads(text)
    again, expected = restored.score("p", GROUP), history.score("p", GROUP)
    np.testing.assert_array_equal(again.rewards, expected.rewards)
    assert again.estimator == expected.estimator


def capped(p: Any, ctx: Any) -> Any:
    return ctx.log(p + ctx.rational(Fraction(1, 100)))


def test_a_state_is_json_for_a_target_of_ones_own() -> None:
    history = PromptHistory(polyest.custom(capped, growth=(5, 0)), 4, "plug_in")
    history.score("p", GROUP)
    assert PromptHistory.restore(json.loads(json.dumps(history.state()))).state() == history.state()


def test_a_state_is_refused_beside_another_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was solved meanwhile, of the size of the group or of a pool."""
    history = PromptHistory("log", 4)
    for prompt in ("p", "q", "p"):
        history.score(prompt, GROUP)
    state = history.state()
    monkeypatch.setenv("POLYEST_COEFFS", str(tmp_path))
    for size in (4, 8):
        table = polyest.load("log", size).table
        path = tmp_path / store.relative_path(table.problem)
        path.parent.mkdir(parents=True, exist_ok=True)
        changed = replace(table, coefficients=(table.coefficients[0] - 1, *table.coefficients[1:]))
        path.write_text(to_json(changed), encoding="utf-8")
        with pytest.raises(ArgumentError, match="`state` must be restored beside the tables"):
            PromptHistory.restore(state)
        path.unlink()
    assert PromptHistory.restore(state).state() == state


def test_a_state_whose_table_is_not_here_names_the_command() -> None:
    state = PromptHistory("log", 4).state()
    state["settings"]["budget"] = {"noise_budget": "1.75"}
    with pytest.raises(TableNotFoundError, match="polyest solve"):
        PromptHistory.restore(state)


HUGE = 10**30
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]
CHANGES: dict[str, tuple[tuple[str, ...], Any]] = {
    "no state": ((), None),
    "a list": ((), []),
    "a number": ((), math.nan),
    "an extra field": (("extra",), 1),
    "another version": (("format_version",), 1),
    "a version that equals it": (("format_version",), 2.0),
    "no settings": (("settings",), {}),
    "settings that are a list": (("settings",), ["target"]),
    "an unknown target": (("settings", "target"), "lag"),
    "a target that is none": (("settings", "target"), ["log"]),
    "a target that is huge": (("settings", "target"), "power(1e999999999)"),
    "a method that is none": (("settings", "method"), {}),
    "another method": (("settings", "method"), "plug_in"),
    "another group size": (("settings", "group_size"), 5),
    "a huge group size": (("settings", "group_size"), HUGE),
    "a negative group size": (("settings", "group_size"), -4),
    "a group size that is true": (("settings", "group_size"), True),
    "a group size that is a float": (("settings", "group_size"), 4.0),
    "fewer visits": (("settings", "visits"), 1),
    "negative visits": (("settings", "visits"), -1),
    "visits that are a text": (("settings", "visits"), "4"),
    "forgetting NaN": (("settings", "forgetting"), math.nan),
    "forgetting nothing": (("settings", "forgetting"), 2.0),
    "forgetting a huge number": (("settings", "forgetting"), 10**400),
    "drift NaN": (("settings", "drift"), math.nan),
    "drift infinite": (("settings", "drift"), math.inf),
    "drift a text": (("settings", "drift"), "0"),
    "fewer prompts": (("settings", "max_prompts"), 1),
    "a budget that is a list": (("settings", "budget"), [1]),
    "an unknown budget": (("settings", "budget"), {"noise": "1.5"}),
    "a baseline": (("settings", "budget"), {"baseline": "group_mean"}),
    "two budgets": (("settings", "budget"), {"noise_budget": "1.5", "groups": 8}),
    "a huge budget": (("settings", "budget"), {"noise_budget": "1e999999999"}),
    "a tiny budget": (("settings", "budget"), {"noise_budget": "1e-999999999"}),
    "a budget for another method": (("settings", "budget"), {"noise_budget": "1.5"}),
    "no digests": (("tables",), None),
    "fewer digests": (("tables",), {}),
    "another digest": (("tables", "4"), "sha256:0"),
    "one digest more": (("tables", "1000000000"), "sha256:0"),
    "prompts that are a number": (("prompts",), 3),
    "a prompt without visits": (("prompts",), [["p"]]),
    "a prompt without a visit": (("prompts",), [["p", []]]),
    "a prompt twice": (("prompts",), [["p", [GROUP]], ["p", [GROUP]]]),
    "a prompt that is a list": (("prompts",), [[["p"], [GROUP]]]),
    "a large visit": (("prompts",), [["p", [[*GROUP, 1]]]]),
    "a small visit": (("prompts",), [["p", [[1, 2, 3]]]]),
    "a small visit before a whole one": (("prompts",), [["p", [[1], GROUP]]]),
    "many visits": (("prompts",), [["p", [GROUP] * 5]]),
    "a visit that is a text": (("prompts",), [["p", ["abcd"]]]),
    "an answer that is NaN": (("prompts",), [["p", [[math.nan, 2, 3, 4]]]]),
    "an answer that is a list": (("prompts",), [["p", [[[1], 2, 3, 4]]]]),
    "a version that cannot be printed": (("format_version",), 10**5000),
    "a target that cannot be printed": (("settings", "target"), 10**5000),
    "a target of a million letters": (("settings", "target"), "a" * 10**6),
    "a method of a million letters": (("settings", "method"), "a" * 10**6),
    "settings too deep to be printed": (("settings", "budget"), DEEP),
    "a prompt that JSON cannot write": (("prompts",), [[10**5000, [GROUP]]]),
    "an answer that JSON cannot write": (("prompts",), [["p", [[1, 2, 3, -(10**5000)]]]]),
    "a visit too deep to be printed": (("prompts",), [["p", DEEP]]),
    "digests that are arrays": (("tables", "4"), np.array([1, 2])),
    "no random numbers": (("random",), {}),
    "random numbers of another kind": (("random", "bit_generator"), "MT19937"),
    "a negative random state": (("random", "state"), {"state": -1, "inc": 1}),
    "a random state of more bits": (("random", "state"), {"state": 1 << 128, "inc": 1}),
    "a random state that numpy never has": (("random", "state"), {"state": 1, "inc": 2}),
    "a random state of one number": (("random", "state"), {"state": 1}),
    "a random flag of two": (("random", "has_uint32"), 2),
    "a random number of more bits": (("random", "uinteger"), 1 << 32),
}


def changed(state: Any, place: tuple[str, ...], value: Any) -> Any:
    if not place:
        return value
    return {**state, place[0]: changed(state.get(place[0], {}), place[1:], value)}


@pytest.mark.slow
@pytest.mark.parametrize("case", CHANGES)
def test_what_did_not_come_from_state_is_refused_and_nothing_huge_is_allocated(case: str) -> None:
    history = PromptHistory("log", 4, "harmonic")
    for prompt in ("p", "q", "p"):
        history.score(prompt, np.array([1, 2, 3, 4]))
    state = changed(history.state(), *CHANGES[case])
    assert measured(lambda: refused(state)) < 1 << 23  # Python 3.14 takes 7 MB for the repr of what is too deep


def test_what_json_cannot_write_is_refused_when_it_is_scored() -> None:
    history = PromptHistory("log", 4, "harmonic")
    largest = 10**4299
    history.score(largest, [largest, -largest, 1, 2])
    json.dumps(history.state())
    before = history.state()
    for prompt, answers in ((10**4300, GROUP), ("p", [10**5000, 1, 2, 3]), ("p", [-(10**5000), 1, 2, 3])):
        with pytest.raises(ArgumentError, match="14284 bits"):
            history.score(prompt, answers)
    assert history.state() == before


def test_a_huge_group_without_prompts_is_refused() -> None:
    """Nothing in the state is as large as it says."""
    for size in (10_001, 10**9, HUGE):
        state = changed(PromptHistory("log", 4, "harmonic").state(), ("settings", "group_size"), size)
        assert measured(lambda state=state: refused(state)) < 1 << 22


def refused(state: Any) -> None:
    with pytest.raises(ArgumentError, match="`"):
        PromptHistory.restore(state)


def measured(work: Callable[[], None]) -> int:
    """The bytes that it allocates at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
