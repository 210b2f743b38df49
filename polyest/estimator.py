"""`polyest.load` and the estimator that it returns."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Unpack

from polyest import notebook
from polyest.loading import load_table
from polyest.online import grouping, scoring
from polyest.online.lookup import Lookup, lookup_of, lookups
from polyest.problems.budget import BudgetArguments
from polyest.problems.problem import Problem, problem_of_answers

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from polyest.online.answers import AnswersLike
    from polyest.online.layout import Array, Scores
    from polyest.problems.targets import Target
    from polyest.storage.table import Certificate, Table
    from polyest.uncertainty import ValueEstimate

__all__ = ["Estimator", "load"]


@lru_cache(maxsize=256)
def _prove(problem: Problem) -> Certificate:
    """The certificate of a table that is computed on the spot; with a baseline, of the table of K−1."""
    from polyest.certify import certificate

    table = load_table(problem)
    if problem.baseline is not None and table.leave_one_out is not None:
        table = table.leave_one_out
    return certificate(table)


class Estimator:
    """A table that scores groups of K completions; made by `polyest.load`.

    Every method takes `answers` of shape (..., K): an integer array, a string or object array, or nested lists of
    hashable answers, compared by Python equality. None, and NaN among objects, is "no answer": it matches nothing, not
    even another one, and is scored as 0 matches unless `no_answer_reward` names its reward. Entries equal to
    `padding_id` are no completions: their score is NaN, they match nothing, and a group that has n < K completions left
    is scored with the table of n (same target, method and budget), so that its guarantee is that of a group of n; one
    completion left scores NaN, with a warning; with a baseline, groups of two completions are refused.

    >>> est = load("log", 4, method="harmonic")
    >>> est
    Estimator(log K=4 harmonic)
    >>> est.rewards([[7, 7, 7, 5]]).round(3).tolist()
    [[-0.333, -0.333, -0.333, -1.833]]
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    @property
    def problem(self) -> Problem:
        """What is estimated, and how: target, group_size, method, budget, baseline."""
        return self.table.problem

    @property
    def table(self) -> Table:
        """The table behind the estimator."""
        return self._lookup.table

    @property
    def coefficients(self) -> Array:
        """c, shape (K,), read-only: the reward at 0..K−1 matches."""
        return self._lookup.coefficients

    @property
    def leave_one_out_coefficients(self) -> Array:
        """c', shape (K−1,), read-only: what the others are paid without the completion itself (theory.md §5)."""
        return self._lookup.others

    @property
    def certificate(self) -> Certificate:
        """What is proved about the table; with a baseline, about the table of K−1 that it stands for (theory.md §5).

        A stored table brings its certificate; the others are proved when first asked (extra ``verify``).

        Raises:
            MissingDependencyError: the table has to be proved, and python-flint is not installed.
        """
        stored = self.table.certificate
        return _prove(self.problem) if stored is None else stored

    def rewards(
        self,
        answers: AnswersLike,
        reference: ArrayLike | None = None,
        padding_id: Hashable = None,
        no_answer_reward: float | None = None,
        *,
        weights: ArrayLike | None = None,
        usable: ArrayLike | None = None,
        out: Scores | None = None,
        dtype: DTypeLike | None = None,
        threads: int = 1,
    ) -> NDArray[Any]:
        """The reward of every completion: c[m_i] − r(q_i), m_i others having the same answer (theory.md §2).

        Args:
            answers: shape (..., K); see the class.
            reference: q, shape (..., K): the probability that a reference gives each completion's answer; adds −r(q).
            padding_id: the answer that marks an entry as padding.
            no_answer_reward: the whole reward of a completion without an answer; None for that of 0 matches.
            weights: w, shape (..., K): what the whole reward of each completion is multiplied by, any finite numbers.
                The gradient is that of E[w(y)·Q_c(ν(ans y))] with w held fixed, also where w differs within an answer.
            usable: booleans, shape (..., K): False for a completion that was lost whatever it said (a crash). It is
                padding: the others are scored by the table of their number. Completions lost for what they said (too
                long) are another matter: the policy is then that of the survivors.
            out, dtype: array of the answers' shape to write to, or float64 (default) or float32; rounded once.
            threads: how many threads may work on a large batch.

        Returns:
            Array of the answers' shape.

        Raises:
            ArgumentError: a wrong last dimension, an array of floats, unhashable answers, or another bad argument.
            TableNotFoundError: with padding, there is no table for a smaller group.

        >>> load("log", 3, method="plug_in").rewards(["a", None, "a"]).round(3).tolist()
        [-0.405, -1.099, -0.405]
        """
        options = self._options("rewards", reference, padding_id, no_answer_reward, threads, weights, usable)
        return scoring.scores(self._job(answers, options), out, dtype)

    def advantages(
        self,
        answers: AnswersLike,
        reference: ArrayLike | None = None,
        padding_id: Hashable = None,
        no_answer_reward: float | None = None,
        *,
        weights: ArrayLike | None = None,
        usable: ArrayLike | None = None,
        out: Scores | None = None,
        dtype: DTypeLike | None = None,
        threads: int = 1,
    ) -> NDArray[Any]:
        """Rewards minus the exact leave-one-out baseline; their expected gradient is that of the rewards.

        A_i = w_i c[m_i] − 1/(K−1) Σ_{j≠i} w_j c'[m_j − 1{z_j = z_i}], w = 1 without weights: the others are scored as a
        group of K−1 without i. The reference's part of a reward has the mean of the others' as its baseline.

        Arguments, returns and errors are those of `rewards`; an estimator loaded with ``baseline=`` has no advantages,
        because its rewards are made for a trainer that subtracts the mean itself.

        Source: theory.md §5.

        >>> load("log", 3, method="harmonic").advantages([5, 5, 8]).round(3).tolist()
        [0.5, 0.5, -1.5]
        """
        options = self._options("advantages", reference, padding_id, no_answer_reward, threads, weights, usable)
        return scoring.scores(self._job(answers, options), out, dtype)

    def value(
        self,
        answers: AnswersLike,
        reference: ArrayLike | None = None,
        padding_id: Hashable = None,
        no_answer_reward: float | None = None,
        *,
        weights: ArrayLike | None = None,
        usable: ArrayLike | None = None,
        threads: int = 1,
    ) -> Array | np.float64:
        """The mean reward of every group, an estimate of Σ_z ν(z) r(ν(z)), less Σ_z ν(z) r(q(z)) with a reference.

        For ``log`` that is minus the entropy of the answers in nats, and with a reference the Kullback–Leibler
        divergence from it. Which method is best for one group, and which for means: see `value_with_error`.

        Args: see `rewards`.

        Returns:
            Shape (...,); NaN for a group of fewer than two completions (padding).

        Source: theory.md §6.

        >>> float(load("log", 2, method="plug_in").value([[1, 1], [1, 2]]).sum().round(6))
        -0.693147
        """
        options = self._options("values", reference, padding_id, no_answer_reward, threads, weights, usable)
        job = self._job(answers, options)
        return scoring.values(job).reshape(job.shape[:-1])[()]

    def value_with_error(
        self,
        answers: AnswersLike,
        reference: ArrayLike | None = None,
        padding_id: Hashable = None,
        no_answer_reward: float | None = None,
        *,
        error: str = "multinomial",
        threads: int = 1,
    ) -> ValueEstimate:
        """The value of every group with the standard error that it has as an estimate of its own mean.

        Of a *single* group of 8 and more `harmonic` has the least error: with 12 answers ~ Dirichlet(½) and K = 16 its
        root mean square error, bias included, is 0.267 nats, that of aqp 0.376, of plug_in 0.355. For means and
        gradients take aqp: noise averages out, bias does not. `polyest.summary` has an error that assumes nothing.

        Args:
            answers, reference, padding_id, no_answer_reward, threads: as in `value`.
            error: ``"multinomial"``, the exact variance under a law that fits the group; ``"jackknife"``, the spread of
                rewards − advantages, which is free in a trainer and too large for tables such as aqp; ``"unbiased"``,
                for exact tables of polynomials r of degree at most K/2 − 1. See `polyest.uncertainty`.

        Returns:
            A `polyest.uncertainty.ValueEstimate` of arrays of shape (...,): value, standard_error, bias, is_doubtful.
            For K ≥ 16 and spread answers the variance comes out 0.7 to 1.1 times the true one with aqp, and 95 %
            intervals cover the truth in 86 to 97 %. It fails for K ≤ 8 (0.5 to 6 times), is too large for two answers
            and for nearly collapsed prompts (up to 4 times), and no interval of plug_in or harmonic covers a truth that
            their bias exceeds: such groups are marked as doubtful (``python -m benchmarks.value_error``).

        Raises:
            ArgumentError: as `value`; or no such kind of error, or none for this table.

        >>> estimate = load("log", 16, "harmonic").value_with_error([[1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]])
        >>> estimate.value.round(3).tolist(), estimate.standard_error.round(3).tolist()
        ([-1.485], [0.088])
        """
        from polyest.uncertainty.estimate import estimate

        job = self._job(answers, self._options("values", reference, padding_id, no_answer_reward, threads))
        return estimate(job, self._lookups, error, no_answer_reward).reshape(job.shape[:-1])

    def _options(self, kind: str, *given: Any) -> grouping.Options:
        return grouping.Options(kind, self.problem.target, *given)

    def _job(self, answers: AnswersLike, options: grouping.Options) -> grouping.Job:
        return grouping.dense(self._lookup, self._siblings, answers, options)

    def _lookups(self, sizes: list[int]) -> dict[int, Lookup]:
        own = {n: self._lookup for n in sizes if n == self.problem.group_size}
        return self._siblings([n for n in sizes if n not in own]) | own

    def _siblings(self, sizes: list[int]) -> dict[int, Lookup]:
        return lookups([self.problem.of_size(n) for n in sizes])

    def __eq__(self, other: object) -> bool:
        """Whether both have the same table: the same question, coefficients and certificate."""
        return self.table == other.table if isinstance(other, Estimator) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.problem, self.table.coefficients))

    def __repr__(self) -> str:
        return f"Estimator({self.problem})"

    def _repr_html_(self) -> str:
        return notebook.table_html(self.table)

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the bias over p beside plug-in's (extra ``plot``); the axes are as in `polyest.plot.bias`."""
        from polyest.plot import bias

        return bias([load(self.problem.target, self.problem.group_size, "plug_in"), self], axes)


