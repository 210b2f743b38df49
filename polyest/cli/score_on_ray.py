"""`polyest score --engine ray`: tasks of Ray and a pipeline of Ray Data, of what `score_in_parts` has workers do.

Each file is a task, which returns blocks of rows and what is said about it; Ray Data shuffles the blocks by the hash of
the group into partitions, each of which is mapped in one call (one for each group would cost 270 to 630 µs).
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
    from ray import ObjectRef, ObjectRefGenerator
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


class OnRay:
    """A `Cluster` of Ray."""

    def __init__(self, ray: ModuleType, workers: int) -> None:
        self.ray, self.workers = ray, workers
        self.rows: Dataset

    def read(self, job: Job, named: Named) -> list[Report]:
        read = self.ray.remote(_read_file).options(num_returns="streaming", scheduling_strategy="SPREAD")
        given = self.ray.put(job), self.ray.put(named)
        streams: list[ObjectRefGenerator] = []
        under_way: list[ObjectRef] = []
        for file in range(len(named.files)):
            if len(under_way) == self.workers:
                _, under_way = self.ray.wait(under_way, fetch_local=False)
            streams.append(read.remote(*given, file))
            under_way.append(streams[-1].completed())
        files = [[*stream] for stream in streams]
        reports: list[Report] = self.ray.get([report for *_, report in files])
        self.rows = self.ray.data.from_arrow_refs([block for *blocks, _ in files for block in blocks])
        return reports

    def score(self, job: Job, plan: Plan, partitions: int) -> list[Part | Exception]:
        given = {"batch_format": "pyarrow", "fn_args": (partitions,), "zero_copy_batch": True}
        rows = self.rows.map_batches(_with_partition, batch_size=None, **given)
        groups = rows.groupby("partition", num_partitions=partitions)
        scored = groups.map_groups(_score_partition, batch_format="pyarrow", fn_args=(job, plan))
        came = {row["partition"]: row["part"] for row in track(scored.iter_rows(), "scoring", partitions)}
        return [pickle.loads(came[partition]) for partition in sorted(came)]


def _read_file(job: Job, named: Named, file: int) -> Iterator[pyarrow.Table | Report]:
    """Its rows in blocks, then what is said about it."""
    import pyarrow as pa

    report = Report()
    for block in read_file(job, named, file, report):
        yield pa.Table.from_batches([block])
    yield report


def _with_partition(block: pyarrow.Table, partitions: int) -> pyarrow.Table:
    import pyarrow as pa

    return block.append_column("partition", pa.array(block["hash"].to_numpy() % np.uint64(partitions), pa.int64()))


def _score_partition(table: pyarrow.Table, job: Job, plan: Plan) -> pyarrow.Table:
    import pyarrow as pa

    number = table["partition"][0].as_py()
    part = score_partition(table.drop_columns(["partition"]), job, plan, number)
    return pa.table({"partition": [number], "part": [pickle.dumps(part)]})
