"""Ranks of gloo process groups, one after the other: run every case of `CASES` and write what they got as JSON.

Run by tests/adapters/torch/test_gather.py: python distributed_worker.py RANK FOLDER WORLD…; RANK 1 has all that follow
forked from it, as torch takes longer to be imported than all of this.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed

import polyest
import polyest.adapters.torch as adapter

UNSOLVED = {"method": "aqp", "bias_budget": 1.37}


@dataclass(frozen=True)
class Data:
    """All completions of a step, and which rank has each."""

    answers: list[Any]
    groups: list[Any]
    reference: list[float]
    owner: list[int]

    def part(self, rank: int) -> dict[str, list[Any]]:
        rows = self.rows(rank)
        columns = {"answers": self.answers, "groups": self.groups, "reference": self.reference}
        return {name: [column[row] for row in rows] for name, column in columns.items()}

    def rows(self, rank: int) -> list[int]:
        return [row for row, owner in enumerate(self.owner) if owner == rank]


def data(kind: str, world: int) -> Data:
    """Groups of 2 to 9 in random order, unevenly over the ranks; the last rank has nothing if `kind` says so."""
    draw = random.Random(kind)
    groups = [f"prompt {g}" for g in range(14) for _ in range(draw.randint(2, 9))]
    if "single" in kind:
        groups += ["alone"]
    draw.shuffle(groups)
    pool: list[Any] = list(range(-3, 4))
    if "string" in kind:
        pool = ["7", "a", "aa", "ä", "", "a\0", "x" * 300]
    if "mixed" in kind:
        pool = [7, "7", (7, "a"), (7, ("a",)), None, 2**70, 0.5, frozenset({1, 2}), b"7"]
    ranks = range(world - 1) if "none" in kind else range(world)
    return Data(
        [draw.choice(pool) for _ in groups],
        [int(g.split()[-1]) for g in groups] if "integer" in kind else groups,
        [draw.uniform(0.01, 1) for _ in groups],
        draw.choices(ranks, weights=[1, 4, 2][: len(ranks)], k=len(groups)),
    )


def tensors(part: dict[str, list[Any]]) -> dict[str, Any]:
    return {"answers": torch.tensor(part["answers"]), "groups": torch.tensor(part["groups"])}


def integers(rank: int, world: int) -> Any:
    return tensors(data("integer none", world).part(rank)) | {"target": "log", "method": "harmonic"}


def strings(rank: int, world: int) -> Any:
    part = data("string none", world).part(rank)
    del part["reference"]
    return part | {"target": "log", "method": "plug_in"}


def mixed(rank: int, world: int) -> Any:
    return data("mixed", world).part(rank) | {"target": "power(2)", "method": "plug_in", "no_answer_reward": -2.5}


def padded(rank: int, world: int) -> Any:
    return tensors(data("integer", world).part(rank)) | {"target": "log", "method": "harmonic", "padding_id": 3}


def lists_and_tensors(rank: int, world: int) -> Any:
    part = data("integer", world).part(rank)
    del part["reference"]
    return (tensors(part) if rank == 0 else part) | {"target": "log", "method": "harmonic"}


def weighted(rank: int, world: int) -> Any:
    """Weights in bfloat16, some completions lost."""
    part = tensors(data("integer", world).part(rank))
    return part | {"target": "log", "method": "harmonic", **weights_and_mask(part["answers"], part["groups"])}


def weights_and_mask(answers: torch.Tensor, groups: torch.Tensor) -> dict[str, torch.Tensor]:
    """What depends on the completion only, so that every process knows it."""
    return {"weights": ((3 * answers + groups) % 7 / 4 - 0.5).bfloat16(), "usable": (answers + groups) % 5 != 0}


def weights_on_one_rank(rank: int, world: int) -> Any:
    given = weighted(rank, world)
    return given | {"weights": None} if rank == 0 else given


def single(rank: int, world: int) -> Any:
    part = data("single string", world).part(rank)
    del part["reference"]
    return part | {"target": "log", "method": "harmonic"}


def surprise(p: Any, ctx: Any) -> Any:
    return p * ctx.log(p)


def own_target(rank: int, world: int) -> Any:
    """Made in each process: the same name, but another function object."""
    return integers(rank, world) | {"target": polyest.custom(surprise, growth=(1, 0)), "method": "plug_in"}


def floats_on_one_rank(rank: int, world: int) -> Any:
    given = padded(rank, world)
    return given | {"answers": given["answers"].double()} if rank == 1 else given


def targets_differ(rank: int, world: int) -> Any:
    return integers(rank, world) | ({"target": "power(1)", "method": "plug_in"} if rank == 1 else {})


def reference_on_one_rank(rank: int, world: int) -> Any:
    part = data("mixed", world).part(rank) | {"target": "log", "method": "harmonic"}
    return part | {"reference": None} if rank == 0 else part


def no_table(rank: int, world: int) -> Any:
    return integers(rank, world) | {"target": "log", **UNSOLVED}


def table_on_some_disks(rank: int, world: int) -> Any:
    """Every rank has the group, but only rank 0 has the table."""
    return {"answers": [1], "groups": ["one group"], "target": "log", "bias_budget": 1.43}


def option_unknown(rank: int, world: int) -> Any:
    return integers(rank, world) | {"colour": "blue"}


CASES: dict[str, Callable[[int, int], Any]] = {
    case.__name__: case
    for case in (
        integers, strings, mixed, padded, lists_and_tensors, weighted, single, own_target, weights_on_one_rank,
        floats_on_one_rank, targets_differ, reference_on_one_rank, no_table, table_on_some_disks, option_unknown,
    )
}  # fmt: skip


def outcome(function: Callable[..., Any], given: dict[str, Any], group: Any) -> Any:
    """The numbers a rank got, or its error, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(**given, dtype=torch.float64, process_group=group)
        except Exception as error:  # noqa: BLE001  (it is what the test looks at)
            return {"error": type(error).__name__, "message": str(error)}
    ids, numbers = result if isinstance(result, tuple) else (None, result)
    ids = ids.tolist() if isinstance(ids, torch.Tensor) else ids
    return {"numbers": numbers.tolist(), "ids": ids, "warnings": [str(warning.message) for warning in caught]}


