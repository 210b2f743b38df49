"""`polyest score --engine ray`: a pipeline of Ray Data, of what `score_in_parts` has workers do.

Files are mapped to blocks of rows, and what is said about them goes to an actor beside; a shuffle by the hash of the
group makes partitions, each of which is mapped in one call (one for each group would cost 270 to 630 µs).
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from polyest.cli.cluster import connected
from polyest.cli.job import Job, Part, Plan, Report
from polyest.cli.progress import track
from polyest.cli.score_in_parts import read_file, score_partition
from polyest.errors import ArgumentError

if TYPE_CHECKING:
    import pyarrow
    from ray.actor import ActorHandle
    from ray.data import Dataset

    from polyest.rollouts.engine.log import Named

__all__ = ["on_ray"]


@contextmanager
def on_ray(jobs: int | None, address: str | None) -> Iterator[OnRay]:
    """Workers of the cluster at the address, or of one that is started here.

    Raises:
        ArgumentError: there is none, or its workers cannot do the work.
    """
    with connected(-1 if jobs is None else jobs, address) as (ray, workers):
        from ray import data

        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.resource_limits = data.ExecutionResources(cpu=workers)
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors are raised as well
        try:
            yield OnRay(ray, workers)
        except ray.exceptions.RayTaskError as error:
            if not isinstance(error.cause, ImportError | MemoryError):
                raise error.cause from error
            raise _unfit(error.cause) from error
        except ray.exceptions.RayError as error:
            raise _unfit(error) from error


def _unfit(error: Exception) -> ArgumentError:
    reason = str(error).strip().partition("\n")[0]
    return ArgumentError(
        "`--engine ray` must have workers with the same polyest and extras as here, and room for --memory each; got "
        f"{type(error).__name__}: {reason}; install them there, or give fewer --jobs"
    )


class Reports:
    """Those of all files, gathered in a process of their own."""

    def __init__(self) -> None:
        self.found: dict[int, Report] = {}

    def add(self, file: int, report: Report) -> None:
        self.found[file] = report

    def all(self) -> list[Report]:
        """In the order of the files."""
        return [self.found[file] for file in sorted(self.found)]


class OnRay:
    """A `Cluster` of Ray."""

    def __init__(self, ray: ModuleType, workers: int) -> None:
        self.ray, self.workers = ray, workers
        self.rows: Dataset

    def read(self, job: Job, named: Named) -> list[Report]:
        reports = self.ray.remote(num_cpus=0)(Reports).remote()
        files = self.ray.data.from_items([*range(len(named.files))], override_num_blocks=len(named.files))
        given = {"batch_format": "pyarrow", "fn_args": (job, named, reports), "zero_copy_batch": True}
        self.rows = files.map_batches(_read_files, batch_size=1, **given).materialize()
        found: list[Report] = self.ray.get(reports.all.remote())
        return found

    def score(self, job: Job, plan: Plan, partitions: int) -> list[Part | Exception]:
        given = {"batch_format": "pyarrow", "fn_args": (partitions,), "zero_copy_batch": True}
        rows = self.rows.map_batches(_with_partition, batch_size=None, **given)
        groups = rows.groupby("partition", num_partitions=partitions)
        scored = groups.map_groups(_score_partition, batch_format="pyarrow", fn_args=(job, plan))
        came = {row["partition"]: row["part"] for row in track(scored.iter_rows(), "scoring", partitions)}
        return [pickle.loads(came[partition]) for partition in sorted(came)]


def _read_files(batch: pyarrow.Table, job: Job, named: Named, reports: ActorHandle) -> Iterator[pyarrow.Table]:
    import pyarrow as pa
    import ray

    for file in batch["item"].to_pylist():
        report = Report()
        for block in read_file(job, named, file, report):
            yield pa.Table.from_batches([block])
        ray.get(reports.add.remote(file, report))


def _with_partition(block: pyarrow.Table, partitions: int) -> pyarrow.Table:
    import pyarrow as pa

    return block.append_column("partition", pa.array(block["hash"].to_numpy() % np.uint64(partitions), pa.int64()))


def _score_partition(table: pyarrow.Table, job: Job, plan: Plan) -> pyarrow.Table:
    import pyarrow as pa

    number = table["partition"][0].as_py()
    part = score_partition(table.drop_columns(["partition"]), job, plan, number)
    return pa.table({"partition": [number], "part": [pickle.dumps(part)]})
