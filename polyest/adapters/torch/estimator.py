"""The torch module that scores groups of equal size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from polyest import estimator as runtime
from polyest.adapters.lookup import Functions, Matrices, check_padding_id, check_shape, matrices
from polyest.adapters.torch.matches import Groups, check_ids, read_groups
from polyest.errors import ArgumentError
from polyest.problems.problem import Problem
from polyest.problems.targets import get_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Estimator", "check_dtype"]

FUNCTIONS = Functions(torch)
BUFFERS = ("reward_table", "advantage_table", "shares", "share_scales", "weights", "weight_scales")


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
    which a warning names when the module is made) the score is NaN.

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
    advantage_table: Tensor | None

    def __init__(
        self, estimator: runtime.Estimator, padding_id: int | None = None, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.dtype = check_dtype(dtype)
        self.padding_id = check_padding_id(padding_id)
        self._estimator = estimator
        self._arrays = _arrays(matrices(estimator, padded=padding_id is not None))
        self._formula = get_target(estimator.problem.target).formula
        for name in BUFFERS:
            self.register_buffer(name, None)
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

    def forward(self, answers: Tensor, reference: Tensor | None = None) -> Tensor:
        """`rewards`."""
        return self.rewards(answers, reference)

    def rewards(self, answers: Tensor, reference: Tensor | None = None) -> Tensor:
        """The reward of every completion: c[m_i] − r(q_i), m_i the number of others with the same answer.

        Args:
            answers: ids of any integer dtype, shape (..., K).
            reference: q, shape (..., K): the probability that a reference gives each completion's answer; adds −r(q).
                Where q is outside [0, 1] or r(q) is not finite, the score is NaN.

        Returns:
            Tensor of the answers' shape.

        Raises:
            ArgumentError: a wrong last dimension, ids that are not integers, or tensors on different devices.

        Source: theory.md §2.
        """
        groups = self._read(answers)
        pay = _look_up(self.reward_table, groups)
        if reference is not None:
            pay = pay - self._reference(reference, answers, groups)
        return self._finish(pay, groups)

    def advantages(self, answers: Tensor, reference: Tensor | None = None) -> Tensor:
        """Rewards minus the exact leave-one-out baseline: A_i = c[m_i] − 1/(K−1) Σ_{j≠i} c'[m_j − 1{z_j = z_i}].

        The reference's part of a reward has the mean of the others' as its baseline. Arguments, returns and errors are
        those of `rewards`; an estimator loaded with ``baseline=`` has no advantages.

        Source: theory.md §5.

        >>> from polyest.adapters.torch import load
        >>> load("log", 3, method="harmonic").advantages(torch.tensor([5, 5, 8]))
        tensor([ 0.5000,  0.5000, -1.5000])
        """
        table, groups = self._advantage_table(), self._read(answers)
        others = groups.sizes - 1
        pay = _look_up(table, groups) - self._total("weight", groups) / others
        if reference is not None:
            r = self._reference(reference, answers, groups)
            pay = pay - (r - (_sum(r, groups) - r) / others)
        return self._finish(pay, groups)

    def value(self, answers: Tensor, reference: Tensor | None = None) -> Tensor:
        """The mean reward of every group, shape (...,): for ``log``, minus the entropy of the answers in nats.

        Arguments and errors are those of `rewards`.

        Source: theory.md §6.

        >>> from polyest.adapters.torch import load
        >>> load("log", 2, method="plug_in").value(torch.tensor([[1, 1], [1, 2]]))
        tensor([ 0.0000, -0.6931])
        """
        groups = self._read(answers)
        value = self._total("share", groups) / groups.sizes
        if reference is not None:
            value = value - _sum(self._reference(reference, answers, groups), groups) / groups.sizes
        return value.squeeze(-1).to(self.dtype)

    def extra_repr(self) -> str:
        return f"{self.problem}, dtype={self.dtype}"

    def _read(self, answers: Tensor) -> Groups:
        check_ids(answers)
        self._check_device("answers", answers)
        check_shape(self._estimator, answers.shape)
        if self.reward_table.dtype.itemsize < 4:
            raise ArgumentError(
                f"`reward_table` must be float32 or wider, got {self.reward_table.dtype}: something other than .to() "
                "cast the module's buffers; leave this module out of mixed precision for buffers"
            )
        return read_groups(answers, self.padding_id)

    def _reference(self, reference: Any, answers: Tensor, groups: Groups) -> Tensor:
        """r(q_i), NaN where q is no probability, 0 where there is no completion."""
        if not isinstance(reference, Tensor) or not reference.dtype.is_floating_point:
            came = reference.dtype if isinstance(reference, Tensor) else type(reference).__name__
            raise ArgumentError(
                f"`reference` must be a floating-point tensor of probabilities, got {came}; use .float()"
            )
        if reference.shape != answers.shape:
            raise ArgumentError(
                f"`reference` must have the answers' shape {tuple(answers.shape)}, got {tuple(reference.shape)}; "
                "give one probability for each completion"
            )
        self._check_device("reference", reference)
        q = reference.detach().to(self.reward_table.dtype)
        r: Tensor = self._formula(q, FUNCTIONS)
        r = torch.where((q >= 0) & (q <= 1) & torch.isfinite(r), r, torch.nan)
        return r if groups.valid is None else torch.where(groups.valid, r, 0.0)

    def _finish(self, pay: Tensor, groups: Groups) -> Tensor:
        return (pay if groups.valid is None else torch.where(groups.valid, pay, torch.nan)).to(self.dtype)

    def _check_device(self, argument: str, tensor: Tensor) -> None:
        if tensor.device != self.reward_table.device:
            raise ArgumentError(
                f"`{argument}` must be on the module's device {self.reward_table.device}, got {tensor.device}; "
                "move one of them with .to(device)"
            )

    def _advantage_table(self) -> Tensor:
        if self.advantage_table is None:
            _ = self._estimator.leave_one_out_coefficients  # raises the reason why there are no advantages
            raise AssertionError(self.problem)
        return self.advantage_table

    def _total(self, name: str, groups: Groups) -> Tensor:
        """The exact sum of fixed-point numbers over each group, shape (..., 1), rounded once."""
        exact = _sum(_look_up(getattr(self, f"{name}s"), groups), groups)
        scales: Tensor = getattr(self, f"{name}_scales")
        return exact.to(scales.dtype) * scales[groups.sizes if groups.valid is not None else 0]

    def _place(self, device: torch.device | None) -> None:
        """Make the buffers anew on a device."""
        device = torch.empty(0, device=device).device
        wide = torch.float32 if device.type == "mps" else torch.float64
        for name, array in self._arrays.items():
            dtype = torch.int64 if array.dtype.kind == "i" else wide
            setattr(self, name, torch.tensor(array, dtype=dtype, device=device))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Estimator:
        """What ``.to``, ``.cuda``, ``.double`` … call: the tables change device only, and are never rounded."""
        asked = fn(torch.empty(0, dtype=self.dtype, device=self.reward_table.device))
        self.dtype = torch.float64 if asked.dtype == torch.float64 else torch.float32
        if asked.device != self.reward_table.device:
            self._place(asked.device)
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the formula, which pickle cannot take."""
        return {name: value for name, value in self.__dict__.items() if name != "_formula"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._formula = get_target(self.problem.target).formula

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Refuse another table than the module's own, even if it was rounded to another dtype."""
        for name, array in self._arrays.items():
            stored = state_dict.get(prefix + name)
            if stored is not None and not _rounds_to(torch.from_numpy(array), stored):
                rest[-1].append(f"{prefix}{name} is another table than that of {self.problem}; load its estimator")
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._place(self.reward_table.device)


def check_dtype(dtype: torch.dtype) -> torch.dtype:
    """A dtype of results: float32 or float64."""
    if dtype not in (torch.float32, torch.float64):
        raise ArgumentError(f"`dtype` must be torch.float32 or torch.float64, got {dtype}; cast the results instead")
    return dtype


def _arrays(tables: Matrices) -> dict[str, NDArray[Any]]:
    """The buffers of a module; those for advantages only if there are advantages."""
    arrays: dict[str, NDArray[Any]] = {"reward_table": tables.rewards}
    arrays |= {"shares": tables.shares.integers, "share_scales": tables.shares.scales}
    if tables.advantages is not None and tables.weights is not None:
        arrays |= {"advantage_table": tables.advantages}
        arrays |= {"weights": tables.weights.integers, "weight_scales": tables.weights.scales}
    return arrays


def _look_up(table: Tensor, groups: Groups) -> Tensor:
    return table.reshape(-1)[groups.cells]


def _sum(values: Tensor, groups: Groups) -> Tensor:
    """The sum over each group's completions, shape (..., 1)."""
    return (values if groups.valid is None else torch.where(groups.valid, values, 0)).sum(-1, keepdim=True)


def _rounds_to(exact: Tensor, stored: Tensor) -> bool:
    return torch.equal(torch.nan_to_num(exact.to(stored.dtype)), torch.nan_to_num(stored.detach().cpu()))
