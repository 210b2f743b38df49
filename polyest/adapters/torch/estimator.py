"""The torch module that scores groups of equal size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor

from polyest import estimator as runtime
from polyest.adapters.lookup import ArrayFunctions, check_names, check_padding_id, check_shape, matrices
from polyest.adapters.torch.checks import check_device, check_dtype, check_reference, check_usable, check_weights
from polyest.adapters.torch.matches import Groups, check_ids, read_groups
from polyest.adapters.torch.tables import Tables, arrays, finite
from polyest.errors import ArgumentError
from polyest.problems.problem import Problem
from polyest.problems.targets import get_target

__all__ = ["Estimator"]

FUNCTIONS = ArrayFunctions(torch.log, torch.exp, torch.sqrt)
DERIVED = ("weighted_tables",)  # from the tables in the state


class Given(TypedDict, total=False):
    """What completions have besides answers; see `Estimator.rewards`."""

    weights: Tensor | None
    usable: Tensor | None


class Estimator(torch.nn.Module):
    """A table that scores groups of K completions, as a module; made by `load`.

    Every method takes `answers` of shape (..., K), a tensor of integer (or bool) ids on the module's device, and
    returns a tensor on that device. Nothing waits for the device, no shape depends on data, and
    ``torch.compile(fullgraph=True)`` works. No gradient flows through any result.

    The tables are buffers: they follow ``.to(device)`` and are saved by ``state_dict``; loading another table than the
    module's own is refused. They stay float64 whatever the module is cast to (float32 on MPS, which has no float64),
    and numbers are computed in that precision and rounded once to `dtype`, which is float32 or float64: ``.double()``
    changes it, while ``.half()``, ``.bfloat16()`` and autocast leave float32.

    Entries equal to `padding_id` are no completions: their score is NaN, they match nothing, and a group that has
    n < K completions left is scored with the table of n. Where nothing can be scored (n < 2, or a size without a table,
    which a warning names when the module is made) the score is NaN. Entries that are not `usable` are padding too; the
    first call with `usable` loads the tables of 2..K−1 completions, if the module has no `padding_id`.

    Attributes:
        padding_id: the id that marks an entry as padding, or None.
        dtype: of the results.

    >>> from polyest.adapters.torch import load
    >>> estimator = load("log", 3, method="harmonic", padding_id=-1)
    >>> estimator(torch.tensor([[5, 5, 8], [5, 5, -1]]))
    tensor([[-0.5000, -0.5000, -1.5000],
            [ 0.0000,  0.0000,     nan]])
    """

    reward_table: Tensor

    def __init__(
        self, estimator: runtime.Estimator, padding_id: int | None = None, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.dtype = check_dtype(dtype)
        self.padding_id = check_padding_id(padding_id)
        self._estimator = estimator
        self._arrays = arrays(matrices(estimator, padded=padding_id is not None))
        self._formula = get_target(estimator.problem.target).formula
        self._grown: dict[torch.device, Tables] = {}
        for name in Tables._fields:
            self.register_buffer(name, None, persistent=name not in DERIVED)
        self._place(None)

    @property
    def problem(self) -> Problem:
        """What is estimated, and how: target, group_size, method, budget, baseline."""
        return self._estimator.problem

    @property
    def coefficients(self) -> Tensor:
        """c, shape (K,): the reward at 0..K−1 matches."""
        return self.reward_table[-1]

    @property
    def leave_one_out_coefficients(self) -> Tensor:
        """c', shape (K−1,): what the others are paid without the completion itself (theory.md §5)."""
        others, table = self._estimator.leave_one_out_coefficients, self.reward_table
        return torch.tensor(others.tolist(), dtype=table.dtype, device=table.device)

    def forward(self, answers: Tensor, reference: Tensor | None = None, **given: Unpack[Given]) -> Tensor:
        """`rewards`."""
        return self.rewards(answers, reference, **given)

    def rewards(self, answers: Tensor, reference: Tensor | None = None, **given: Unpack[Given]) -> Tensor:
        """The reward of every completion: c[m_i] − r(q_i), m_i the number of others with the same answer.

        Args:
            answers: ids of any integer dtype, shape (..., K).
            reference: q, shape (..., K): the probability that a reference gives each completion's answer; adds −r(q).
                Where q is outside [0, 1] or r(q) is not finite, the score is NaN.
            weights: w, shape (..., K), real numbers of any dtype: what the whole reward of each completion is
                multiplied by. They and their sums are float64 (float32 on MPS), so that weights in bfloat16 or float16
                cost nothing but their own rounding. A NaN or ±inf makes the reward NaN, and the advantages and the
                value of its group.
            usable: booleans, shape (..., K): False for a completion that was lost for a reason that does not depend on
                its answer (a crash, a lost worker); see `polyest.load(...).rewards`.

        Returns:
            Tensor of the answers' shape.

        Raises:
            ArgumentError: a wrong last dimension, ids that are not integers, or tensors on different devices.

        Source: theory.md §2, §9.
        """
        tables, groups, weights = self._read(answers, given)
        return self._finish(self._rewards(tables, groups, reference, weights), groups)

    def advantages(self, answers: Tensor, reference: Tensor | None = None, **given: Unpack[Given]) -> Tensor:
        """Rewards minus the exact leave-one-out baseline: w_i c[m_i] − 1/(K−1) Σ_{j≠i} w_j c'[m_j − 1{z_j = z_i}].

        The weights w are 1 where none are given. The reference's part of a reward has the mean of the others' as its
        baseline. Arguments, returns and errors are those of `rewards`; an estimator loaded with ``baseline=`` has no
        advantages. Without weights, permuting a group permutes its advantages to the bit; with weights, to a few units
        in the last place of float64.

        Source: theory.md §5, §9.

        >>> from polyest.adapters.torch import load
        >>> load("log", 3, method="harmonic").advantages(torch.tensor([5, 5, 8]))
        tensor([ 0.5000,  0.5000, -1.5000])
        """
        tables, groups, w = self._read(answers, given)
        if tables.advantage_table is None:
            _ = self._estimator.leave_one_out_coefficients  # raises the reason why there are no advantages
        pay = tables.advantages(groups) if w is None else tables.weighted_advantages(groups, w)
        if reference is not None:
            r = self._reference(reference, groups)
            r = r if w is None else w * r
            pay = pay - (r - (groups.sum(r) - r) / (groups.sizes - 1))
        return self._finish(pay, groups)

    def value(self, answers: Tensor, reference: Tensor | None = None, **given: Unpack[Given]) -> Tensor:
        """The mean reward of every group, shape (...,): for ``log``, minus the entropy of the answers in nats.

        Arguments and errors are those of `rewards`.

        Source: theory.md §6.

        >>> from polyest.adapters.torch import load
        >>> load("log", 2, method="plug_in").value(torch.tensor([[1, 1], [1, 2]]))
        tensor([ 0.0000, -0.6931])
        """
        tables, groups, weights = self._read(answers, given)
        if weights is not None:
            value = groups.sum(self._rewards(tables, groups, reference, weights)) / groups.sizes
        else:
            value = tables.value(groups)
            if reference is not None:
                value = value - groups.sum(self._reference(reference, groups)) / groups.sizes
        return value.squeeze(-1).to(self.dtype)

    def extra_repr(self) -> str:
        return f"{self.problem}, dtype={self.dtype}"

    def _read(self, answers: Tensor, given: Given) -> tuple[Tables, Groups, Tensor | None]:
        """What pays, who is paid, and the weights."""
        check_names(given, Given.__annotations__)
        weights, usable = given.get("weights"), given.get("usable")
        check_ids(answers)
        check_device("answers", answers, self.reward_table)
        check_shape(self._estimator, answers.shape)
        if self.reward_table.dtype.itemsize < 4:
            raise ArgumentError(
                f"`reward_table` must be float32 or wider, got {self.reward_table.dtype}: something other than .to() "
                "cast the module's buffers; leave this module out of mixed precision for buffers"
            )
        if usable is not None:
            check_usable(usable, answers)
        own = usable is None or self.padding_id is not None
        tables: Tables = self._tables() if own else self._all_sizes()
        groups = read_groups(answers, self.padding_id, usable)
        return tables, groups, None if weights is None else self._weights(weights, groups)

    def _tables(self) -> Tables:
        return Tables(*[getattr(self, name) for name in Tables._fields])

    def _all_sizes(self) -> Tables:
        """The tables of 2..K completions, for a module without padding; no part of its state."""
        if torch.compiler.is_compiling():
            from polyest.adapters.torch.constants import constant

            made: Tables = constant(self, Estimator._grow)
            return made
        return self._grow()

    def _grow(self) -> Tables:
        device = self.reward_table.device
        if device not in self._grown:
            self._grown[device] = Tables.place(arrays(matrices(self._estimator, padded=True)), device)
        return self._grown[device]

    def _rewards(self, tables: Tables, groups: Groups, reference: Tensor | None, weights: Tensor | None) -> Tensor:
        pay = tables.rewards(groups)
        if reference is not None:
            pay = pay - self._reference(reference, groups)
        return pay if weights is None else finite(pay.mul_(weights))

    def _reference(self, reference: Tensor, groups: Groups) -> Tensor:
        """r(q_i), NaN where q is no probability, 0 where there is no completion."""
        check_reference(reference, groups.ids)
        q = reference.detach().to(self.reward_table.dtype)
        r: Tensor = self._formula(q, FUNCTIONS)
        r = torch.where((q >= 0) & (q <= 1) & torch.isfinite(r), r, torch.nan)
        return r if groups.valid is None else torch.where(groups.valid, r, 0.0)

    def _weights(self, weights: Tensor, groups: Groups) -> Tensor:
        """w_i, 0 where there is no completion."""
        check_weights(weights, groups.ids)
        w = weights.detach().to(self.reward_table.dtype)
        return w if groups.valid is None else torch.where(groups.valid, w, 0.0)

    def _finish(self, pay: Tensor, groups: Groups) -> Tensor:
        return (pay if groups.valid is None else torch.where(groups.valid, pay, torch.nan)).to(self.dtype)

    def _place(self, device: torch.device | None) -> None:
        """Make the buffers anew on a device."""
        tables = Tables.place(self._arrays, torch.empty(0, device=device).device)
        for name, tensor in tables._asdict().items():
            setattr(self, name, tensor)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Estimator:
        """What ``.to``, ``.cuda``, ``.double`` … call: the tables change device only, and are never rounded."""
        asked = fn(torch.empty(0, dtype=self.dtype, device=self.reward_table.device))
        self.dtype = torch.float64 if asked.dtype == torch.float64 else torch.float32
        if asked.device != self.reward_table.device:
            self._place(asked.device)
        return self

    def __getstate__(self) -> dict[str, object]:
        """Everything but the formula, which pickle cannot take, and what is made when it is needed."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_formula", "_grown")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._formula, self._grown = get_target(self.problem.target).formula, {}

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Refuse another table than the module's own, even if it was rounded to another dtype."""
        for name, array in self._arrays.items():
            stored = state_dict.get(prefix + name)
            if stored is not None and not _rounds_to(torch.from_numpy(array), stored):
                rest[-1].append(f"{prefix}{name} is another table than that of {self.problem}; load its estimator")
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._place(self.reward_table.device)


def _rounds_to(exact: Tensor, stored: Tensor) -> bool:
    return torch.equal(torch.nan_to_num(exact.to(stored.dtype)), torch.nan_to_num(stored.detach().cpu()))
