"""Pools of whole batches against one group scored in plain Python (theory.md §10)."""

from __future__ import annotations

import gc
import io
import tracemalloc
import warnings
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

import polyest
from polyest.errors import ArgumentError, PolyestError, TableNotFoundError
from polyest.history import TrainingHistory

ANSWERS = ["a", "b", 3, None, ("c", 1)]


class Slow:
    """The last visits of every prompt as lists, and each pool as one group of an estimator."""

    def __init__(self, visits: int) -> None:
        self.visits = visits
        self.past: dict[Any, list[list[tuple[Any, float]]]] = defaultdict(list)

    def score(self, prompts: list[Any], answers: list[Any], weights: list[float]) -> tuple[list[float], list[float]]:
        now: dict[Any, list[tuple[Any, float]]] = defaultdict(list)
        for prompt, answer, weight in zip(prompts, answers, weights, strict=True):
            now[prompt].append((answer, weight))
        scored = {}
        for prompt, visit in now.items():
            self.past[prompt] = [*self.past[prompt], visit][-self.visits :]
            pool = [pair for each in self.past[prompt] for pair in each]
            table, group = polyest.load("log", len(pool), "harmonic"), _objects([answer for answer, _ in pool])
            w = np.array([weight for _, weight in pool])
            scored[prompt] = [iter(f(group, weights=w)[-len(visit) :]) for f in (table.rewards, table.advantages)]
        found = [[float(next(scored[prompt][kind])) for prompt in prompts] for kind in (0, 1)]
        return found[0], found[1]


def _objects(answers: list[Any]) -> np.ndarray:
    array = np.empty(len(answers), dtype=object)
    array[:] = answers
    return array


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("visits", [1, 2, 4])
def test_a_batch_is_paid_as_members_of_its_prompts_pools(visits: int, weighted: bool) -> None:
    """Groups of any sizes, several of a prompt in one batch, prompts of any types; only new completions are scored."""
    rng, history, slow = np.random.default_rng(visits), TrainingHistory("log", "harmonic", visits=visits), Slow(visits)
    for _ in range(8):
        prompts = [["p", 7, ("q", 1)][i] for i in rng.integers(0, 3, 14)] + ["p", "p", 7, 7, ("q", 1), ("q", 1)]
        prompts = [prompts[i] for i in rng.permutation(len(prompts))]
        answers = [ANSWERS[i] for i in rng.integers(0, len(ANSWERS), len(prompts))]
        weights = rng.normal(size=len(prompts)) if weighted else np.ones(len(prompts))
        batch = history.score(prompts, answers, weights=weights if weighted else None)
        rewards, advantages = slow.score(prompts, answers, weights.tolist())
        np.testing.assert_allclose(batch.rewards, rewards, rtol=1e-12)
        np.testing.assert_allclose(batch.advantages, advantages, rtol=1e-9, atol=1e-12)


def test_the_dense_form_is_the_flat_one() -> None:
    rng = np.random.default_rng(0)
    dense, flat = (TrainingHistory("log", visits=3, forgetting=0.7, seed=4) for _ in range(2))
    for _ in range(5):
        prompts, answers = rng.integers(0, 3, 6), rng.integers(0, 4, (6, 4))
        one = dense.score(prompts, answers, no_answer_reward=-1.0)
        other = flat.score(np.repeat(prompts, 4), answers.reshape(-1).tolist(), no_answer_reward=-1.0)
        for name in ("rewards", "advantages", "pool_sizes"):
            assert getattr(one, name).shape == (6, 4)
            assert getattr(one, name).reshape(-1).tolist() == getattr(other, name).tolist()


def test_completions_that_are_not_usable_count_nowhere() -> None:
    with_, without = (TrainingHistory("log", "harmonic", visits=2) for _ in range(2))
    for _ in range(2):
        marked = with_.score(["p"], [["a", "b", "a", "c"]], usable=[[True, True, True, False]])
        alone = without.score(["p"], [["a", "b", "a"]])
        assert marked.advantages[0, :3].tolist() == alone.advantages[0].tolist()
        assert np.isnan(marked.advantages[0, 3])
        assert marked.pool_sizes.tolist() == [[*alone.pool_sizes[0].tolist(), 0]]


