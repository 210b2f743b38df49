"""How far estimated rewards are from log p on average: exactly, and measured on rollouts whose probabilities are known.

The bias of a prompt is Σ_z p_z (Q_c(p_z) − log p_z), over its answers z: each answer's bias weighted the way it enters
the gradient. It is also the bias of the estimated entropy of the answers, with the other sign (theory.md §2 and §6).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polyest import Estimator
from polyest.polynomials import bernstein

__all__ = ["Measurement", "Truth", "expected", "measure", "read_answers", "read_truth"]

ROLLOUTS = Path(__file__).parent / "rollouts"


@dataclass(frozen=True)
class Truth:
    """What is known about a prompt's answers: the probability of each that was drawn, and the entropy of all."""

    probabilities: Mapping[str, float]
    entropy: float

    def certificate(self, estimator: Estimator) -> float:
        """A bound on the prompt's bias. An answer adds at most β, and at most p·(max|c| + log 1/p).

        The first is used for the answers that were drawn, the second for the rest, known by its mass and entropy only.
        """
        p = np.array(list(self.probabilities.values()))
        rest, rest_entropy = 1 - p.sum(), self.entropy + (p * np.log(p)).sum()
        beta, largest = estimator.certificate.worst_case_bias.upper, np.abs(estimator.coefficients).max()
        return float(len(p) * beta + max(rest, 0) * largest + max(rest_entropy, 0))


@dataclass(frozen=True)
class Measurement:
    """One estimator on all prompts; arrays have one entry per prompt.

    Attributes:
        bias: mean of reward − log p over the prompt's completions.
        standard_error: of `bias`, from the spread of the prompt's groups.
        certificate: what |bias| cannot exceed in the mean.
    """

    bias: np.ndarray
    standard_error: np.ndarray
    certificate: np.ndarray

    @property
    def total(self) -> float:
        return float(self.bias.sum())

    @property
    def total_error(self) -> float:
        """Standard error of `total`."""
        return math.hypot(*self.standard_error)

    @property
    def beyond_certificate(self) -> np.ndarray:
        """By how many standard errors each prompt exceeds its certificate; −inf where it does not exceed it."""
        excess = np.abs(self.bias) - self.certificate
        with np.errstate(divide="ignore"):
            return np.where(excess > 0, excess / self.standard_error, -np.inf)


def expected(estimator: Estimator, probabilities: Iterable[float]) -> float:
    """The bias of one prompt, exactly, where all probabilities are known."""
    return float(bernstein.bias(estimator.problem.target, estimator.coefficients, list(probabilities)).sum())


def measure(estimator: Estimator, answers: Mapping[str, list[Any]], truth: Mapping[str, Truth]) -> Measurement:
    """Score every prompt's completions in groups, in order, and compare with log p."""
    K = estimator.problem.group_size
    rows = []
    for prompt, known in truth.items():
        groups = np.array(answers[prompt], dtype=object).reshape(-1, K)
        log_p = np.log([[known.probabilities[answer] for answer in group] for group in groups])
        errors = (estimator.rewards(groups) - log_p).mean(axis=1)
        standard_error = errors.std(ddof=1) / math.sqrt(len(errors))
        rows.append((errors.mean(), standard_error, known.certificate(estimator)))
    return Measurement(*np.array(rows).T)


def read_answers(path: Path = ROLLOUTS / "rollouts.jsonl") -> dict[str, list[Any]]:
    """The answers of each prompt, in the order of the file."""
    answers: dict[str, list[Any]] = {}
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        answers.setdefault(row["prompt_id"], []).append(row["answer"])
    return answers


def read_truth(path: Path = ROLLOUTS / "probabilities.jsonl") -> dict[str, Truth]:
    """What is known about each prompt."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {row["prompt_id"]: Truth(row["probabilities"], row["entropy"]) for row in rows}