def main(rank: int, world: int, folder: Path) -> None:
    meeting = f"file://{folder / f'meeting-{world}'}"
    distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=world, timeout=timedelta(seconds=120)
    )
    everyone, first = distributed.group.WORLD, distributed.new_group([0])
    outcomes = {
        f"{name} {function.__name__}": outcome(function, case(rank, world), everyone)
        for name, case in CASES.items()
        for function in (adapter.rewards, adapter.advantages, adapter.value)
    }
    whole = {"answers": [1, 1, 2], "groups": [0, 0, 0], "target": "log", "method": "harmonic"}
    outcomes["subgroup"] = outcome(adapter.rewards, whole, first)
    outcomes["the compiler is loaded"] = "torch._dynamo" in sys.modules
    outcomes["still in step"] = outcome(adapter.rewards, integers(rank, world), everyone)
    (folder / f"{world}-{rank}.json").write_text(json.dumps(outcomes))
    distributed.destroy_process_group()


def run(rank: int, worlds: list[int], folder: Path) -> None:
    """With a folder of tables of its own."""
    os.environ["POLYEST_COEFFS"] = str(folder / f"coeffs-{rank}")
    for world in worlds:
        if rank < world:
            main(rank, world, folder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    own, sizes = int(sys.argv[1]), [*map(int, sys.argv[3:])]
    others = range(2, max(sizes)) if own == 1 else ()
    fork = multiprocessing.get_context("fork")
    forks = [fork.Process(target=run, args=(rank, sizes, Path(sys.argv[2])), daemon=True) for rank in others]
    for process in forks:
        process.start()
    run(own, sizes, Path(sys.argv[2]))
    for process in forks:
        process.join()
    sys.exit(any(process.exitcode for process in forks))
