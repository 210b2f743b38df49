"""Are standard errors of values honest? `python -m benchmarks.value_error [K …]` (default 4 8 16 32 64; two minutes).

For every law of the answers, K and method: the mean estimated variance of a group's value over its exact variance, and
how often 95 % intervals cover: of one group, its own mean E V and the truth Σ ν(z) r(ν(z)), here minus the entropy; of
the mean of 64 groups, and of the difference of two such means, the truth. In the second run a share of all answers has
moved to the first one. Intervals for means are those of `summary(…, redrawn="completions")` from each group's error,
and "spread" those from the groups' standard deviation.

Then, for 64 prompts with 12 answers ~ Dirichlet(½) each and two runs, one group per prompt, what `summary` and `minus`
say: coverage and half the width of the intervals.

Groups are drawn once and means resampled from them; what they are compared with is shifted by the drawn groups'
distance from their exact mean, so that this adds no error of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import chain

import numpy as np

import polyest
from polyest.uncertainty import Mean, Summary, ValueEstimate, summary, value_moments

METHODS = ("plug_in", "harmonic", "aqp")
PROMPTS, RESAMPLES, SHIFT, Z = 64, 2000, 0.3, 1.959963985
HEAD = (
    "| law | method | sd | bias | estimated | rmse | ratio | one: E V | one: truth | doubtful | rest: truth | "
    "mean of 64 | spread | difference | jackknife ratio |"
)


@dataclass(frozen=True)
class Pool:
    """Groups of one law, their values and errors, and what is exactly known of them."""

    found: ValueEstimate
    mean: float
    variance: float
    truth: float

    @property
    def shifted_truth(self) -> float:
        """What a mean over groups drawn from this pool is to be compared with."""
        return self.truth + float(self.found.value.mean()) - self.mean


@dataclass(frozen=True)
class Row:
    """One line of the table; shares are of groups or of resampled means."""

    sd: float
    bias: float
    estimated_bias: float
    rmse: float
    ratio: float
    own_mean: float
    truth: float
    doubtful: float
    truth_of_rest: float
    mean_of_64: float
    spread: float
    difference: float
    jackknife: float

    def __str__(self) -> str:
        return " | ".join(f"{x:.3f}" if np.isfinite(x) else "–" for x in astuple(self))


def laws(seed: int = 7) -> dict[str, np.ndarray]:
    """Distributions of answers."""
    rng = np.random.default_rng(seed)
    ranks = np.arange(1, 65.0)
    return {
        "uniform, 12": np.full(12, 1 / 12),
        "uniform, 64": np.full(64, 1 / 64),
        "Zipf 1, 64": ranks**-1 / (ranks**-1).sum(),
        "Zipf 2, 64": ranks**-2 / (ranks**-2).sum(),
        "Dirichlet 0.3, 40": rng.dirichlet(np.full(40, 0.3)),
        "coin": np.array([0.5, 0.5]),
        "coin 0.8": np.array([0.8, 0.2]),
        "collapsed 0.95": np.array([0.95, *[0.01] * 5]),
        "collapsed 0.99": np.array([0.99, 0.01]),
    }


def entropy(p: np.ndarray) -> float:
    return float(-(p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum())


def pool(p: np.ndarray, K: int, method: str, groups: int, rng: np.random.Generator, error: str = "multinomial") -> Pool:
    """Groups of K answers drawn from p."""
    estimator = polyest.load("log", K, method)
    found = estimator.value_with_error(rng.choice(len(p), size=(groups, K), p=p), error=error)
    moments = value_moments(estimator.coefficients, p)
    return Pool(found, moments.mean, moments.variance, -entropy(p))


def covers(center: np.ndarray, error: np.ndarray, truth: float) -> np.ndarray:
    return np.abs(center - truth) <= Z * error + 1e-12


def resampled(sample: Pool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of 64 groups, their variance from the groups' errors, and from the groups' spread."""
    chosen = rng.integers(0, len(sample.found.value), (RESAMPLES, PROMPTS))
    values, variances = sample.found.value[chosen], sample.found.variance[chosen]
    return values.mean(1), variances.sum(1) / PROMPTS**2, values.var(1, ddof=1) / PROMPTS


def share(hits: np.ndarray) -> float:
    return float(hits.mean()) if hits.size else float("nan")


