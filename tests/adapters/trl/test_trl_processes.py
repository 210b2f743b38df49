"""TRL on several processes (gloo), groups spread over them: what one process alone gets.

Also with a history that they share, AnswerReward(visits=…): what one process pays, remembers and trains.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest

pytest.importorskip("trl")

import pooling_worker
import torch
import trl_worker
from pooling_support import TRAINERS, paid
from ranks import outcomes
from trl_support import NEW, policy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """Each worker's outcomes, by number of processes; with `pooling_worker` each number goes on where the one before
    has stopped."""
    pooling = [(pooling_worker, world) for world in (2, 1, 3) if world < 3 or NEW]
    return outcomes([(trl_worker, 2), *pooling], tmp_path_factory.mktemp("ranks"))


@pytest.fixture(scope="module")
def two(found: dict[str, dict[int, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """The outcomes of two processes."""
    return found["trl_worker"][2]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return trl_worker.run(tmp_path_factory.mktemp("one"), 0, 1)


@pytest.fixture(scope="module")
def runs(found: dict[str, dict[int, list[dict[str, Any]]]]) -> dict[int, list[dict[str, Any]]]:
    """With a history that they share."""
    return found["pooling_worker"]


@pytest.mark.parametrize("kind", trl_worker.kinds())
def test_two_processes_get_what_one_does(one: dict[str, Any], two: list[dict[str, Any]], kind: str) -> None:
    for alone, first, second in zip(one[kind], two[0][kind], two[1][kind], strict=True):
        assert first["advantages"] + second["advantages"] == alone["advantages"]
        assert first["rewards"] == second["rewards"] == alone["rewards"]
        assert first["metrics"] == second["metrics"] == pytest.approx(alone["metrics"])
    assert any(value for alone in one[kind] for value in alone["advantages"])


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("extract", ("ArgumentError: `extract` must return", "`extract` must return a hashable answer")),
        ("reward", ("KeyError: 'c'", "'c'")),
    ],
)
def test_an_error_of_one_process_is_raised_on_both(
    two: list[dict[str, Any]], function: str, told: tuple[str, str]
) -> None:
    found = [ranks["failure"][function] for ranks in two]
    assert f"rank 1 of the process group failed with {told[0]}" in found[0]
    assert found[1].startswith(told[1])


@pytest.mark.parametrize("kind", TRAINERS)
def test_two_processes_share_one_history(runs: dict[int, list[dict[str, Any]]], kind: str) -> None:
    """The middle one of three groups is spread over both: pools are those of all completions, and one remembers."""
    first, second = (outcome["sampled"][kind] for outcome in runs[2])
    assert first["history"]["keys"]
    assert not second["history"]["keys"]
    assert ["answer_reward/seen" in line for line in first["logs"]] == [True] * 4 + [False]
    joined = [(a[0] + b[0], a[1] + b[1]) for a, b in zip(first["batches"], second["batches"], strict=True)]
    told = [a[2] + b[2] for a, b in zip(first["batches"], second["batches"], strict=True)]
    if kind == "mixin":
        assert {value for batch in told for value in batch} == {0.0}
        return
    for mine, true in zip(told, paid(joined, visits=3, centred=True), strict=True):
        assert mine == pytest.approx(true, abs=1e-12)


def together(ranks: list[dict[str, Any]], what: str, kind: str) -> list[list[list[float]]]:
    """What is told, and the advantages that are trained on, at each step, of the completions of all processes."""
    columns = [[rank[what][kind][column] for rank in ranks] for column in ("told", "advantages")]
    return [[[*chain.from_iterable(parts)] for parts in zip(*column, strict=True)] for column in columns]


@pytest.mark.skipif(not NEW, reason="this TRL takes no prescribed completions where it trains on several processes")
@pytest.mark.parametrize("kind", pooling_worker.kinds())
def test_any_number_of_processes_get_what_one_does(runs: dict[int, list[dict[str, Any]]], kind: str) -> None:
    """To the bit, and the main process of two and of three remembers it: also where training stops and goes on."""
    (alone,) = runs[1]
    truth, history = together([alone], "whole", kind), alone["whole"][kind]["history"]
    for processes in (2, 3) if kind in pooling_worker.WHOLE else (2,):
        assert together(runs[processes], "whole", kind) == truth
        first, *others = (rank["whole"][kind]["history"] for rank in runs[processes])
        assert first == history
        assert not any(other["keys"] for other in others)
    parts = [together(runs[processes], "resumed", kind) for processes in pooling_worker.UNTIL]
    assert [[*chain.from_iterable(column)] for column in zip(*parts, strict=True)] == truth
    assert runs[3][0]["resumed"][kind]["history"] == history
    assert len({value for batch in truth[1] for value in batch}) > 6


def weights(rank: dict[str, Any], what: str, kind: str) -> np.ndarray:
    return np.array(rank[what][kind]["weights"])


@pytest.mark.skipif(not NEW, reason="this TRL takes no prescribed completions where it trains on several processes")
@pytest.mark.parametrize("kind", pooling_worker.kinds())
def test_any_number_of_processes_train_the_weights_that_one_does(
    runs: dict[int, list[dict[str, Any]]], kind: str
) -> None:
    """But for rounding: the model's norms are float32, whose gradients, at most 1, are off by some 1e-7, which moves
    the weights by 50 times as much in each of six steps: 3e-5 at most (8e-8 were seen). All processes have the same."""
    truth = weights(runs[1][0], "whole", kind)
    start = torch.cat([parameter.detach().double().ravel() for parameter in policy().parameters()]).numpy()
    assert abs(truth - start).max() > 0.05
    from_the_start = [(3, "whole")] if kind in pooling_worker.WHOLE else []
    for processes, what in [(2, "whole"), *from_the_start, (3, "resumed")]:
        first, *others = (weights(rank, what, kind) for rank in runs[processes])
        assert first == pytest.approx(truth, rel=0, abs=3e-5)
        assert all(np.array_equal(first, other) for other in others)


@pytest.mark.skipif(not NEW, reason="this TRL takes no prescribed completions where it trains on several processes")
@pytest.mark.parametrize("kind", pooling_worker.kinds())
def test_two_processes_go_on_as_if_they_had_not_stopped(runs: dict[int, list[dict[str, Any]]], kind: str) -> None:
    """Bit by bit: rewards, advantages, history, weights; the optimizer's state is resumed, too."""
    for rank in runs[2]:
        whole, again = rank["whole"][kind], rank["again"][kind]
        rest = {name: whole[name][pooling_worker.UNTIL[2] :] for name in ("told", "advantages")}
        assert again == whole | rest


def test_processes_may_have_any_share_of_a_batch(runs: dict[int, list[dict[str, Any]]]) -> None:
    (alone,) = runs[1]
    for processes in runs:
        parts = zip(*(rank["uneven"] for rank in runs[processes]), strict=True)
        assert [[*chain.from_iterable(batch)] for batch in parts] == alone["uneven"]


def test_what_the_main_process_cannot_remember_all_refuse(runs: dict[int, list[dict[str, Any]]]) -> None:
    for processes in runs:
        first, *others = (rank["failure"] for rank in runs[processes])
        assert first.startswith("`weights` must be given at every visit or at none")
        assert others == [f"rank 0 of the process group failed with ArgumentError: {first}"] * (processes - 1)
