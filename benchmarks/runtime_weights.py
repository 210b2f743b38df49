"""What weights cost: every score with them against the same call without, in turns, in every form that there is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

import polyest
from benchmarks.rollout_groups import DIRICHLET, groups_of, race
from benchmarks.runtime_forms import mixed_ids
from polyest.online import backend

GROUP_SIZES = (4, 5, 7, 8, 10, 12, 16, 24, 32, 64, 128)
COMPILED_SIZES = {10, 12}  # compiling takes seconds for each score
SCORES = ("rewards", "advantages", "value")
FEW, BOUND = 10**4, 1.3
Form = tuple[str, Any, dict[str, Any], object]

__all__ = ["GROUP_SIZES", "report"]


class Batch:
    """Answers in groups of K, and in groups of K/4 to 7K/4 that lie together; weights; one in ten is not usable."""

    def __init__(self, completions: int, size: int) -> None:
        rng = np.random.default_rng(0)
        self.size, self.answers = size, groups_of(DIRICHLET, completions, size)
        self.weights, self.usable = rng.normal(size=self.answers.shape), rng.random(self.answers.shape) < 0.9
        least = max(2, size // 4)
        self.groups = mixed_ids(self.answers.size, least, 2 * size - least)

    def dense(self, module: Any, convert: Callable[[NDArray[Any]], Any]) -> Iterator[Form]:
        """The methods of an estimator, without `usable` and with."""
        est = module.load("log", self.size, "harmonic")
        answers, weights, usable = map(convert, (self.answers, self.weights, self.usable))
        for form, options in (("dense", {}), ("dense, usable", {"usable": usable})):
            for name in SCORES:
                yield form, partial(getattr(est, name), answers), options, weights

    def ragged(self, module: Any, convert: Callable[[NDArray[Any]], Any]) -> Iterator[Form]:
        """The functions of flat answers and group ids, likewise."""
        flat = (self.answers.ravel(), self.groups, self.weights.ravel(), self.usable.ravel())
        answers, groups, weights, usable = map(convert, flat)
        for form, options in (("ragged", {}), ("ragged, usable", {"usable": usable})):
            for name in SCORES:
                yield form, partial(getattr(module, name), answers, groups, "log", "harmonic"), options, weights


def report(completions: int, repeats: int, sizes: Sequence[int] = GROUP_SIZES) -> None:
    """A row for each form, engine, batch and K; where the ratio is above the bound, a mark."""
    print(f"\nns per completion without weights and with, in brackets the ratio (bound: {BOUND}; * is above)")
    print(f"{'':26}{'completions':>12}{'K':>5}" + "".join(f"{name:>24}" for name in SCORES))
    few = min(FEW, completions)
    for total in sorted({few, completions}):
        with engine(0):
            compare("numba", sizes, total, repeats, both_forms)
    with engine(1 << 62):
        compare("numpy", sizes, few, min(repeats, 4), both_forms)
    if find_spec("torch"):
        import torch

        import polyest.adapters.torch as in_torch

        torch.set_num_threads(1)
        compare("torch", sizes, few, repeats, lambda batch: batch.dense(in_torch, torch.from_numpy))
        compare("torch", sizes, few, 2, lambda batch: batch.ragged(in_torch, torch.from_numpy))
        few_sizes = sorted(COMPILED_SIZES & {*sizes})
        compare("compiled", few_sizes, few, repeats, lambda batch: compiled(batch.dense(in_torch, torch.from_numpy)))
    if find_spec("jax"):
        import jax.numpy as jnp

        import polyest.adapters.jax as in_jax

        compare("jax", sizes, few, repeats, lambda batch: blocking(batch.dense(in_jax, jnp.asarray)), narrow=True)


def keep(array: NDArray[Any]) -> NDArray[Any]:
    return array


def both_forms(batch: Batch) -> list[Form]:
    """Those of numpy arrays."""
    return [*batch.dense(polyest, keep), *batch.ragged(polyest, keep)]


def blocking(forms: Iterator[Form]) -> Iterator[Form]:
    """The same, each call waiting for its result."""
    for form, score, options, weights in forms:
        yield form, lambda score=score, **given: score(**given).block_until_ready(), options, weights


def compiled(forms: Iterator[Form]) -> Iterator[Form]:
    """The same as `torch.compile` makes them, each from scratch."""
    import torch

    for form, score, options, weights in forms:
        torch.compiler.reset()
        function = torch.compile(score.func, fullgraph=True, dynamic=False)
        yield form, partial(function, *score.args), options, weights


@contextmanager
def engine(work: int) -> Iterator[None]:
    """numba for every batch of at least this work, numpy for the others."""
    before = backend.COLD_WORK, backend.WARM_WORK
    backend.COLD_WORK = backend.WARM_WORK = work
    try:
        yield
    finally:
        backend.COLD_WORK, backend.WARM_WORK = before


def compare(
    name: str, sizes: Sequence[int], completions: int, repeats: int, forms: Callable[[Batch], Any], narrow: bool = False
) -> None:
    """The rows of one engine."""
    for size in sizes:
        batch = Batch(completions, size)
        if narrow:
            batch.answers = batch.answers.astype(np.int32)
        rows: dict[str, list[str]] = {}
        for form, score, options, weights in forms(batch):
            call = partial(score, **options)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # groups that are left with one completion
                plain, weighted = race([call, partial(call, weights=weights)], batch.answers.size, repeats)
            ratio = f"({weighted / plain:.2f}{'*' if weighted > BOUND * plain else ' '})"
            rows.setdefault(form, []).append(f"{plain:9.2f}{weighted:8.2f} {ratio}")
        for form, cells in rows.items():
            print(f"{f'{name}, {form}':26}{batch.answers.size:12,}{size:5}{''.join(cells)}", flush=True)
