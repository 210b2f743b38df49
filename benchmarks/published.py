"""Published estimators of a group, one row each: what the paper pays, and what to write with polyest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb, exp, log

import numpy as np
from numpy.typing import NDArray

from benchmarks.graded import order_grad
from benchmarks.graded import pkpo as pkpo_graded

Array = NDArray[np.float64]
Truth = Callable[[Array, int], Array]
Pay = Callable[[list[int], list[float]], list[float]]

__all__ = ["ROWS", "Row", "centred", "k", "one", "pass_at_k_scaled", "pass_at_k_training", "power_series"]

k = 4  # of pass@k and best of k


def one(K: int) -> float:
    return 1.0


def each(pay: Callable[[int, int, float], float]) -> Pay:
    """A rule for the answers' counts: (N, K, own reward) → pay."""

    def pays(answers: list[int], rewards: list[float]) -> list[float]:
        counts = Counter(answers)
        return [pay(counts[a], len(answers), r) for a, r in zip(answers, rewards, strict=True)]

    return pays


def maxrl(_: list[int], rewards: list[float]) -> list[float]:
    return [r * len(rewards) / max(sum(rewards), 1) for r in rewards]


def pass_at_k_training(_: list[int], rewards: list[float]) -> list[float]:
    """The analytic advantages of the paper, before the division by σ."""
    K, wrong = len(rewards), rewards.count(0)
    failed = comb(wrong, k) / comb(K, k)
    return [failed if r else failed - comb(wrong - 1, k - 1) / comb(K - 1, k - 1) for r in rewards]


def pass_at_k_scaled(answers: list[int], rewards: list[float]) -> list[float]:
    failed = comb(rewards.count(0), k) / comb(len(rewards), k)
    sigma = (failed * (1 - failed)) ** 0.5
    return [a / sigma if sigma else 0.0 for a in pass_at_k_training(answers, rewards)]


@lru_cache
def subsets(K: int) -> NDArray[np.int64]:
    return np.array(list(combinations(range(K), k)))


def pkpo(_: list[int], rewards: list[float]) -> list[float]:
    """K·s_i: what the k-subsets with i are worth, over the number of all k-subsets."""
    K = len(rewards)
    best = np.array(rewards)[subsets(K)].max(axis=1)
    sums = np.bincount(subsets(K).ravel(), np.repeat(best, k), minlength=K)
    return [K * float(total) / comb(K, k) for total in sums]


def majority_label(answers: list[int], _: list[float]) -> list[float]:
    winner = Counter(answers).most_common(1)[0][0]
    return [float(a == winner) for a in answers]


def power_series(K: int) -> str:
    """(1 − (1−p)^K)/p as a target."""
    return f"polynomial({', '.join(str((-1) ** j * comb(K, j + 1)) for j in range(K))})"


def centred(x: Array) -> Array:
    """Less the mean of the others."""
    return x - (x.sum() - x) / (len(x) - 1)


@dataclass(frozen=True)
class Row:
    """One published estimator.

    Attributes:
        paper: its name and where it is.
        formula: what it pays, as the page writes it.
        pay: the same, as a function of one group's answers and rewards (0 and 1 where a verifier is meant).
        line: what to write with polyest; ``answers``, ``reward``, ``correct``, ``K`` and ``k`` are given.
        note: what the reader has to know.
        truth: r(p, K), what is estimated up to a constant factor: the pay of an answer of probability p, or of a
            success of rate p; None where nothing is, or where rewards are graded.
        counts: whose number decides: "answers", "correct", "references" or "graded" (ranks).
        factor: what the paper's pay is to be multiplied by; None: until it is right at p = ½.
    """

    paper: str
    formula: str
    pay: Pay
    line: str
    note: str
    truth: Truth | None
    counts: str = "answers"
    factor: Callable[[int], float] | None = one


def truncated(p: Array, K: int) -> Array:
    """(1 − (1−p)^K)/p, the derivative of −Σ_{j≤K} (1−p)^j/j."""
    return -np.expm1(K * np.log1p(-np.minimum(p, 1 - 1e-16))) / p