def measure(p: np.ndarray, K: int, method: str, groups: int, seed: int = 0) -> Row:
    """One line."""
    rng = np.random.default_rng(seed)
    one, two = pool(p, K, method, groups, rng), pool(shifted(p), K, method, groups, rng)
    jackknife = pool(p, K, method, min(groups, 1000), rng, "jackknife").found
    value, error, doubtful = one.found.value, one.found.standard_error, one.found.is_doubtful
    single, bias = covers(value, error, one.truth), one.mean - one.truth
    (mean, variance, spread), (other, other_variance, _) = resampled(one, rng), resampled(two, rng)
    return Row(
        one.variance**0.5,
        bias,
        float(one.found.bias.mean()),
        (one.variance + bias**2) ** 0.5,
        float(one.found.variance.mean()) / one.variance,
        share(covers(value, error, one.mean)),
        share(single),
        share(doubtful),
        share(single[~doubtful]),
        share(covers(mean, variance**0.5, one.shifted_truth)),
        share(covers(mean, spread**0.5, one.shifted_truth)),
        share(covers(mean - other, (variance + other_variance) ** 0.5, one.shifted_truth - two.shifted_truth)),
        float(jackknife.variance.mean()) / one.variance,
    )


def shifted(p: np.ndarray) -> np.ndarray:
    """The law of the second run."""
    q = (1 - SHIFT) * p
    q[0] += SHIFT
    return q


def lines(K: int, groups: int) -> Iterator[str]:
    yield f"\nK = {K} ({groups} groups)\n\n{HEAD}\n{'| --- ' * HEAD.count(' | ')}| --- |"
    for name, p in laws().items():
        for method in METHODS:
            yield f"| {name} | {method} | {measure(p, K, method, groups)} |"


@dataclass(frozen=True)
class Prompts:
    """The laws of 64 prompts in two runs, and groups of answers, one for each prompt, for every repetition."""

    laws: np.ndarray
    answers: np.ndarray

    @classmethod
    def draw(cls, K: int, rng: np.random.Generator, laws: np.ndarray) -> Prompts:
        uniform = rng.random((*laws.shape[:-1], K))
        ends = laws.cumsum(axis=-1)[..., :-1]
        return cls(laws, (uniform[..., None] > ends[..., None, :]).sum(axis=-1))

    @property
    def truth(self) -> np.ndarray:
        """Minus the entropy of each prompt, (repetitions, 64)."""
        return (self.laws * np.log(self.laws)).sum(axis=-1)

    def summaries(self, estimator: polyest.Estimator, redrawn: str) -> list[Summary]:
        found = estimator.value_with_error(self.answers)
        return [summary(found.take(r), range(PROMPTS), redrawn=redrawn) for r in range(len(self.answers))]


def prompt_lines(K: int, repetitions: int, seed: int = 1) -> Iterator[str]:
    """The second table."""
    rng = np.random.default_rng(seed)
    laws = np.maximum(rng.dirichlet(np.full(12, 0.5), (repetitions, PROMPTS)), 1e-300)
    first = Prompts.draw(K, rng, laws)
    second = Prompts.draw(K, rng, np.apply_along_axis(shifted, -1, laws))
    yield f"\nK = {K}, {PROMPTS} prompts, {repetitions} repetitions\n"
    yield "| method | rmse, one group | completions: mean | difference | prompts: mean | paired | unpaired |"
    yield "| --- " * 7 + "|"
    for method in METHODS:
        estimator = polyest.load("log", K, method)
        cells = [f"{np.sqrt(np.mean((estimator.value(first.answers) - first.truth) ** 2)):.3f}"]
        for redrawn in ("completions", "prompts"):
            ones, twos = (run.summaries(estimator, redrawn) for run in (first, second))
            truths = [run.truth.mean(axis=1) for run in (first, second)]
            if redrawn == "prompts":
                truths = [np.full(repetitions, truth.mean()) for truth in truths]
            pairs = [*zip(ones, twos, strict=True)]
            cells += [
                coverage(ones, truths[0]),
                coverage([one.minus(two) for one, two in pairs], truths[0] - truths[1]),
            ]
        cells.append(coverage([one.minus(two, paired=False) for one, two in pairs], truths[0] - truths[1]))
        yield f"| {method} | {' | '.join(cells)} |"


def coverage(means: Sequence[Mean], truths: np.ndarray) -> str:
    """How often the intervals cover, and half their mean width."""
    ends = np.array([mean.interval() for mean in means])
    hits = (ends[:, 0] <= truths) & (truths <= ends[:, 1])
    return f"{hits.mean():.3f} (± {np.diff(ends).mean() / 2:.3f})"


def main() -> None:
    print("Printed by `python -m benchmarks.value_error`, which explains the columns; targets are log, values in nats.")
    for K in map(int, sys.argv[1:] or (4, 8, 16, 32, 64)):
        for line in chain(lines(K, 4096 if K <= 16 else 1024), prompt_lines(K, 400 if K <= 16 else 50)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