def load(
    target: str | Target,
    group_size: int,
    method: str | None = None,
    *,
    baseline: str | None = None,
    **budget: Unpack[BudgetArguments],
) -> Estimator:
    """The estimator of a target for groups of K completions.

    Args:
        target: ``"log"``, ``"power(a)"``, ``"polynomial(a_0,…)"``, ``"best_of(n)"`` or ``"js(q)"``, or your own, made
            by `polyest.custom`.
        group_size: K ≥ 2.
        method: one of `polyest.methods()`; by default ``"exact"`` where it is, else ``"aqp"``, but for best_of.
        baseline: ``"group_mean"`` or ``"leave_one_out_mean"`` for a trainer that subtracts that mean itself.
        budget: the point on the aqp frontier, at most one of them (theory.md §3): ``noise_budget=ρ``, noise at most ρ
            times plug-in's (default 1.5); ``bias_budget=κ``, bias at most κ times the least possible; ``groups=M``,
            best for updates that average M groups. For ``"graded"``, the method of `polyest.graded` for more draws
            than a group has: ``worst_case_bias=β``.

    Returns:
        An `Estimator`.

    Raises:
        ArgumentError: an argument is unknown, outside its domain, or at odds with the others.
        TableNotFoundError: the table is neither shipped nor solved by the user; the message names the command for it.

    Source: theory.md §3 and §5.

    >>> load("power(2)", 4).coefficients.round(3).tolist()
    [0.0, 0.0, 0.333, 1.0]
    """
    return Estimator(lookup_of(problem_of_answers(target, group_size, method, baseline=baseline, **budget)))
