"""An accumulator that pools a prompt's groups over its visits (theory.md §7)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack, cast

import numpy as np

from polyest.errors import ArgumentError
from polyest.estimator import Estimator, load
from polyest.history.drift import drift_bias, squared_drift
from polyest.history.settings import share
from polyest.history.state import Key, Saved, Settings, Visits, plain_answers, plain_key, read_state, write_state
from polyest.numbers.rationals import decimal_text
from polyest.problems.budget import BudgetArguments
from polyest.problems.problem import Problem, whole_number
from polyest.storage.table import digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.problems.targets import Target

    Array = NDArray[np.float64]

__all__ = ["Pooled", "PromptHistory"]

LARGEST_GROUP = 10_000  # whose closed forms take seconds


@dataclass(frozen=True)
class Pooled:
    """The scores of one visit's completions, paid as members of the pool.

    Attributes:
        rewards: shape (K,), for the completions of this visit.
        advantages: the same minus the exact leave-one-out baseline over the pool.
        sizes: how many completions of each visit are in the pool, oldest first; the last is K.
        estimator: the table of the pool's size.
        drift: the bound on how far an answer's probability moves from one visit to the next; None if none was given.
        squared_drift: an unbiased estimate of Σ_z (ν(z) − ν_before(z))² between this visit and the one before; None at
            the first visit, or where forgetting left fewer than 2 completions of it.
    """

    rewards: Array
    advantages: Array
    sizes: tuple[int, ...]
    estimator: Estimator
    drift: float | None
    squared_drift: float | None

    @property
    def group_size(self) -> int:
        """N, the effective sample size: the completions in the pool. The scores are those of one group of N."""
        return sum(self.sizes)

    @property
    def worst_case_bias(self) -> float:
        """β at N, certified: the bound on the bias if the policy stood still over the pooled visits."""
        return self.estimator.certificate.worst_case_bias.upper

    @property
    def bias_bound(self) -> float:
        """`worst_case_bias` plus what the drift can add.

        Raises:
            ArgumentError: no drift was given and more than one visit is pooled, so that nothing can be promised.
        """
        if self.drift is None and len(self.sizes) > 1:
            raise ArgumentError(
                "`drift` is required for a bound over several visits, got None: pooled counts are those of one group "
                "only while the policy stands still; pass drift=0 if it does, or a bound on the change per visit"
            )
        return self.worst_case_bias + drift_bias(self.estimator.coefficients, _distances(self.sizes, self.drift or 0.0))


class PromptHistory:
    """Pools the groups of K that a prompt's visits bring, and pays them as one group.

    T visits of a policy that stands still are one group of K·T, whose bias is smaller: for aqp as 1/(K·T)². What is
    forgotten never depends on the answers, so that the pool stays a plain group. Two ways to forget, which combine:

    - `visits`: only the last T visits are kept;
    - `forgetting` γ: at every visit each older completion is kept with probability γ, independently. The pool is then
      smaller, but still a group of whole completions, certified by the table of its size; E[N] = K(1−γ^T)/(1−γ).

    With `drift`, a bound on |ν_s(z) − ν_{s+1}(z)| for all answers z and successive visits, each visit pools only as
    many visits as make `Pooled.bias_bound` least. Memory: at most `max_prompts` prompts (the least recently visited are
    dropped) of at most K·T answers each.

    Args:
        target, group_size, method, budget: as for `polyest.load`; tables of every pooled size have to exist. At most
            10,000 completions in a group.
        visits: T ≥ 1.
        forgetting: γ in (0, 1]; 1 keeps all.
        drift: in [0, 1], or None: pool everything, and promise nothing about a policy that moves.
        max_prompts: at least 1.
        seed: of the random numbers that forget.

    Source: theory.md §7; docs/convergence.md, section 5.

    >>> history = PromptHistory("log", 4, "harmonic", visits=2, drift=0.0)
    >>> _ = history.score("p", [1, 1, 2, 3])
    >>> pooled = history.score("p", [1, 2, 2, 2])
    >>> pooled.group_size, pooled.rewards.round(3).tolist()
    (8, [-1.093, -0.76, -0.76, -0.76])
    """

    def __init__(
        self,
        target: str | Target = "log",
        group_size: int = 16,
        method: str | None = None,
        *,
        visits: int = 4,
        forgetting: float = 1.0,
        drift: float | None = None,
        max_prompts: int = 10_000,
        seed: int = 0,
        **budget: Unpack[BudgetArguments],
    ) -> None:
        if whole_number("group_size", group_size, 2) > LARGEST_GROUP:
            raise ArgumentError(f"`group_size` must be at most {LARGEST_GROUP}, got {group_size}; pool smaller groups")
        problem = load(target, group_size, method, **budget).problem
        if problem.baseline is not None:
            raise ArgumentError(
                "`baseline` must be left out, got one: the pool is larger than the group the trainer centres"
            )
        self.target, self.group_size, self.method = problem.target, problem.group_size, method
        is_chosen = any(value is not None for value in budget.values())
        self.budget = _plain_budget(problem) if is_chosen else BudgetArguments()
        self.visits = whole_number("visits", visits, 1)
        self.forgetting = share("forgetting", forgetting, least_open=True)
        self.drift = None if drift is None else share("drift", drift)
        self.max_prompts = whole_number("max_prompts", max_prompts, 1)
        self._rng = np.random.default_rng(whole_number("seed", seed, 0))
        self._prompts: OrderedDict[Key, Visits] = OrderedDict()

    def score(self, prompt: Key, answers: Sequence[object]) -> Pooled:
        """Add one visit, and score its completions within the pool.

        Args:
            prompt: a string or an int.
            answers: K strings or ints; None is "no answer", which matches nothing.

        Returns:
            `Pooled`.

        Raises:
            ArgumentError: a wrong number of answers, or one of another type.
            TableNotFoundError: there is no table for the pool's size; nothing is remembered then.
        """
        key, group = plain_key(prompt), plain_answers(answers, self.group_size)
        before = self._thinned(self._prompts.get(key, []))
        pool = self._chosen([*before, group])
        estimator = self._estimator(sum(map(len, pool)))
        self._remember(key, [*before, group])
        flat = [answer for visit in pool for answer in visit]
        rewards, advantages = (
            score(_ids(flat))[-self.group_size :] for score in (estimator.rewards, estimator.advantages)
        )
        change = squared_drift(before[-1], group) if before and len(before[-1]) > 1 else None
        return Pooled(rewards, advantages, tuple(map(len, pool)), estimator, self.drift, change)

    def forget(self, prompt: Key) -> None:
        """Drop a prompt, if it is remembered."""
        self._prompts.pop(plain_key(prompt), None)

    def __len__(self) -> int:
        return len(self._prompts)

    def __contains__(self, prompt: Key) -> bool:
        return prompt in self._prompts

    def state(self) -> dict[str, object]:
        """Everything, as plain data that `json.dumps` writes and `restore` reads back exactly."""
        names = ("target", "group_size", "method", "visits", "forgetting", "drift", "max_prompts", "budget")
        settings = cast("Settings", {name: copy(getattr(self, name)) for name in names})
        return write_state(Saved(settings, self._digests(), self._prompts, dict(self._rng.bit_generator.state)))

    @classmethod
    def restore(cls, state: object) -> PromptHistory:
        """The accumulator that `state` describes: it goes on as if it had never been saved.

        Raises:
            ArgumentError: the state is not one that `PromptHistory.state` wrote, or a table that paid then is another
                one now.
            TableNotFoundError: a table that paid then is not here.
        """
        saved = read_state(state)
        given = cast("dict[str, Any]", dict(saved.settings))
        history = cls(**given.pop("budget"), **given)
        history._prompts = saved.prompts
        digests = history._digests()
        if saved.tables != digests:
            raise ArgumentError(
                f"`state` must be restored beside the tables that it was saved with; those of {history.target} for "
                f"groups of {', '.join(digests)} have other digests here; bring the tables along"
            )
        history._rng.bit_generator.state = saved.random
        return history

    def _digests(self) -> dict[str, str]:
        """Of the tables of one group and of what each prompt holds, by size."""
        sizes = {self.group_size, *(sum(map(len, visits)) for visits in self._prompts.values())}
        return {str(size): digest(self._estimator(size).table) for size in sorted(sizes)}

    def _thinned(self, visits: Visits) -> Visits:
        kept = visits[-(self.visits - 1) :] if self.visits > 1 else []
        if self.forgetting == 1:
            return list(kept)
        return [[z for z, u in zip(v, self._rng.random(len(v)), strict=True) if u < self.forgetting] for v in kept]

    def _chosen(self, visits: Visits) -> Visits:
        """As many of the last visits as make the bound least; all of them where no drift was given."""
        if not self.drift:
            return visits
        bounds = []
        for start in range(len(visits)):
            sizes = [len(visit) for visit in visits[start:]]
            table = self._estimator(sum(sizes))
            drifted = drift_bias(table.coefficients, _distances(sizes, self.drift))
            bounds.append(table.certificate.worst_case_bias.upper + drifted)
        return visits[int(np.argmin(bounds)) :]

    def _estimator(self, size: int) -> Estimator:
        return load(self.target, size, self.method, **self.budget)

    def _remember(self, key: Key, visits: Visits) -> None:
        self._prompts[key] = visits
        self._prompts.move_to_end(key)
        while len(self._prompts) > self.max_prompts:
            self._prompts.popitem(last=False)


def _distances(sizes: Sequence[int], drift: float) -> Array:
    """d_j for the N−1 others of a completion of the last visit."""
    ages = np.repeat(np.arange(len(sizes) - 1, -1, -1), sizes)[:-1]
    return np.asarray(np.minimum(ages * drift, 1.0), dtype=np.float64)


def _ids(answers: Sequence[object]) -> NDArray[np.int64]:
    """An id for every answer, and one of its own for each None."""
    known: dict[object, int] = {}
    ids = [-place - 1 if z is None else known.setdefault(z, len(known)) for place, z in enumerate(answers)]
    return np.array(ids, dtype=np.int64)


def _plain_budget(problem: Problem) -> BudgetArguments:
    """The budget as JSON keeps it exactly, and as `polyest.load` takes it."""
    if problem.budget is None:
        return {}
    kind, value = problem.budget.kind, problem.budget.value
    return cast("BudgetArguments", {kind: int(value) if kind == "groups" else decimal_text(value)})
