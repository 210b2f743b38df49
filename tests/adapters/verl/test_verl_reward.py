"""The reward function for verl, alone and through verl's own reward manager."""

from __future__ import annotations

import asyncio
import json
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from verl_support import ALGORITHM, adapter, advantages, loaded, omegaconf, torch, verl

from polyest.adapters.code import decode, encode, identity
from polyest.adapters.verl.pred import pred
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
        adapter.reward_function("box", exact_match)
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


def test_verls_dapo_manager_adds_a_penalty_that_is_refused() -> None:
    """Its overlong penalty, as verl computes it: all lengths of the buffer, but those of a multiple of 1/8."""
    DAPORewardManager = loaded("experimental.reward_loop.reward_manager.dapo").DAPORewardManager

    class Tokenizer:
        eos_token = ""

        def decode(self, ids: Any, skip_special_tokens: bool) -> str:
            return "x=7"

    overlong = {"enable": True, "len": 64, "penalty_factor": 1.0, "log": False}
    kwargs = {"max_resp_len": 96, "overlong_buffer_cfg": overlong}
    config = omegaconf.OmegaConf.create({"reward": {"reward_kwargs": kwargs}})
    compute_score = adapter.reward_function(boxed, exact_match, time_limit=None)
    columns = {"data_source": "task", "extra_info": {}, "reward_model": {"ground_truth": "7"}}
    others = {name: np.array([value], dtype=object) for name, value in columns.items()}

    async def score(length: int) -> float:
        with patch("verl.experimental.reward_loop.reward_manager.base.get_event_loop", asyncio.get_running_loop):
            manager = DAPORewardManager(config, Tokenizer(), compute_score)
        tensors = {"responses": torch.ones(1, 96, dtype=torch.int64), "attention_mask": torch.zeros(1, 96).long()}
        tensors["attention_mask"][:, :length] = 1
        return float((await manager.run_single(verl.DataProto.from_dict(tensors, others)))["reward_score"])

    for length in range(33, 97):
        given = np.array([asyncio.run(score(length))], np.float32)
        if (length - 32) % 8:
            with pytest.raises(ArgumentError, match=r"overlong penalty"):
                decode(given)
        else:
            assert decode(given).rewards.tolist() == [1 - (length - 32) / 64]
            assert decode(given).identities.tolist() == [identity("7")]


ANSWERS = [7, "7", (1, 2), "(1, 2)", None, "", "json:7", True, 1.0, 0.5, Fraction(1, 3), Decimal("0.50"), b"7"]
ANSWERS += ["\ud800", frozenset({1, 2}), 10**5000, -(10**5000), Decimal("1e10000000"), float("inf"), float("nan")]
ANSWERS += [(None, ("a",)), Decimal("Infinity")]


def test_pred_keeps_the_type_of_an_answer() -> None:
    found = [pred(answer) for answer in ANSWERS]
    for one, written in zip(ANSWERS, found, strict=True):
        for other, again in zip(ANSWERS, found, strict=True):
            if one is None or one != one:
                assert written is None
            else:
                assert (written == again) == (one == other)


def test_numbers_of_numpy_are_written_as_python_writes_them() -> None:
    assert pred(np.longdouble(7)) == pred(np.int8(7)) == pred(np.float32(7)) == pred(7)
    assert pred(np.longdouble("inf")) == pred(Decimal("Infinity")) == pred(float("inf"))


def test_dumps_and_validation_of_verl_take_preds(tmp_path: Any) -> None:
    """verl's own writer and its averages in validation, for every kind of answer, none among them."""
    score = adapter.reward_function(lambda text: ANSWERS[int(text)], lambda **_: 1.0, time_limit=None)
    extra = [score("task", str(i), "7") for i in range(len(ANSWERS))]
    columns = {key: [one[key] for one in extra] for key in ("acc", "pred")}
    texts = [str(i) for i in range(len(ANSWERS))]
    for module in ("cachetools", "fastapi", "uvicorn"):  # which verl imports there and does not install
        pytest.importorskip(module)
    trainer = loaded("trainer.ppo.ray_trainer").RayPPOTrainer
    trainer._write_generations(texts, texts, texts, columns["acc"], columns, str(tmp_path), 3)
    rows = [json.loads(line) for line in (tmp_path / "3.jsonl").read_text().splitlines()]
    assert [row["pred"] for row in rows] == columns["pred"]
    assert rows[ANSWERS.index(None)]["pred"] is None
    process = loaded("trainer.ppo.metric_utils").process_validation_metrics
    metrics = process(["task"] * len(texts), ["u", "v"] * (len(texts) // 2) + ["u"] * (len(texts) % 2), columns)
    assert set(metrics["task"]) == {"acc"}
    arrays = np.array(columns["pred"])  # as the reward loop makes them
    assert arrays.tolist() == columns["pred"]


LONG = [10**5000, (-(10**5000), "x"), Fraction(10**5000, 7), Decimal("1e10000000")]


@pytest.mark.parametrize("limit", [None, 60.0])
@pytest.mark.parametrize("answer", LONG, ids=range(len(LONG)))
def test_long_answers_are_answers(answer: Any, limit: float | None) -> None:
    score = adapter.reward_function(lambda text: answer, exact_match, time_limit=limit)("task", "x=7", "7")
    assert decode(np.array([score["score"]])).identities.tolist() == [identity(answer)]
    assert len(score["pred"]) > 15


def test_what_is_done_to_an_answer_counts_as_its_time() -> None:
    class Slow(str):
        def encode(self, *args: str) -> bytes:
            time.sleep(3)
            return super().encode(*args)

    compute_score = adapter.reward_function(lambda text: Slow(text), exact_match, time_limit=0.2)
    with pytest.warns(UserWarning, match=r"`extract` took longer than 0.2 s"):
        result = compute_score("task", "x=7", "7")
    assert result == {"score": encode(1, None), "acc": 1.0, "pred": None, "length": 3}
