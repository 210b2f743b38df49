"""What goes between a command and its workers: what each has to know, and what it says."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from polyest.cli.named_function import Own, chosen_target
from polyest.errors import ArgumentError
from polyest.rollouts.engine.canonical import Verdicts
from polyest.rollouts.engine.database import Database, bytes_of, opened
from polyest.rollouts.engine.log import Named
from polyest.rollouts.engine.partitions import Form
from polyest.rollouts.engine.recognised import Recognised
from polyest.rollouts.engine.scored import Found
from polyest.rollouts.notes import Oddities

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Cluster", "Job", "Part", "Plan", "Report"]


@dataclass(frozen=True)
class Job:
    """What every worker has to know.

    Attributes:
        arguments: of the command line; what is to be imported is named by `Own`.
        target: as it was given.
        scratch: where what has no room in memory goes, on this machine.
        folder: the current one, to which names of files belong.
        coefficients: where the user's tables are, if that is said.
    """

    arguments: argparse.Namespace
    target: str | Own
    scratch: Path
    folder: Path = field(default_factory=Path.cwd)
    coefficients: str | None = field(default_factory=partial(os.environ.get, "POLYEST_COEFFS"))

    @contextmanager
    def at_work(self) -> Iterator[Database]:
        """In a worker, a database for its work."""
        if self.coefficients is not None:
            os.environ["POLYEST_COEFFS"] = self.coefficients
        chosen_target(self.target, self.arguments.growth)
        tempfile.tempdir = str(self.scratch) if self.scratch.is_dir() else None
        os.chdir(self.folder)  # from one that may not be there any more
        with opened(bytes_of(self.arguments.memory), threads=1) as database:
            yield database


@dataclass
class Report:
    """What is said about a file besides its rows: see `Rows` and `Reader` for the names."""

    notes: list[str] = field(default_factory=list)
    unknown: dict[Path, ArgumentError] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    text: str | None = None
    has_answers: bool = False
    error: Exception | None = None
    count: int = 0
    is_plain: bool = False
    names: frozenset[str] = frozenset()
    recognised: Recognised = field(default_factory=Recognised)
    absent: str = ""
    own_keys: dict[str, str] = field(default_factory=dict)
    sentinels: dict[str, int] = field(default_factory=dict)
    witnesses: pyarrow.Table | None = None


@dataclass(frozen=True)
class Plan:
    """How partitions are scored, known once all files are read.

    Attributes:
        form: of the log.
        verdicts: what they mean; None for nothing.
        keys: in their own types, as SQL.
        out, values: the folders for rows and prompts.
    """

    form: Form
    verdicts: Verdicts | None
    keys: dict[str, str]
    out: Path | None
    values: Path | None


@dataclass(frozen=True, eq=False)
class Part:
    """What is known of a partition.

    Attributes:
        of_one: the first group of one completion, its place and its name.
    """

    found: Found
    verdicts: Counter[float]
    oddities: Oddities
    of_one: tuple[int, str] | None


class Cluster(Protocol):
    """What brings files to `read_file`, its rows together by their hash, and each partition to `score_partition`."""

    workers: int

    def read(self, job: Job, named: Named) -> list[Report]:
        """What is said about the files, in order."""
        ...

    def score(self, job: Job, plan: Plan, partitions: int) -> list[Part | Exception]:
        """All partitions of the rows that were read, of which there are so many, but for empty ones."""
        ...
