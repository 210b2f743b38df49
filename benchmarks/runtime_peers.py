"""What a user would pick instead, on the same groups: time, bias and root-mean-square error of the entropy.

`python -m benchmarks.runtime peers` runs it; the peers: pip install infomeasure dit (and the torch extra).
"""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

import polyest
from benchmarks.rollout_groups import Ids, dirichlet

Array = NDArray[np.float64]
Peer = Callable[[Ids], Array]

__all__ = ["compare"]


def look_up(c: Array) -> dict[str, Peer]:
    """Ways to count and look up by hand: numpy, torch, collections.Counter."""

    def numpy_broadcast(answers: Ids) -> Array:
        return -c[(answers[:, :, None] == answers[:, None, :]).sum(-1) - 1].mean(axis=1)

    def counter(answers: Ids) -> Array:
        groups = answers.tolist()
        return np.array([-sum(n * c[n - 1] for n in Counter(group).values()) / len(group) for group in groups])

    ways: dict[str, Peer] = {"numpy broadcasting, harmonic": numpy_broadcast, "collections.Counter, harmonic": counter}
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)  # as all others here
        table = torch.from_numpy(c.copy())

        def torch_broadcast(answers: Ids) -> Array:
            ids = torch.from_numpy(answers)
            rewards = table[(ids[:, :, None] == ids[:, None, :]).sum(-1) - 1]
            return -rewards.mean(dim=1).numpy()

        ways["torch broadcasting, harmonic"] = torch_broadcast
    return ways


def libraries() -> dict[str, Peer]:
    """infomeasure and dit, one group per call; those that are installed."""
    found: dict[str, Peer] = {}
    if find_spec("infomeasure"):
        import infomeasure

        for approach in ("discrete", "zhang", "grassberger", "chao_shen"):
            found[f"infomeasure {approach}"] = lambda answers, approach=approach: np.array(
                [infomeasure.entropy(group, approach=approach) for group in answers]
            )
    if find_spec("dit"):
        from dit.inference import entropy_0, entropy_1, entropy_2

        for name, function in {"entropy_0": entropy_0, "entropy_1": entropy_1, "entropy_2": entropy_2}.items():
            found[f"dit {name}"] = lambda answers, function=function: np.array(
                [function(group) * math.log(2) for group in answers]
            )
    return found


def ours(size: int) -> dict[str, Peer]:
    found: dict[str, Peer] = {}
    for method in ("plug_in", "harmonic", "aqp", "minimax"):
        try:
            est = polyest.load("log", size, method)
        except polyest.PolyestError:
            continue
        found[f"polyest {method}"] = lambda answers, est=est: -est.value(answers)
    return found


def compare(groups: int, slow_groups: int, size: int = 16) -> None:
    """Print seconds per 100,000 groups, bias and rmse in nats; slow peers see only the first `slow_groups`."""
    answers, probabilities = dirichlet(np.random.default_rng(1), groups, size)
    truth = -np.sum(probabilities * np.log(np.maximum(probabilities, 1e-300)), axis=1)
    harmonic = polyest.load("log", size, "harmonic").coefficients
    peers = ours(size) | look_up(harmonic) | libraries()
    print(
        f"\n{groups} groups of {size}, 12 answers ~ Dirichlet(1/2); entropy in nats; * first {slow_groups} groups only"
    )
    print(f"{'':34}{'s / 100k groups':>16}{'bias':>9}{'± 2 se':>8}{'rmse':>8}")
    for name, peer in peers.items():
        slow = name.startswith(("infomeasure", "dit", "coll"))
        some = slice(slow_groups if slow else groups)
        print(f"{name + ('*' if slow else ''):34}{row(peer, answers[some], truth[some])}")
    for name in sorted({"infomeasure", "dit", "torch"} - {n for n in ("infomeasure", "dit", "torch") if find_spec(n)}):
        print(f"{name}: not installed, skipped (pip install {name})")


def row(peer: Peer, answers: Ids, truth: Array) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer(answers[:8])
        times = []
        for _ in range(3):
            start = time.perf_counter()
            error = peer(answers) - truth
            times.append(time.perf_counter() - start)
            if sum(times) > 10:
                break
    spread = 2 * error.std() / math.sqrt(len(error))
    seconds = min(times) * 1e5 / len(answers)
    return f"{seconds:16.4f}{error.mean():+9.4f}{spread:8.4f}{math.sqrt((error**2).mean()):8.4f}"