ROWS = [
    Row(
        "entropy by frequency: the usual code; “Diversity-GRPO”",
        "−log(N/K)",
        each(lambda n, K, r: -log(n / K)),
        '-polyest.load("log", K).rewards(answers)',
        '`"harmonic"` has less noise and more bias',
        lambda p, K: -np.log(p),
    ),
    Row(
        "the same in Gini's form",
        "1 − N/K",
        each(lambda n, K, r: 1 - n / K),
        '1 - polyest.load("power(1)", K).rewards(answers)',
        "1 − m/(K−1) is exact",
        lambda p, K: 1 - p,
    ),
    Row(
        "EMPO, arXiv 2504.05812",
        "N/K of the completion's cluster",
        each(lambda n, K, r: n / K),
        'polyest.load("power(1)", K).rewards(answers)',
        "named after the entropy; this is the Gini index's gradient. Then divided by σ",
        lambda p, K: p,
    ),
    Row(
        "outcome-based exploration, arXiv 2509.06941, within the batch",
        "−(number of others with the same answer)/K",
        each(lambda n, K, r: -(n - 1) / K),
        '-polyest.load("power(1)", K).rewards(answers)',
        "over the history it pays 1/√visits: `power(-0.5)` on the pool of a `polyest.history.PromptHistory`",
        lambda p, K: -p,
        factor=lambda K: K / (K - 1),
    ),
    Row(
        "DARLING, arXiv 2509.02534, distances 0 and 1",
        "reward × share of the others that differ",
        each(lambda n, K, r: r * (K - n) / (K - 1)),
        'reward - polyest.load("power(1)", K).rewards(answers, weights=reward)',
        "its further normalisation within the group depends on the group, and is not neutral",
        lambda p, K: 1 - p,
    ),
    Row(
        "DRA-GRPO, arXiv 2505.09655, similarities 0 and 1",
        "reward / (1 + number of others like it)",
        each(lambda n, K, r: r / n),
        "polyest.load(power_series(K), K).rewards(answers, weights=reward)",
        "the log of p, truncated at K terms; `power_series` writes Σ_j (1−p)^j, j < K, as `polynomial(…)`",
        truncated,
        factor=float,
    ),
    Row(
        "IPS-GRPO, arXiv 2601.21669",
        "reward × K/N",
        each(lambda n, K, r: r * K / n),
        "polyest.load(power_series(K), K).rewards(answers, weights=reward)",
        "as DRA. 1/p itself does **not fit**: p·(1/p) does not vanish at 0, every table misses it by 1 there. "
        "Nearest: `power(-0.75)`, at a `bias_budget`",
        truncated,
    ),
    Row(
        "uniqueness-aware RL, arXiv 2601.08763, α = ½",
        "reward × N^(−α)",
        each(lambda n, K, r: r * n**-0.5),
        '-polyest.load("power(-0.5)", K).rewards(answers, weights=reward)',
        "answers are strategies there; it multiplies advantages that were divided by σ",
        lambda p, K: p**-0.5,
        factor=lambda K: K**0.5,
    ),
    Row(
        "MaxRL, arXiv 2602.02710",
        "reward × K/(number of correct)",
        maxrl,
        "success.truncated_log(K, K).rewards(correct)",
        "its leave-one-out form is `.advantages`",
        truncated,
        "correct",
    ),
    Row(
        "Tsallis losses (GARL), arXiv 2604.25907, q = ½",
        "reward × (share of correct)^(−q)",
        lambda answers, rewards: [r * (sum(rewards) / len(rewards)) ** -0.5 if r else 0.0 for r in rewards],
        "success.power(-0.5, K).rewards(correct)",
        "any 0 < q < 1; q = 1 is MaxRL",
        lambda p, K: p**-0.5,
        "correct",
    ),
    Row(
        "PKPO, arXiv 2505.15201, pass@k, k = 4",
        "s_i: Σ over the k-subsets with i of their success",
        pkpo,
        "success.pass_at(k, K).rewards(correct)",
        "`.values` is its ρ",
        lambda p, K: k * (1 - p) ** (k - 1),
        "correct",
    ),
    Row(
        "pass@k training, arXiv 2508.10751, k = 4, before σ",
        "failed@k; of a wrong one, less failed@(k−1) of the others",
        pass_at_k_training,
        "success.pass_at(k, K).rewards(correct)",
        "the advantage's factor is (K−k)/(kK): nothing is left to learn at k = K",
        lambda p, K: k * (1 - p) ** (k - 1),
        "correct",
        lambda K: k * K / (K - k),
    ),
    Row(
        "the same divided by σ, as published",
        "… / √(pass@k·(1 − pass@k))",
        pass_at_k_scaled,
        "success.pass_at(k, K).rewards(correct)",
        "set right at s = ½; what is left is the bias",
        lambda p, K: k * (1 - p) ** (k - 1),
        "correct",
        None,
    ),
    Row(
        "PKPO, MaxPO, max@k (arXiv 2510.23393) on graded rewards",
        "Σ over the k-subsets S with i of max S − max S∖i",
        lambda _, rewards: pkpo_graded(np.array([rewards]), k)[0].tolist(),
        "graded.best_of(k, K).rewards(reward - reward.min())",
        "the least noisy for a policy with few parameters; `.advantages` for one that tells completions apart",
        None,
        "graded",
    ),
    Row(
        "OrderGrad, arXiv 2606.06096, k = 4",
        "mean of max S over the k-subsets with i, less that over those without",
        lambda _, rewards: order_grad(np.array([rewards]), k)[0].tolist(),
        "centred(graded.best_of(k, K, baseline='leave_one_out_mean').rewards(reward))",
        "`centred` subtracts the mean of the others; needs k < K, `.advantages` do not",
        None,
        "graded",
    ),
    Row(
        "vBoN, BOND, arXiv 2407.06057: log C by frequency, K references",
        "log((1 + number of references below)/(K + 1))",
        lambda below, _: [log((1 + sum(below)) / (len(below) + 1))],
        'graded.calibrated("log", references=K).rewards([0.5], 1 - np.array(answers))',
        "C: the share of the reference's rewards below one's own",
        lambda p, K: np.log(p),
        "references",
    ),
    Row(
        "InfAlign, arXiv 2412.19792: exp(4C), K references",
        "exp(4 · share of references below)",
        lambda below, _: [exp(4 * sum(below) / len(below))],
        'graded.calibrated("exp(4)", references=K).rewards([0.5], 1 - np.array(answers))',
        "where t is tuned anyway the bias is absorbed by t",
        lambda p, K: np.exp(4 * p),
        "references",
    ),
    Row(
        "TTRL, arXiv 2504.16084",
        "1 if the answer is the group's most frequent",
        majority_label,
        "graded.majority_vote(K)",
        "**does not fit**: it depends on the counts of all answers, which are not independent given one's own. "
        'With a verifier `success.majority_at`; without, `polyest.load("power(a)", K)` pays for agreement',
        None,
        "all counts",
    ),
]
