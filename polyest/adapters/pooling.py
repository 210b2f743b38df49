"""What a trainer pays for answers where prompts come back: pools of a prompt's visits, of which the last is paid."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import numpy as np

from polyest.errors import ArgumentError, shortened
from polyest.history.choice import Choice
from polyest.history.fingerprints import NO_ANSWER, fingerprints
from polyest.history.movement import Movement, Watch
from polyest.history.snapshot import read_snapshot, write_snapshot
from polyest.identity import rows_of_items
from polyest.online import grouping, scoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from polyest.adapters.pay import AnswerPay
    from polyest.history.pools import Pools
    from polyest.history.settings import PoolSettings
    from polyest.history.snapshot import Snapshot
    from polyest.problems.budget import BudgetArguments

    Array = NDArray[np.float64]
    Rows = NDArray[np.int64]

__all__ = ["PooledPay", "Visit", "prompt_keys"]

T = TypeVar("T")


@dataclass(frozen=True)
class Visit:
    """A batch's completions in the pools of their prompts; all arrays are those of the new ones, shape (N,)."""

    pools: Pools
    choice: Choice
    pay: AnswerPay

    def rewards(self) -> Array:
        """What `AnswerPay.rewards` pays them as members of their pools."""
        return self._paid("rewards", lambda factors, _: factors)

    def advantages(self) -> Array:
        """`rewards` less the exact leave-one-out baseline over the pool."""
        return self._paid("advantages", _centred)

    def _paid(self, kind: str, of_offset: Callable[[Array, Rows], Array]) -> Array:
        own, pay = self.pools.compared, self.pay
        is_counted = pay.count == "correct" and own.weights is not None
        answers = own.answers if own.weights is None else pay.counted(own.answers, own.weights)
        options = grouping.Options(
            kind,
            self.choice.target,
            no_answer_reward=0.0,
            weights=own.weights,
            matches=None if is_counted else own.matches,
        )
        job = grouping.ragged(self.choice.lookups, answers, own.owner, options)
        job = replace(job, extras=replace(job.extras, pay=self._no_answer_pay()))
        scores: Array = pay.scale * np.asarray(scoring.scores(job), np.float64)
        if own.weights is not None:
            scores += pay.offset * of_offset(own.weights, own.owner)
        return self.pools.paid(scores)

    def _no_answer_pay(self) -> Array:
        """Of each completion that is compared, by the table of its pool."""
        sizes = np.bincount(self.pools.compared.owner)
        pays = {n: self.pay.no_answer_pay(self.choice.estimator(n)) for n in {*sizes.tolist()} if n}
        return np.repeat([pays.get(n, 0.0) for n in sizes.tolist()], sizes)

    def statistics(self) -> dict[str, float]:
        """``pool_size`` on average over completions, the share of prompts ``seen`` before, ``squared_drift`` if any."""
        moved = Movement.of(self.pools).squared_drift
        return {
            "pool_size": float(np.average(self.pools.pooled, weights=self.pools.sizes[:, 0])),
            "seen": float(self.pools.seen.mean()),
        } | ({} if np.isnan(moved) else {"squared_drift": moved})


class Once(Protocol):
    """Does some work in the one process that remembers, and returns in every process what it returned there."""

    def __call__(self, work: Callable[[], T]) -> T: ...


def alone(work: Callable[[], T]) -> T:
    """`Once` for the only process."""
    return work()


class PooledPay:
    """Remembers what prompts were answered, and pays new completions as members of their prompt's pool.

    Args:
        pay: what is paid.
        settings: how much is remembered.
        once: where several processes see the same batches: which of them remembers, and how it tells the others.
    """

    def __init__(self, pay: AnswerPay, settings: PoolSettings, once: Once = alone) -> None:
        self.settings, self._pay, self._once, self._store = settings, pay, once, settings.store()
        self._watch = Watch(settings.drift, settings.section)
        self._choices: dict[str | None, Choice] = {}

    def choice(self, baseline: str | None = None) -> Choice:
        """The tables, as they are or made for a trainer that subtracts a mean (`polyest.load`)."""
        if baseline not in self._choices:
            pay = self._pay
            budget = cast("BudgetArguments", pay.budget)
            self._choices[baseline] = Choice(pay.target, pay.method, budget, self.settings.drift, baseline)
        return self._choices[baseline]

    def visit(self, keys: Rows, answers: Rows, factors: Array | None, baseline: str | None = None) -> Visit:
        """Pool a batch with what is remembered, and remember it.

        Args:
            keys: of prompts, fingerprints, shape (N,).
            answers: rows of `polyest.identity`, shape (N, 3).
            factors: of a product, shape (N,).
            baseline: see `choice`.
        """
        choice = self.choice(baseline)
        pools = self._once(lambda: self._remembered(choice, keys, fingerprints(answers), factors))
        return Visit(pools, choice, self._pay)

    def _remembered(self, choice: Choice, keys: Rows, codes: Rows, factors: Array | None) -> Pools:
        pools = choice.chosen(self._store.pools(keys, codes, factors))
        self._store.remember(pools)
        self._watch.note(pools)
        return pools

    def state_dict(self, before_last: bool = False) -> Snapshot:
        """See `polyest.history.TrainingHistory.state_dict`; or what it was before the last batch."""
        return write_snapshot(self._store, before_last)

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """See `polyest.history.TrainingHistory.load_state_dict`."""
        self._store.restore(read_snapshot(self._store, state))


def _centred(factors: Array, owner: Rows) -> Array:
    """Each less the mean of the others of its owner."""
    sizes = np.bincount(owner)[owner]
    return (sizes * factors - np.bincount(owner, factors)[owner]) / (sizes - 1)


def prompt_keys(prompts: Iterable[object], argument: str) -> Rows:
    """The fingerprints of prompts: ids of any hashable type, texts, or what JSON can write, such as messages.

    Raises:
        ArgumentError: one is None, or nothing of these.
    """
    keys = fingerprints(rows_of_items([_hashable(prompt, argument) for prompt in prompts], argument))
    if (keys == NO_ANSWER).any():
        raise ArgumentError(f"`{argument}` must name the prompt of every completion, got None; fill it")
    return keys


def _hashable(prompt: object, argument: str) -> object:
    value = prompt.tolist() if isinstance(prompt, np.ndarray) else prompt
    if not isinstance(value, list | dict):
        return value
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"`{argument}` must be ids, texts or messages, got {shortened(prompt)}; give every prompt an id"
        ) from None
