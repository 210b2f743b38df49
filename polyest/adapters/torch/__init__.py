"""Rewards, advantages and values on torch tensors.

Groups of equal size are scored on the device where they are by an `Estimator`, a module that `load` makes. Flat
completions with group ids, also of groups that are spread over processes, are scored by `rewards`, `advantages` and
`value`. Graded rewards are scored by a `GradedObjective`.

>>> import torch, polyest.adapters.torch
>>> estimator = polyest.adapters.torch.load("log", group_size=4, method="harmonic")
>>> estimator.rewards(torch.tensor([[3, 3, 3, 8]]))
tensor([[-0.3333, -0.3333, -0.3333, -1.8333]])

`estimator` counts with `matches` and pays by `tables`, as `graded` does; `ragged` reads `columns`, over a process group
by way of `gather`, and scores them on the host. `checks` refuses. For trainers that know groups by their order `batch`
brings the processes together, and `other_reward` calls another reward function;
`constants` are told to torch's compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from polyest.errors import MissingDependencyError
from polyest.problems.budget import BudgetArguments

try:
    import torch
except ImportError as error:
    raise MissingDependencyError.for_extra("torch", "torch", "polyest.adapters.torch") from error

from polyest import estimator as runtime
from polyest.adapters.torch.estimator import Estimator
from polyest.adapters.torch.graded import GradedObjective
from polyest.adapters.torch.ragged import advantages, rewards, value

if TYPE_CHECKING:
    from polyest.problems.targets import Target

__all__ = ["Estimator", "GradedObjective", "advantages", "load", "rewards", "value"]


def load(
    target: str | Target,
    group_size: int,
    method: str | None = None,
    *,
    baseline: str | None = None,
    padding_id: int | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
    **budget: Unpack[BudgetArguments],
) -> Estimator:
    """The estimator of a target for groups of K completions, as a module.

    Args:
        target, group_size, method, baseline, budget: as in `polyest.load`.
        padding_id: the id that marks an entry as padding; None if groups are always full.
        dtype: of the results, torch.float32 or torch.float64.
        device: where the tables are, and where the answers have to be.

    Returns:
        An `Estimator`.

    Raises:
        ArgumentError, TableNotFoundError: as `polyest.load` does.

    >>> load("log", 2, method="harmonic").coefficients
    tensor([-1.,  0.], dtype=torch.float64)
    """
    plain = runtime.load(target, group_size, method, baseline=baseline, **budget)
    module = Estimator(plain, padding_id, dtype)
    return module if device is None else module.to(device)
