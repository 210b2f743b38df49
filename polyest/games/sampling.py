"""Sampled updates: M groups of K completions, paid by a table, with the exact leave-one-out baseline (theory.md §5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.games.alignment import AlignmentGame, combined_table
from polyest.games.penalties import TablePenalty, TargetPenalty
from polyest.games.policies import apply_update, check_update, policy_of, start, step_size
from polyest.games.reading import read_integers, read_made, read_policy
from polyest.problems.problem import LARGEST_GROUP, whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from polyest.estimator import Estimator

    Array = NDArray[np.float64]
    Traces = NDArray[np.int64]

__all__ = ["Path", "Sampler", "play", "sampler"]


@dataclass(frozen=True)
class Sampler:
    """How one update is sampled; made by `sampler`.

    Attributes:
        game: the true game.
        table: t = τ·c + λ·l, shape (K,): what a completion is charged at 0..K−1 matches; None charges the exact h(ν)
            (the oracle).
        others: the same for groups of K−1, shape (K−1,), for the baseline.
        group_size: K.
        groups: M, the groups that one update averages.
    """

    game: AlignmentGame
    table: Array | None
    others: Array | None
    group_size: int
    groups: int

    @property
    def expected_game(self) -> AlignmentGame:
        """The game whose gradient is the mean of the sampled gradients."""
        if self.table is None:
            return self.game
        return replace(self.game, penalty=TablePenalty(tuple(self.table.tolist())))

    def gradient(self, policy: ArrayLike, rng: np.random.Generator) -> Array:
        """An unbiased sample of ∂F/∂θ of `expected_game`, shape (T,): the mean of A_i·(1{y_i = y} − π(y))."""
        return self.sampled_gradient(self._policy(policy), _generator(rng))

    def sampled_gradient(self, pi: Array, rng: np.random.Generator) -> Array:
        """The same, of a policy that is known to be one."""
        drawn = draw(pi, (self.groups, self.group_size), rng)
        advantages = self._advantages(pi, drawn) / drawn.size
        weights = np.bincount(drawn.ravel(), advantages.ravel(), minlength=len(pi))
        return np.asarray(weights - pi * weights.sum())

    def advantages(self, policy: ArrayLike, drawn: ArrayLike) -> Array:
        """A, shape (M, K), of drawn traces: reward minus the mean of the others, scored without the completion."""
        K, traces = self.group_size, self.game.policy_size
        required, remedy = f"traces 0..{traces - 1}, shape (M, {K})", "draw groups of the sampler's size"
        read = read_integers("drawn", drawn, required, remedy)
        if read.ndim != 2 or read.shape[1] != K or read.min() < 0 or read.max() >= traces:
            raise ArgumentError(f"`drawn` must be {required}; got {shortened(drawn)}; {remedy}")
        return self._advantages(self._policy(policy), read.astype(np.int64))

    def _policy(self, policy: ArrayLike) -> Array:
        return read_policy("policy", policy, self.game.policy_size, self.game.entry)

    def _advantages(self, policy: Array, drawn: Traces) -> Array:
        answers = drawn if self.game.traces is None else self.game.traces[drawn]
        if self.table is None:
            return _without_mean_of_others(self.game.worth(self.game.masses(policy))[answers])
        return _without_mean_of_others(self.game.payoffs[answers]) - self._charges(matches(answers))

    def _charges(self, m: Traces) -> Array:
        """t[m_i] minus the mean of what the others pay as a group of K−1 without i."""
        assert self.table is not None
        assert self.others is not None
        padded = np.append(self.others, 0.0)  # t'[K−1] := 0
        pays, without = padded[m], padded[m - 1]  # at m = 0 the factor m removes the second
        total = pays.sum(axis=1, keepdims=True)
        baseline = (total - pays - m * pays + m * without) / (self.group_size - 1)
        return np.asarray(self.table[m] - baseline)


@dataclass(frozen=True)
class Path:
    """A sampled play: the answer probabilities at some updates.

    Attributes:
        updates: after how many updates each row was taken, shape (S,).
        nu: answer probabilities, shape (S, n).
        tail: the mean of ν over the last half of the updates, shape (n,).
    """

    updates: NDArray[np.int64]
    nu: Array
    tail: Array


def sampler(
    game: AlignmentGame,
    estimator: Estimator | None,
    groups: int,
    *,
    log_estimator: Estimator | None = None,
    group_size: int | None = None,
) -> Sampler:
    """The sampled updates of an estimator, or of the oracle that is paid the exact h(ν).

    Args:
        game: the true game.
        estimator: from `polyest.load`, for the target of the game; None for the oracle.
        groups: M ≥ 1.
        log_estimator: for log, of the same group size; required where λ > 0 and the target is another.
        group_size: K ≥ 2, for the oracle only.

    Returns:
        A `Sampler`.

    Raises:
        ArgumentError: the estimator is for another target, has a baseline, or something is missing.

    >>> import polyest
    >>> from polyest.games import alignment_game
    >>> paid = sampler(alignment_game([1.0, 0.0], 1.0), polyest.load("log", 4, method="harmonic"), groups=8)
    >>> paid.gradient([0.5, 0.5], np.random.default_rng(0)).shape
    (2,)
    """
    read_made("game", game, AlignmentGame, "alignment_game")
    M = whole_number("groups", groups, 1)
    if estimator is None:
        return Sampler(game, None, None, whole_number("group_size", group_size, 2, LARGEST_GROUP), M)
    penalty = _checked_penalty(game, estimator)
    charges = _charged_tables(game, penalty, estimator, log_estimator)
    return Sampler(game, *charges, len(estimator.coefficients), M)


def play(
    sampled: Sampler,
    updates: int,
    rng: np.random.Generator,
    *,
    update: str = "policy_gradient",
    step: float | None = None,
    record_every: int = 100,
    logits: ArrayLike | None = None,
) -> Path:
    """Play sampled updates from the uniform policy (or `logits`).

    Args:
        sampled: from `sampler`.
        updates: how many.
        rng: the random numbers.
        update: ``"policy_gradient"``, or ``"mirror_ascent"``, which divides each trace's gradient by π(y): without
            bias, but with a variance that grows like 1/π(y).
        step: η; by default 1/steepness of the true penalty.
        record_every: keep ν after so many updates.
        logits: where to start, shape (T,).

    Returns:
        A `Path`.
    """
    check_update(update)
    game, rng = read_made("sampled", sampled, Sampler, "sampler").game, _generator(rng)
    theta, eta, tail = start(game, logits), step_size(game, step), np.zeros(game.answers)
    every, kept = whole_number("record_every", record_every, 1), []
    for done in range(whole_number("updates", updates, 1) + 1):
        policy = policy_of(theta)
        nu = game.masses(policy)
        if done % every == 0 or done == updates:
            kept.append((done, nu))
        if 2 * done >= updates:
            tail += nu
        if done < updates:
            theta = apply_update(theta, sampled.sampled_gradient(policy, rng), eta, update)
    at, rows = zip(*kept, strict=True)
    return Path(np.array(at), np.array(rows), tail / tail.sum())


def draw(policy: Array, shape: tuple[int, int], rng: np.random.Generator) -> Traces:
    """Traces drawn from the policy, by inversion."""
    steps = np.cumsum(policy)
    return np.searchsorted(steps[:-1] / steps[-1], rng.random(shape), side="right")


def matches(answers: Traces) -> Traces:
    """m_i = #{j ≠ i: z_j = z_i} in each row, shape (M, K)."""
    return np.asarray((answers[:, :, None] == answers[:, None, :]).sum(axis=2) - 1)


