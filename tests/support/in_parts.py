"""A cluster that is this process: what is sent to workers is pickled, rows meet by their hash, nothing runs at once."""

from __future__ import annotations

import pickle
import tempfile
from typing import Any

import pyarrow as pa

from polyest.cli.job import Job, Part, Plan, Report
from polyest.cli.score_in_parts import read_file, score_partition
from polyest.rollouts.engine.log import Named


def sent(given: Any) -> Any:
    return pickle.loads(pickle.dumps(given))


class Here:
    """A `polyest.cli.job.Cluster`."""

    def __init__(self, workers: int = 2) -> None:
        self.workers = workers
        self.blocks: list[pa.RecordBatch] = []
        self.partitions: list[int] = []

    def read(self, job: Job, named: Named) -> list[Report]:
        reports, self.blocks = list[Report](), []
        for file in reversed(range(len(named.files))):  # in any order
            report = Report()
            self.blocks += read_file(sent(job), sent(named), file, report)
            reports.insert(0, sent(report))
        tempfile.tempdir = None  # which a worker sets
        return reports

    def score(self, job: Job, plan: Plan, partitions: int) -> list[Part | Exception]:
        table = pa.Table.from_batches(self.blocks)
        numbers = table["hash"].to_numpy() % partitions
        self.partitions = sorted({*numbers.tolist()})
        parts = [table.filter(pa.array(numbers == number)) for number in self.partitions]
        given = zip(parts, self.partitions, strict=True)
        found = [sent(score_partition(part, sent(job), sent(plan), number)) for part, number in given]
        tempfile.tempdir = None
        return found
