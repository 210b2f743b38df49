"""Best and worst of n from fewer completions than n: no table is exact, those of the method graded say how far off.

They are solved offline (docs/graded.md §7): the least noise of all tables that estimate some objective within a given
share of the rewards' range of E[the greatest of n], and that count a constant added to all rewards once. The least of n
is minus the greatest of the negated rewards, so the same table, read from its other end, has the same proof for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from polyest.errors import ArgumentError, TableNotFoundError
from polyest.graded import tables
from polyest.graded.objective import Objective, too_small
from polyest.loading import load_table
from polyest.numbers.rationals import decimal_text
from polyest.online.lookup import read_only
from polyest.problems.budget import DEFAULT_WORST_CASE_BIAS, budget_value
from polyest.problems.problem import LARGEST_GROUP, Problem, make_problem, whole_number
from polyest.storage.store import solve_command

if TYPE_CHECKING:
    from polyest.graded.tables import Array, Pay
    from polyest.storage.table import Certificate, Table

__all__ = ["BeyondObjective", "beyond"]

_pay = lru_cache(maxsize=1024)(tables.pay_of)


@dataclass(frozen=True, repr=False)
class BeyondObjective(Objective):
    """E[the greatest (or least) of n rewards] from groups of K < n ≤ 2K, not exactly; made by `best_of` and `worst_of`.

    What `values` estimate, and the gradient of `rewards` and `advantages` belongs to, is another objective J_Q with
    |J_Q − J| ≤ `worst_case_bias` · (the range of the rewards), whatever the policy. In the ragged functions groups of n
    and more are scored exactly.

    Attributes:
        budget: β, the bias that the table was solved for.

    >>> from polyest.graded import best_of
    >>> best_of(12, group_size=8)
    BeyondObjective(best_of(12), group_size=8, not exact: worst_case_bias=0.05 of the rewards' range)
    """

    budget: Fraction = DEFAULT_WORST_CASE_BIAS

    def __reduce__(self) -> tuple[Any, ...]:
        """By its attributes: copies of the arrays could be written to."""
        return BeyondObjective, (self.name, self.weights, self.group_size, self.baseline, self.budget)

    def __repr__(self) -> str:
        size = "" if self.group_size is None else f", group_size={self.group_size}"
        baseline = "" if self.baseline is None else f", baseline={self.baseline!r}"
        bias = f"not exact: worst_case_bias={decimal_text(self.budget)} of the rewards' range"
        bias = "exact" if self.group_size and self._is_exact(self.baseline) else bias
        return f"BeyondObjective({self.name}{size}{baseline}, {bias})"

    @property
    def least_group_size(self) -> int:
        """The least K that there are tables for: n/2, and at least 2."""
        return max((len(self.weights) + 1) // 2, 2)

    @property
    def certificate(self) -> Certificate | None:
        """What is proved about the table that is paid; None where it is exact."""
        table = self._table(self.baseline)
        return None if table is None else table.certificate

    @property
    def worst_case_bias(self) -> float:
        """The proved upper end of sup |J_Q − J|, per range of the rewards; 0 where the table is exact."""
        return 0.0 if self.certificate is None else self.certificate.worst_case_bias.upper

    @cached_property
    def coefficients(self) -> Array:
        """c, shape (K,), read-only: the pay per unit of reward while 0..K−1 of the others have more."""
        return read_only([float(c) for c in self._fractions(self.baseline)])

    def at(self, group_size: int) -> BeyondObjective:
        """The same for another group size.

        Raises:
            ArgumentError: groups of that size are too small.
            TableNotFoundError: the table is not there; the message names the command that solves it.
        """
        K, least = whole_number("group_size", group_size, 2, LARGEST_GROUP), self.least_group_size
        if least > K:
            raise ArgumentError(
                f"`group_size` must be at least {least} for {self.name}, whatever bias is allowed; got {K}: beyond "
                "n = 2K the noise is hopeless; sample larger groups, or choose a smaller n"
            )
        sized = replace(self, group_size=K)
        sized._table(self.baseline)
        return sized

    def pay(self, kind: str) -> Pay:
        """What the gaps between sorted rewards pay; `kind` is rewards, advantages or values."""
        self._check(kind)
        baseline = None if kind == "values" else self.baseline
        return _pay(kind, self._fractions(baseline), baseline is not None)

    @property
    def _is_least(self) -> bool:
        """Whether it is the least of several."""
        return len(self.weights) > 1 and self.weights[0] == 1

    def _is_exact(self, baseline: str | None) -> bool:
        """Whether the groups are large enough for the exact table."""
        return len(self.weights) <= self._size - (baseline is not None)

    def _fractions(self, baseline: str | None) -> tuple[Fraction, ...]:
        """The table that is paid, as exact numbers."""
        table = self._table(baseline)
        if table is None:
            return tables.coefficients(self.weights, self._size, baseline)
        c = tuple(map(Fraction, table.coefficients[:: -1 if self._is_least else 1]))
        return c if baseline is None else tables.centring_proof(c, baseline)

    def _table(self, baseline: str | None) -> Table | None:
        """The stored table, with a baseline that of K−1; None where an exact one serves."""
        K, n = self._size, len(self.weights)
        if self._is_exact(baseline):
            return None
        if baseline is None or n == K:
            return _stored(self._problem(K if baseline is None else K - 1))
        inner = _stored(self._problem(K)).leave_one_out
        if inner is None:
            raise TableNotFoundError(
                f"`baseline` needs the table of K−1 = {K - 1}, and none keeps worst_case_bias="
                f"{decimal_text(self.budget)} for {self.name}; use a larger one, or .advantages without baseline"
            )
        return inner

    def _problem(self, group_size: int) -> Problem:
        return make_problem(f"best_of({len(self.weights)})", group_size, "graded", worst_case_bias=self.budget)


def _stored(problem: Problem) -> Table:
    try:
        return load_table(problem)
    except TableNotFoundError:
        raise TableNotFoundError(f"no table for {problem}; solve it with: {solve_command(problem)}") from None


def beyond(exact: Objective, group_size: int | None, worst_case_bias: Any = None) -> Objective:
    """See `polyest.graded.best_of`; `exact` is that, or worst_of, without a group size."""
    is_asked_for = worst_case_bias is not None
    beta = budget_value("worst_case_bias", worst_case_bias) if is_asked_for else DEFAULT_WORST_CASE_BIAS
    objective = BeyondObjective(exact.name, exact.weights, None, exact.baseline, beta)
    if group_size is None:
        return objective
    try:
        return objective.at(group_size)
    except (ArgumentError, TableNotFoundError) as error:
        if is_asked_for:
            raise
        K = whole_number("group_size", group_size, 2, LARGEST_GROUP)
        remedy = "" if isinstance(error, ArgumentError) else f", or a bias of {decimal_text(beta)} will do: {error}"
        raise too_small(exact, K, remedy) from None