def _without_mean_of_others(rewards: Array) -> Array:
    K = rewards.shape[1]
    return np.asarray((rewards - rewards.mean(axis=1, keepdims=True)) * (K / (K - 1)))


def _charged_tables(
    game: AlignmentGame, penalty: TargetPenalty, estimator: Estimator, log_estimator: Estimator | None
) -> tuple[Array, Array]:
    """τ·c + λ·l for groups of K and of K−1."""
    if log_estimator is None:
        table = combined_table(game, estimator.coefficients, None)
        logs = estimator
    else:
        _check_target("log_estimator", log_estimator, "log")
        table = combined_table(game, estimator.coefficients, log_estimator.coefficients)
        logs = log_estimator
    others = penalty.weight * estimator.leave_one_out_coefficients
    return table, others + penalty.log_weight * logs.leave_one_out_coefficients


def _checked_penalty(game: AlignmentGame, estimator: Estimator) -> TargetPenalty:
    penalty = game.penalty
    if not isinstance(penalty, TargetPenalty):
        raise ArgumentError("`game` must be the true one, got one that is already played with a table; start from that")
    _check_target("estimator", estimator, penalty.target)
    return penalty


def _check_target(argument: str, estimator: Estimator, target: str) -> None:
    problem = getattr(estimator, "problem", None)
    if problem is None:
        raise ArgumentError(f"`{argument}` must be what polyest.load gives, got {shortened(estimator)}; load the table")
    if problem.target != target:
        raise ArgumentError(f"`{argument}` must be for the target {target}, got {problem.target}; load that one")
    if problem.baseline is not None:
        raise ArgumentError(
            f"`{argument}` must have no baseline, got {problem.baseline}; sampled updates bring their own"
        )


def _generator(rng: np.random.Generator) -> np.random.Generator:
    if not hasattr(rng, "random"):
        raise ArgumentError(f"`rng` must be a numpy generator, got {shortened(rng)}; pass numpy.random.default_rng(0)")
    return rng
