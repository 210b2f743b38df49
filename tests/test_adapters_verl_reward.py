"""The reward function for verl, alone and through verl's own reward manager."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from verl_support import ALGORITHM, adapter, advantages, loaded, torch, verl

from polyest.adapters._verl_code import encode
from polyest.errors import ArgumentError

# Python 3.12 warns of forks in a process with threads, JAX of all where it was imported, say by another test
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:os.fork.* JAX is multithreaded:RuntimeWarning"),
]


def boxed(text: str) -> str | None:
    return text.partition("=")[2].strip() or None


def exact_match(solution_str: str, ground_truth: str, **_: Any) -> dict[str, Any]:
    return {"score": boxed(solution_str) == ground_truth, "length": len(solution_str)}


def test_the_reward_function_shows_the_true_reward() -> None:
    compute_score = adapter.reward_function(boxed, exact_match)
    result = compute_score("task", "so x = 7", "7", {"split": "train"})
    assert result == {"score": encode(1, "7"), "acc": 1.0, "pred": "7", "length": 8}
    assert compute_score("task", "no", "7") == {"score": encode(0, None), "acc": 0.0, "pred": None, "length": 2}


def test_verls_reward_manager_and_estimator_end_to_end() -> None:
    """From texts to advantages through verl's reward manager: the groups are known by their answers only."""
    NaiveRewardManager = loaded("experimental.reward_loop.reward_manager.naive").NaiveRewardManager

    class Tokenizer:
        def decode(self, ids: Any, skip_special_tokens: bool) -> str:
            return "".join(map(chr, ids.tolist()))

    texts = ["x=7", "x=8", "x=7", "?"]
    width = max(map(len, texts))
    ids = torch.tensor([[*map(ord, text), *[0] * (width - len(text))] for text in texts])
    truths = np.array([{"ground_truth": "7"}] * 4, dtype=object)
    sources, extra = np.array(["task"] * 4, dtype=object), np.array([{}, {}, {}, {}], dtype=object)
    data = verl.DataProto.from_dict(
        {"prompts": ids[:, :0], "responses": ids, "attention_mask": (ids != 0).long()},
        {"data_source": sources, "reward_model": truths, "extra_info": extra},
    )

    async def scores() -> list[Any]:
        compute_score = adapter.reward_function(boxed, exact_match)
        with patch("verl.experimental.reward_loop.reward_manager.base.get_event_loop", asyncio.get_running_loop):
            manager = NaiveRewardManager(config=None, tokenizer=Tokenizer(), compute_score=compute_score)
        return [await manager.run_single(data[i : i + 1]) for i in range(4)]

    found = asyncio.run(scores())
    assert [one["reward_extra_info"]["acc"] for one in found] == [1.0, 0.0, 1.0, 0.0]
    rewards = NaiveRewardManager.assemble_rm_scores(data, [one["reward_score"] for one in found])
    assert rewards.dtype == torch.float32
    index = np.array(["u"] * 4, dtype=object)
    got, _ = adapter.advantages(rewards, (ids != 0).long(), index=index, config=ALGORITHM)
    expected = advantages(["7", "8", "7", None], ["u"] * 4, [1.0, 0.0, 1.0, 0.0])
    assert torch.equal(got[:, 0], expected)
    assert torch.equal(got, expected[:, None] * (ids != 0))


def test_misuse_of_the_reward_function_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"`correctness` must be a reward function as verl has them, got 'exact'"):
        adapter.reward_function(boxed, "exact")
    with pytest.raises(ArgumentError, match=r"`extract`"):
        adapter.reward_function("boxed", exact_match)
    half = adapter.reward_function(boxed, lambda **_: {"acc": True})
    with pytest.raises(ArgumentError, match=r"`correctness` must return a multiple of 1/8.*got None"):
        half("task", "x=7", "7")
    with pytest.raises(ArgumentError, match=r"`extract` must return a hashable answer.*ZeroDivisionError"):
        adapter.reward_function(lambda text: 1 / 0, exact_match)("task", "x=7", "7")
    with pytest.raises(ArgumentError, match=r"`extract`.*unhashable"):
        adapter.reward_function(lambda text: [text], exact_match)("task", "x=7", "7")
    with pytest.raises(ArgumentError, match=r"`extract` must be strings, bytes, numbers"):
        adapter.reward_function(lambda text: type, exact_match)("task", "x=7", "7")


def test_an_extractor_that_never_returns_gives_no_answer() -> None:
    def stuck(text: str) -> str:
        while True:
            pass

    compute_score = adapter.reward_function(stuck, exact_match, time_limit=0.2)
    with pytest.warns(UserWarning, match=r"`extract` took longer than 0.2 s"):
        assert compute_score("task", "x=7", "7")["score"] == encode(1, None)
