"""Flat completions with group ids in torch, in one process."""

from __future__ import annotations

import contextlib
import gc
import weakref

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
