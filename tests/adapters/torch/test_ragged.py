"""Flat completions with group ids in torch, in one process."""

from __future__ import annotations

import contextlib
import gc
import time
import warnings
import weakref
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import polyest
from polyest.errors import ArgumentError

torch = pytest.importorskip("torch")
adapter = pytest.importorskip("polyest.adapters.torch")

pytestmark = pytest.mark.filterwarnings("ignore:.*one completion, which nothing can be compared with")


def test_flat_scores_are_those_of_the_numpy_runtime() -> None:
    rng = np.random.default_rng(11)
    answers, groups = rng.integers(0, 4, 60), rng.integers(0, 9, 60)
    q = rng.uniform(0.1, 1, 60)
    options = {"reference": torch.from_numpy(q), "padding_id": 3, "dtype": torch.float64}
    for ids in (torch.from_numpy(groups), groups.tolist(), [f"prompt {g}" for g in groups]):
        for kind in ("rewards", "advantages"):
            expected = getattr(polyest, kind)(answers, groups, "log", "harmonic", reference=q, padding_id=3)
            got = getattr(adapter, kind)(torch.from_numpy(answers), ids, "log", "harmonic", **options)
            np.testing.assert_array_equal(got.numpy(), expected)
    expected_ids, expected = polyest.value(answers, groups, "log", "harmonic", reference=q, padding_id=3)
    got_ids, got = adapter.value(torch.from_numpy(answers), torch.from_numpy(groups), "log", "harmonic", **options)
    assert got_ids.tolist() == expected_ids.tolist()
    np.testing.assert_array_equal(got.numpy(), expected)


def test_flat_lists_of_any_answers() -> None:
    answers = ["7", 7, None, (1, "a"), (1, "a"), None]
    got = adapter.rewards(answers, [0] * 6, "log", "harmonic", no_answer_reward=-3.0, dtype=torch.float64)
    expected = polyest.rewards(answers, [0] * 6, "log", "harmonic", no_answer_reward=-3.0)
    np.testing.assert_array_equal(got.numpy(), expected)
    assert adapter.rewards(torch.tensor([]), [], "log", "harmonic").shape == (0,)
    with pytest.warns(UserWarning, match="one completion"):
        assert adapter.rewards([1, 1, 2], [0, 0, 1], "log", "harmonic").isnan().tolist() == [False, False, True]


SPARSE = torch.ones(3, dtype=torch.int64).to_sparse()
NAMES = ("answers", "groups", "reference", "weights", "usable")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"answers": torch.zeros(3)}, "`answers` must be integer ids, got torch.float32"),
        ({"answers": np.zeros(3)}, "`answers` must be integers"),
        ({"answers": torch.zeros(1, 3, dtype=torch.int64)}, r"`answers` must be flat, got shape \(1, 3\)"),
        ({"answers": [object()] * 3}, "`answers` must be strings, bytes, numbers"),
        ({"groups": torch.zeros(4, dtype=torch.int64)}, "equal lengths"),
        ({"groups": [None, 1, 1]}, "`groups` must name the group"),
        ({"groups": torch.zeros(3, dtype=torch.int64, device="meta")}, "one device"),
        ({"reference": torch.ones(2)}, "equal lengths"),
        ({"reference": torch.ones(3, 1)}, "`reference` must be flat"),
        ({"reference": ["a"] * 3}, "`reference` must be probabilities"),
        ({"reference": torch.tensor([0.5, 1.5, 0.5])}, "`reference` must be probabilities"),
        ({"reference": torch.ones(3) * 1j}, "`reference` must be a tensor of real numbers, got torch.complex64"),
        ({"weights": torch.ones(3) * 1j}, "`weights` must be a tensor of real numbers, got torch.complex64"),
        *[
            ({name: SPARSE}, f"`{name}` must be a dense tensor, got a Tensor of torch.sparse.*.to_dense")
            for name in NAMES
        ],
        ({name: torch.ones(3, dtype=int, device="meta") for name in NAMES[:2]}, "no data!; pass a plain tensor"),
        ({"answers": np.ma.array([1, 1, 2], mask=[1, 1, 0])}, "`answers` must not be a masked array"),
        ({"groups": np.ma.array([1, 1, 2], mask=[1, 1, 0])}, "`groups` must not be a masked array"),
        ({"padding_id": 0.5}, "`padding_id`"),
        ({"dtype": torch.float16}, "`dtype`"),
        ({"process_group": "world"}, "`process_group`"),
    ],
)
def test_bad_flat_input_is_refused(change: dict[str, object], told: str) -> None:
    ids, groups = torch.tensor([1, 1, 2]), torch.tensor([0, 0, 0])
    given = {"answers": ids, "groups": groups, "target": "log", "method": "harmonic"}
    for kind in ("rewards", "advantages", "value"):
        with pytest.raises(ArgumentError, match=told):
            getattr(adapter, kind)(**(given | change))


class Items(list):
    """A list that can be referred to weakly."""


LONG = [10**5000, -(10**5000), Fraction(10**5000, 7), (10**5000,), frozenset({10**5000}), Decimal("1e10000000")]


@pytest.mark.parametrize("long", LONG, ids=range(len(LONG)))
def test_answers_and_groups_of_more_than_4300_digits(long: object) -> None:
    start = time.perf_counter()
    expected = adapter.rewards(["a", "a", "b"], [1, 1, 1], "log")
    assert torch.equal(adapter.rewards([long, long, "b"], [1, 1, 1], "log"), expected)
    assert torch.equal(adapter.rewards(["a", "a", "b"], [long] * 3, "log"), expected)
    assert torch.isnan(adapter.rewards([long, "b"], ["u", "u"], "log", padding_id=long)).all()
    assert time.perf_counter() - start < 5


def test_settings_that_python_cannot_write_down_are_refused_by_name() -> None:
    long = Fraction(10**5000, 3)
    with pytest.raises(ArgumentError, match=r"`padding_id` must be an integer.*got a number of type Fraction"):
        adapter.load("log", 4, padding_id=long)
    with pytest.raises(ArgumentError, match="`no_answer_reward` must be a finite number, got a number"):
        adapter.rewards(["a", "b"], [1, 1], "log", no_answer_reward=long)


def test_an_error_keeps_nothing_alive() -> None:
    """A cycle of the error and its traceback would keep a process group alive until the interpreter exits."""
    items = Items([object()])
    alive = weakref.ref(items)
    gc.disable()
    try:
        with contextlib.suppress(ArgumentError):
            adapter.rewards(items, [0], "log", "harmonic")
        del items
        assert alive() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "score",
    [
        lambda: adapter.rewards([1, 1, 2], [0, 0, 1], "log", "harmonic"),
        lambda: adapter.advantages([1, 1, 2], [0, 0, 1], "log", "harmonic"),
        lambda: adapter.value(torch.tensor([1, 1, 2]), torch.tensor([0, 0, 1]), "log", "harmonic"),
    ],
)
def test_warnings_name_the_line_of_the_caller(score) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        score()
    assert [(w.filename, w.lineno) for w in caught] == [(__file__, score.__code__.co_firstlineno)]