@pytest.mark.parametrize("options", [{}, {"forgetting": 0.5}, {"drift": 0.001}, {"max_prompts": 4}])
def test_a_restored_history_goes_on_bit_by_bit(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    first, second = (TrainingHistory("log", visits=3, seed=5, **options) for _ in range(2))
    for turn in range(9):
        if turn == 5:
            file = io.BytesIO()
            np.savez(file, **first.state_dict())
            file.seek(0)
            second.load_state_dict(dict(np.load(file)))
        prompts, answers = rng.integers(0, 6, 5), rng.integers(0, 3, (5, 4))
        one = first.score(prompts, answers)
        if turn >= 5:
            other = second.score(prompts, answers)
            assert one.advantages.tobytes() == other.advantages.tobytes()
            assert one.pool_sizes.tolist() == other.pool_sizes.tolist()
    assert len(first) == len(second) <= options.get("max_prompts", 6)


@pytest.mark.parametrize("max_prompts", [3, 8, 100])
def test_what_was_remembered_before_the_last_batch_is_known(max_prompts: int) -> None:
    """Prompts that are new, come back, are dropped, or dropped at once; the order of those that are not asked again."""
    rng, store = np.random.default_rng(2), TrainingHistory("log", visits=3, max_prompts=max_prompts)._store
    for _ in range(30):
        keys, before = np.repeat(rng.integers(0, 12, 5), 4), dict(store.prompts)
        store.remember(store.pools(keys, rng.integers(0, 3, 20), None))
        known = store.before_last()
        assert known == before
        assert [key for key in known if key not in keys] == [key for key in before if key not in keys]


def test_what_is_forgotten_depends_on_the_prompt_alone() -> None:
    """Not on what else is in a batch: so that every process forgets the same. E[N] = K(1−γ^T)/(1−γ)."""
    together, apart = (TrainingHistory("log", "harmonic", visits=3, forgetting=0.5, seed=2) for _ in range(2))
    prompts, answers, sizes = np.arange(400), np.arange(3200).reshape(400, 8), []
    for _ in range(5):
        sizes.append(together.score(prompts, answers).pool_sizes)
        parts = [apart.score(prompts[half], answers[half]).pool_sizes for half in (slice(0, 150), slice(150, 400))]
        assert np.concatenate(parts).tolist() == sizes[-1].tolist()
    # N − K is binomial(8, ½) + binomial(8, ¼): variance 3.5, over 400 prompts a standard error of 0.094; fails with
    # probability below 1e-6
    assert sizes[-1].mean() == pytest.approx(8 * (1 - 0.5**3) / 0.5, abs=0.5)


@pytest.mark.slow
def test_memory_is_bounded_and_as_stated() -> None:
    """0.4 kB for a prompt and 8 bytes for a completion: 76 MB for 100,000 prompts × 4 visits × 16 answers."""
    history, prompts = TrainingHistory("log", "harmonic", visits=4, max_prompts=5000), np.arange(10_000)
    rng = np.random.default_rng(0)
    gc.disable()  # a batch must not wait for it to be freed
    tracemalloc.start()
    for _ in range(6):
        for start in range(0, len(prompts), 1000):
            history.score(prompts[start : start + 1000], rng.integers(0, 99, (1000, 16)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.enable()
    assert len(history) == 5000
    assert held / 5000 < 400 + 8 * 48


def test_pools_without_a_table_are_those_of_the_largest_size_that_has_one() -> None:
    """Shipped are the sizes up to 256 and a few above; a pool takes its latest completions."""
    history, answers = TrainingHistory("log", visits=4), np.arange(4 * 90).reshape(4, 90)
    sizes = [history.score(["p"], group[None]).pool_sizes[0, 0] for group in answers]
    assert sizes == [90, 180, 256, 256]
    with pytest.raises(TableNotFoundError, match="K=300"):
        history.score(["q"], np.arange(300)[None])
    assert len(history) == 1


@pytest.mark.slow
def test_drift_pools_as_many_visits_as_bound_the_bias_best() -> None:
    rng = np.random.default_rng(0)
    answers = rng.integers(0, 9, (6, 1, 16))
    sizes = {}
    for drift in (None, 0.0, 1e-6, 1e-3, 0.5):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            history = TrainingHistory("log", "harmonic", visits=4, drift=drift)
            sizes[drift] = [int(history.score(["p"], group).pool_sizes[0, 0]) for group in answers]
    slow = polyest.history.PromptHistory("log", 16, "harmonic", visits=4, drift=1e-3)
    assert sizes[1e-3] == [slow.score("p", group[0].tolist()).group_size for group in answers]
    assert sizes[None] == sizes[0.0] == [16, 32, 48, 64, 64, 64]
    assert sizes[0.5] == [16] * 6


def test_squared_drift_is_that_of_each_pair_of_visits() -> None:
    rng, history = np.random.default_rng(3), TrainingHistory("log", "harmonic", visits=2)
    first, second = rng.integers(0, 4, (2, 5, 8))
    assert np.isnan(history.score(np.arange(5), first).movement.squared_drift)
    movement = history.score(np.arange(5), second).movement
    expected = [polyest.history.squared_drift([*a], [*b]) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    np.testing.assert_allclose(sorted(movement.squared_drifts), sorted(expected), atol=1e-12)


@pytest.mark.parametrize(
    ("options", "answers", "message"),
    [
        ({}, lambda turn: np.arange(16)[None] // 4 + 10 * turn, "`visits` pools answers of another policy.*visits=1"),
        ({"drift": 0.3}, lambda turn: np.arange(16)[None] // 4, "`drift` 0.3 makes .* least with a single visit"),
    ],
)
def test_a_warning_where_pooling_is_useless(options: dict[str, Any], answers: Any, message: str) -> None:
    history, prompts = TrainingHistory("log", visits=2, **options), np.arange(20)
    history.score(prompts, np.repeat(answers(0), 20, axis=0))
    with pytest.warns(UserWarning, match=message):
        history.score(prompts, np.repeat(answers(1), 20, axis=0))
    history.score(prompts, np.repeat(answers(2), 20, axis=0))  # once


def test_no_warning_while_the_policy_stands_still() -> None:
    rng, history = np.random.default_rng(0), TrainingHistory("log", visits=4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(30):
            history.score(np.arange(64), rng.integers(0, 100, (64, 8)))
    assert caught == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda h: h.score(["p"], ["a", "b"]), "`answers` must have shape"),
        (lambda h: h.score([None], [["a", "b"]]), "`prompts` must name"),
        (lambda h: h.score(["p"], [["a", "b"], ["c"]]), "`answers` must be lists of equal lengths"),
        (lambda h: h.score(["p"], np.zeros((1, 2))), "`answers` must be integers"),
        (lambda h: h.score(["p"], [np.ma.zeros(2, int)]), "`answers` must not be a masked array"),
        (lambda h: h.score(["p"], [["a", "b"]], weights=[1.0]), "`weights` must have the answers' shape"),
        (lambda h: h.score(["p"], [["a", "b"]], usable=[[1, 0]]), "`usable` must be booleans"),
        (lambda h: h.score([["p"]], [["a", "b"]]), "`answers` must have shape"),
        (lambda h: h.load_state_dict({}), "`state` must be what state_dict returned"),
        (lambda h: h.load_state_dict(TrainingHistory("log", visits=3).state_dict()), "visits=2"),
        (lambda h: h.load_state_dict(h.state_dict() | {"codes": np.arange(3)}), "as many codes"),
        (lambda h: TrainingHistory("log", visits=0), "`visits`"),
        (lambda h: TrainingHistory("log", visits=10**12), "`visits` must be at most 1024"),
        (lambda h: TrainingHistory("log", forgetting=0), "`forgetting` must be positive"),
        (lambda h: TrainingHistory("log", drift=2), "`drift` must be a number"),
        (lambda h: TrainingHistory("log", visits=1, drift=0.1), "`visits` must be 2 or more"),
        (lambda h: TrainingHistory("no such target"), "target"),
    ],
)
def test_bad_input_is_refused_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(PolyestError, match=message) as caught:
        call(TrainingHistory("log", "harmonic", visits=2))
    assert isinstance(caught.value, ArgumentError)
    assert "\n" not in str(caught.value)


def test_weights_are_given_always_or_never() -> None:
    history = TrainingHistory("log", "harmonic", visits=2)
    history.score(["p"], [["a", "b"]])
    with pytest.raises(ArgumentError, match="`weights` must be given at every visit or at none"):
        history.score(["p"], [["a", "b"]], weights=[[1.0, 2.0]])
    history.forget(["p"])
    assert len(history) == 0
    history.score(["p"], [["a", "b"]], weights=[[1.0, 2.0]])


def test_a_completion_alone_is_scored_once_its_prompt_comes_back() -> None:
    history = TrainingHistory("log", "harmonic", visits=2)
    with pytest.warns(UserWarning, match="1 of 1 pools have one completion"):
        assert np.isnan(history.score(["p"], [["a"]]).rewards).all()
    assert history.score(["p"], [["a"]]).rewards.tolist() == [[0.0]]
