"""What a trainer pays for answers: a table, a sign and a weight, beside the trainer's own reward or times it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, ClassVar, SupportsIndex, TypeGuard

import numpy as np

from polyest.errors import ArgumentError, nearest, shortened
from polyest.identity import without
from polyest.polynomials.bernstein import target_values
from polyest.problems.budget import AqpArguments, refuse_others
from polyest.problems.targets import get_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.estimator import Estimator
    from polyest.online.answers import Answers
    from polyest.problems.budget import Exact
    from polyest.problems.targets import Target

    Array = NDArray[np.float64]

__all__ = ["AnswerPay", "PayArguments", "answer_pay", "check_choice", "check_positive", "is_finite"]

PROBABILITIES = np.concatenate([np.logspace(-30, -3, 109), np.linspace(0, 1, 1025)[1:]])  # where a factor is looked at


@dataclass(frozen=True, kw_only=True)
class AnswerPay:
    """What completion i is paid for its answer, which m_i others in its group of K gave too.

    - ``combine="add"``: weight · sign · c[m_i], beside the trainer's own reward R_i; `no_answer_reward` without an
      answer. The gradient is that of weight·sign·Φ_Q.
    - ``combine="multiply"``: R_i · (offset + weight · sign · c[m_i]), R_i ≥ 0, in place of R_i. Its expected gradient
      is E[R(y)·(offset + weight·sign·Q_c(p))·∇log π(y)], exactly, also where R differs between completions of one
      answer (theory.md §9). R = 0 pays 0, whatever the answer; without an answer it is R_i · `no_answer_reward`.

    What cannot be meant by a product is refused. R < 0 would make the bonus of a rare answer a penalty for rare
    mistakes, and an offset + weight·sign·r(p) below 0 somewhere would pay a success less than a failure: let failures
    earn 0, pay penalties by a reward of their own, and raise `offset`. (A table may go slightly below 0 where r ends
    there: it is unbiased, hence not always on the side of its target.)

    Attributes:
        target, method, noise_budget, bias_budget, groups: as in `polyest.load`.
        sign: −1 pays for diversity, +1 for consistency; for a product with r ≥ 0, such as power(2), +1.
        weight: positive.
        no_answer_reward: by default the least that the table pays: weight · min_m(sign · c[m]), plus `offset`.
        combine: ``"add"`` or ``"multiply"``.
        offset: of the factor in a product.
        count: in a product, ``"all"`` or ``"correct"``: others with R_j = 0 match nothing, so that p is the
            probability of the answer *and* a reward above 0 (not the share among the successes, a quotient that no
            table estimates).
        SECTION: what stands before an argument's name in errors.
    """

    SECTION: ClassVar[str] = ""

    target: str | Target = "log"
    sign: int = -1
    weight: float = 1.0
    method: str | None = None
    noise_budget: Exact | None = None
    bias_budget: Exact | None = None
    groups: SupportsIndex | None = None
    no_answer_reward: float | None = None
    combine: str = "add"
    offset: float = 0.0
    count: str = "all"

    def __post_init__(self) -> None:
        if self.sign not in (-1, 1):
            raise ArgumentError(
                f"`{self.SECTION}sign` must be -1 (diversity) or 1 (consistency), got {shortened(self.sign)}"
            )
        check_positive(f"{self.SECTION}weight", self.weight)
        if self.no_answer_reward is not None:
            self.check_finite("no_answer_reward", self.no_answer_reward)
        self.check_finite("offset", self.offset)
        check_choice(f"{self.SECTION}combine", self.combine, ("add", "multiply"))
        check_choice(f"{self.SECTION}count", self.count, ("all", "correct"))
        if self.multiplies:
            self._check_factor()
        elif self.offset or self.count != "all":
            raise ArgumentError(
                f"`{self.SECTION}offset` and `{self.SECTION}count` belong to a product, got {self.offset} and "
                f"{self.count!r} with combine='add'; leave them out, or set combine='multiply'"
            )

    def check_finite(self, name: str, value: object) -> None:
        if not is_finite(value):
            raise ArgumentError(f"`{self.SECTION}{name}` must be a finite number, got {shortened(value)}; leave it out")

    @property
    def multiplies(self) -> bool:
        """Whether the trainer's reward is a factor."""
        return self.combine == "multiply"

    @property
    def scale(self) -> float:
        """sign · weight."""
        return self.sign * self.weight

    @property
    def budget(self) -> AqpArguments:
        """As `polyest.load` takes it."""
        return {"noise_budget": self.noise_budget, "bias_budget": self.bias_budget, "groups": self.groups}

    def no_answer_pay(self, estimator: Estimator) -> float:
        """What a completion without an answer is paid, in units of the table."""
        if self.no_answer_reward is not None:
            return (self.no_answer_reward - self.offset) / self.scale
        return self.sign * float((self.sign * estimator.coefficients).min())

    def rewards(self, estimator: Estimator, answers: Answers, successes: Array | None = None) -> Array:
        """The pay of every completion, shape (..., K); `successes` are the factors R of a product, of that shape."""
        pay = self.no_answer_pay(estimator)
        if successes is None:
            return np.asarray(self.scale * estimator.rewards(answers, no_answer_reward=pay))
        counted = self.counted(answers, successes)
        paid = self.scale * estimator.rewards(counted, no_answer_reward=pay, weights=successes)
        return np.asarray(paid + self.offset * successes)

    def advantages(self, estimator: Estimator, answers: Answers, successes: Array | None = None) -> Array:
        """`rewards` less the exact leave-one-out baseline (theory.md §5 and §9)."""
        pay = self.no_answer_pay(estimator)
        if successes is None:
            return np.asarray(self.scale * estimator.advantages(answers, no_answer_reward=pay))
        counted = self.counted(answers, successes)
        paid = self.scale * estimator.advantages(counted, no_answer_reward=pay, weights=successes)
        K = successes.shape[-1]
        return np.asarray(paid + self.offset * (K * successes - successes.sum(axis=-1, keepdims=True)) / (K - 1))

    def counted(self, answers: Answers, successes: Array) -> Answers:
        """The answers that match each other; those missing have negative codes.

        Raises:
            ArgumentError: a negative factor.
        """
        if successes.size and successes.min() < 0:
            raise ArgumentError(
                f"`{self.SECTION}combine` 'multiply' needs rewards of at least 0, got {successes.min():g}: times a "
                "bonus for rare answers that is a penalty for rare mistakes; let failures earn 0, and pay penalties by "
                "a reward of their own, or use combine='add'"
            )
        return without(answers, successes == 0) if self.count == "correct" else answers

    def _check_factor(self) -> None:
        """Refuse a factor of the trainer's reward that is negative for some p."""
        target = get_target(self.target)
        target.require()
        with np.errstate(all="ignore"):
            factor = self.offset + self.scale * target_values(target, PROBABILITIES)
        lowest = int(np.argmin(factor))
        if not factor[lowest] >= -1e-9 * self.weight:
            raise ArgumentError(
                f"`{self.SECTION}offset` must make the factor offset + weight·sign·r(p) at least 0 for combine="
                f"'multiply', got {factor[lowest]:.4g} at p = {PROBABILITIES[lowest]:.4g} with {target} and "
                f"sign={self.sign}: successes would earn less than failures; raise it, or change `{self.SECTION}sign`"
            )


class PayArguments(AqpArguments, total=False):
    """The attributes of `AnswerPay` as keyword arguments."""

    target: str | Target
    sign: int
    weight: float
    method: str | None
    no_answer_reward: float | None
    combine: str
    offset: float
    count: str


def answer_pay(arguments: PayArguments) -> AnswerPay:
    """What the keyword arguments of an adapter say.

    Raises:
        ArgumentError: one is unknown, or outside its domain.
    """
    refuse_others(arguments, PayArguments.__annotations__)
    return AnswerPay(**arguments)


def check_positive(name: str, value: object, remedy: str = "its sign is `sign`") -> None:
    if not (is_finite(value) and value > 0):
        raise ArgumentError(f"`{name}` must be positive and finite, got {shortened(value)}; {remedy}")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ArgumentError(
            f"`{name}` must be one of {', '.join(choices)}; got {shortened(value)}{nearest(str(value), choices)}"
        )


def is_finite(value: object) -> TypeGuard[float]:
    """Whether it is a finite real number."""
    try:
        return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    except OverflowError:
        return False
