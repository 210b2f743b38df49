"""The answer-level alignment game (theory.md §8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.games.equilibrium import water_filling
from polyest.games.penalties import Penalty, TablePenalty, TargetPenalty
from polyest.games.reading import read_amount, read_finite, read_integers, read_policy
from polyest.problems.targets import get_target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["AlignmentGame", "alignment_game", "combined_table"]


@dataclass(frozen=True)
class AlignmentGame:
    """max over ν of F(ν) = Σ_z ν(z)·payoff(z) − H(ν) + H(point mass); made by `alignment_game`.

    Attributes:
        payoffs: R(z) + λ·log ν_ref(z), shape (n,).
        penalty: the separable H, with slope h: the true one, or the one that a table plays.
        traces: the answer of every trace, shape (T,); None where every answer has one trace.
    """

    payoffs: Array
    penalty: Penalty
    traces: NDArray[np.int64] | None = None

    @property
    def answers(self) -> int:
        """n, how many answers there are."""
        return len(self.payoffs)

    @property
    def policy_size(self) -> int:
        """How many entries a policy has: T traces, or n answers."""
        return self.answers if self.traces is None else len(self.traces)

    @property
    def entry(self) -> str:
        """What an entry of a policy is of."""
        return f"{'answer' if self.traces is None else 'trace'} of the game"

    def answer_probabilities(self, policy: ArrayLike) -> Array:
        """ν, shape (n,), of a policy over traces, shape (T,): the mass of the traces that lead to each answer."""
        return self.masses(read_policy("policy", policy, self.policy_size, self.entry))

    def masses(self, pi: Array) -> Array:
        """The same, of a policy that is known to be one."""
        return pi if self.traces is None else np.asarray(np.bincount(self.traces, pi, self.answers), dtype=np.float64)

    def objective(self, nu: ArrayLike) -> float:
        """F(ν). A deterministic policy pays no penalty: for log, F = E[R] + τ·entropy − λ·KL."""
        p = read_policy("nu", nu, self.answers)
        charged = self.penalty.potential(p).sum() - self.penalty.potential(np.ones(1)).sum()
        return float(_dot(p, self.payoffs) - charged)

    def gradient(self, nu: ArrayLike) -> Array:
        """g(z) = payoff(z) − h(ν(z)), shape (n,): what an answer is worth at ν; +∞ where ν(z) = 0 and h(0) = −∞."""
        return self.worth(read_policy("nu", nu, self.answers))

    def worth(self, nu: Array) -> Array:
        """The same, at probabilities that are known to be such."""
        return np.asarray(self.payoffs - self.penalty.slope(nu))

    def equilibrium(self) -> Array:
        """The maximiser ν∗, shape (n,): ∝ ν_ref^{λ/(τ+λ)} exp(R/(τ+λ)) for log, by convex duality otherwise.

        Without a penalty (τ = λ = 0) every distribution on the best answers is one; the uniform one is returned.

        Raises:
            ArgumentError: the game is played with a table whose Q_c is not increasing.
        """
        return water_filling(self.payoffs, self.penalty)

    def played_with(self, coefficients: ArrayLike, log_coefficients: ArrayLike | None = None) -> AlignmentGame:
        """The game that the expected updates of a table play: the same, with h replaced by Q_{τc+λl}.

        Args:
            coefficients: c, shape (K,), the table for the target.
            log_coefficients: l, shape (K,), the table for log; required where λ > 0 and the target is another.

        Raises:
            ArgumentError: a table is missing, has the wrong size, or this game is already played with one.

        >>> game = alignment_game([1.0, 0.0], weight=1.0)
        >>> game.played_with([-1.0, 0.0]).gradient([0.5, 0.5]).tolist()
        [1.5, 0.5]
        """
        table = combined_table(self, coefficients, log_coefficients)
        if not table.any():
            return self
        return replace(self, penalty=TablePenalty(tuple(table.tolist())))


def combined_table(game: AlignmentGame, coefficients: ArrayLike, log_coefficients: ArrayLike | None) -> Array:
    """t = τ·c + λ·l, shape (K,): what one completion with m matches pays in a sampled update."""
    penalty = game.penalty
    if not isinstance(penalty, TargetPenalty):
        raise ArgumentError("`game` must be the true one, got one that is already played with a table; start from that")
    c = _table("coefficients", coefficients)
    if penalty.log_weight == 0:
        return np.asarray(penalty.weight * c)
    if log_coefficients is None and penalty.target == "log":
        return np.asarray(penalty.total_weight * c)
    if log_coefficients is None:
        raise ArgumentError("`log_coefficients` is required where the reference has a weight; load the table of log")
    other = _table("log_coefficients", log_coefficients)
    if len(other) != len(c):
        raise ArgumentError(f"`log_coefficients` must be of the same group size, {len(c)}; got {len(other)}")
    return np.asarray(penalty.weight * c + penalty.log_weight * other)


def alignment_game(
    rewards: ArrayLike,
    weight: float,
    target: str = "log",
    *,
    reference: ArrayLike | None = None,
    reference_weight: float = 0.0,
    traces: ArrayLike | None = None,
) -> AlignmentGame:
    """The game max F(ν) = E_ν[R] − τ Σ_z φ(ν(z)) − λ KL(ν‖ν_ref), φ' = r.

    Args:
        rewards: R, shape (n,), finite.
        weight: τ ≥ 0.
        target: the name of r, increasing; js(q) compares every answer with the same q.
        reference: ν_ref, shape (n,), positive, summing to 1.
        reference_weight: λ ≥ 0.
        traces: the answer, in 0..n−1, that each trace leads to, shape (T,); every answer needs one.

    Returns:
        An `AlignmentGame`.

    Raises:
        ArgumentError: an argument is outside its domain; the message says why.

    Source: theory.md §8.

    >>> game = alignment_game([1.0, 0.0, 0.0], weight=1.0)
    >>> game.equilibrium().round(4).tolist()
    [0.5761, 0.2119, 0.2119]
    """
    payoffs, remedy = read_finite("rewards", rewards), "0 plays without it"
    tau, lam = read_amount("weight", weight, remedy), read_amount("reference_weight", reference_weight, remedy)
    if lam > 0:
        payoffs = payoffs + lam * np.log(_reference(reference, len(payoffs)))
    penalty = TargetPenalty(get_target(target).name, tau, lam)
    return AlignmentGame(payoffs, penalty, None if traces is None else _traces(traces, len(payoffs)))


def _dot(p: Array, values: Array) -> Array:
    return np.asarray(np.where(p > 0, p * values, 0.0).sum())


def _table(argument: str, values: ArrayLike) -> Array:
    c = read_finite(argument, values)
    if len(c) < 2:
        raise ArgumentError(f"`{argument}` must have K ≥ 2 entries, got {len(c)}; a group of one cannot be scored")
    return c


def _reference(reference: ArrayLike | None, answers: int) -> Array:
    if reference is None:
        raise ArgumentError("`reference` is required where `reference_weight` > 0; pass ν_ref, shape (n,)")
    q = read_policy("reference", reference, answers)
    if q.min() <= 0:
        raise ArgumentError(
            f"`reference` must be positive, got {q.min():.3g} at answer {int(q.argmin())}: a policy that gives it "
            "any mass has objective −∞; leave such answers out of the game"
        )
    return q


def _traces(traces: ArrayLike, answers: int) -> NDArray[np.int64]:
    required, remedy = f"whole numbers that name every answer 0..{answers - 1}", "drop answers that no trace leads to"
    array = read_integers("traces", traces, required, remedy)
    if array.ndim != 1 or not np.array_equal(np.unique(array), np.arange(answers)):
        raise ArgumentError(f"`traces` must be {required}, got {shortened(traces)}; {remedy}")
    return array.astype(np.int64)
