"""A policy of four completions, small enough to enumerate all groups, and what updates it makes on average."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import polyest
from polyest.graded import Objective

ANSWERS = ["x", "y", "x", None]  # two completions have one answer, another has none
TEXTS = ["so x", "y", "x", ""]
REWARDS = [1.0, 0.0, 1.0, 0.5]  # functions of the answer
NU = np.array([0.4, 0.3, 0.2, 0.1])


def answer(text: str) -> str | None:
    """Of one of `TEXTS`."""
    return text[-1:] or None


def every_group(K: int) -> list[tuple[int, ...]]:
    """All groups of K completions, as their numbers."""
    return list(itertools.product(range(4), repeat=K))


def update(advantages: Any, K: int) -> Any:
    """Σ P(group) · mean_i A_i ∇log π(y_i), by the policy's logits, for the advantages of `every_group`, in order."""
    groups = np.array(every_group(K))
    A = np.asarray(advantages, np.float64).reshape(groups.shape)
    scores = np.eye(4)[groups] - NU  # ∇log π of each completion
    chances = NU[groups].prod(axis=1)
    return np.einsum("g,gk,gkz->z", chances, A, scores) / K


def gradient(pay: Sequence[float]) -> Any:
    """Of Σ_y π(y) pay(y), pay held fixed."""
    paid = np.asarray(pay)
    return NU * (paid - NU @ paid)


def bernstein(c: Sequence[float], p: float) -> float:
    """Q_c(p)."""
    n = len(c) - 1
    return sum(x * math.comb(n, m) * p**m * (1 - p) ** (n - m) for m, x in enumerate(c))


def answers_pay(target: str, K: int, scale: float, centred: bool, method: str | None = None) -> list[float]:
    """What the completions are paid for their answers on average; the least the table pays without one."""
    est = polyest.load(target, K, method)
    c = est.leave_one_out_coefficients if centred else est.coefficients
    table = polyest.load(target, K, method, baseline="leave_one_out_mean").coefficients if centred else c
    shares = {z: sum(p for p, other in zip(NU, ANSWERS, strict=True) if other == z) for z in ANSWERS}
    least = min(scale * x for x in table)
    return [least if z is None else scale * bernstein(c, shares[z]) for z in ANSWERS]


def product_pay(target: str, K: int, scale: float, offset: float, centred: bool) -> list[float]:
    """Of reward × (offset + scale·Q_c(p)), p the probability of the answer."""
    factors = answers_pay(target, K, scale, centred)
    return [R * (offset + factor) for R, factor in zip(REWARDS, factors, strict=True)]


def graded_gradient(objective: Objective, rewards: Sequence[float]) -> Any:
    """Of E[Σ_j w_j R_(j:n)], by the policy's logits: what completion i is worth as one of n draws, n times."""
    weights = [float(w) for w in objective.weights]
    n = len(weights)

    def worth(i: int) -> float:
        sums = []
        for others in itertools.product(range(4), repeat=n - 1):
            drawn = sorted(rewards[j] for j in (i, *others))
            sums.append(NU[[*others]].prod() * sum(w * R for w, R in zip(weights, drawn, strict=True)))
        return float(sum(sums))

    return gradient([n * worth(i) for i in range(4)])
