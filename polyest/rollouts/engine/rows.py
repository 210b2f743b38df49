"""All completions of a log as one table in DuckDB, in the order of files and rows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from polyest.rollouts.engine.arrays import as_arrow, as_numpy
from polyest.rollouts.engine.columns import Columns
from polyest.rollouts.engine.database import Database, literal
from polyest.rollouts.engine.recognised import ReadAs, Recognised

if TYPE_CHECKING:
    import pyarrow
    from duckdb import DuckDBPyConnection

    from polyest.rollouts.readers.source import Source

__all__ = ["LONG", "Rows"]

OF_LAYOUT = {  # keys and what is kept besides, of what a reader yields
    "split": "to_json(nullif(split, ''))::VARCHAR",
    "step": "step::VARCHAR",
    "prompt": "to_json(prompt)::VARCHAR",
    "answer": "answer",
    "correct": "correct::VARCHAR",
    "score": "score",
    "policy": "to_json(policy)::VARCHAR",
}
NUMBERS = ("score", "reference")
FEW = 1 << 12  # rows that say how long texts are
LONGEST = 60  # characters of a key in a message
LONG = 100  # characters of a text that is not sampled twice by chance
TEXT = f"CASE WHEN length(completion) >= {LONG} THEN hash(completion) END"


@dataclass
class Rows:
    """The table ``rows``, which grows by whole files.

    Its columns: ``file``, the number of the file; ``shift``, by which the number of a row in the table is ahead of that
    in its file, where blank lines are not counted; ``k0``, ``k1`` …, the keys; those of `Columns.sources`; and
    ``text``, a hash of the completion, where that is read, and long. All are texts of JSON but for ``text``, ``score``
    and ``reference``, which are numbers.

    Attributes:
        columns: what is asked for.
        is_run: whether files of several runs, in any layout, are read.
        files: names of the files.
        count: how many rows there are.
        names: the columns of the only file; none of a run.
        is_extracted: whether answers were found in completions' texts.
        absent: SQL for an answer that means none, besides null.
        own_keys: keys in their own types, by those that are texts of JSON, where there is a `view`.
        own: likewise what is kept of a view besides, by the names of `Columns.sources`, but for numbers.
        plain_files: those of one row per completion.
        recognised: what the files were taken for.
    """

    database: Database
    columns: Columns
    is_run: bool
    files: list[str] = field(default_factory=list)
    count: int = 0
    names: frozenset[str] = frozenset()
    is_extracted: bool = False
    absent: str = ""
    plain_files: list[Source] = field(default_factory=list)
    recognised: Recognised = field(default_factory=Recognised)

    def __post_init__(self) -> None:
        self.sources = self.columns.sources()
        self._key_sources = self.columns.keys(self.is_run)
        self.keys = {name: f"k{i}" for i, name in enumerate(self._key_sources)}
        self.own_keys: dict[str, str] = {}
        self.own: dict[str, str] = {}
        self._counted: dict[str, int] = {}
        self._length: float | None = None
        self._create()

    def _create(self) -> None:
        keys = [f"{key} VARCHAR" for key in self.keys.values()]
        kept = [f'"{name}" {"DOUBLE" if name in NUMBERS else "VARCHAR"}' for name in self.sources]
        self.connection.execute(
            f"CREATE TABLE rows (file INTEGER, shift BIGINT, {', '.join([*keys, *kept])}, text UBIGINT)"
        )

    @property
    def connection(self) -> DuckDBPyConnection:
        return self.database.connection

    @property
    def read(self) -> list[str]:
        """Columns of a file of one row per completion that are read, where they are there."""
        kept = [source for sources in self.sources.values() for source in sources]
        return [*dict.fromkeys(source for source in (*self._key_sources.values(), *kept) if source is not None)]

    @property
    def ids(self) -> list[str]:
        """Those that name a prompt, which every row has to have."""
        others = ("run", "split", self.columns.step)
        return [source for name, source in self._key_sources.items() if source is not None and name not in others]

    @property
    def read_as(self) -> ReadAs:
        """What the files were taken for."""
        return self.recognised.read_as(self.columns.roles(self.is_run, self.is_extracted))

    def add_file(self, name: str) -> None:
        """What is added from now on is in this file."""
        self.files.append(name)

    def add(self, relation: str, run: str, shift: str | None = None, text: str = "NULL") -> None:
        """Rows of one per completion, of a relation that has the columns `read` as JSON texts c0, c1 …."""
        keys = [
            literal(json.dumps(run)) if source is None else self._place(source) for source in self._key_sources.values()
        ]
        kept = [self._kept(name, sources) for name, sources in self.sources.items()]
        self._insert([shift or str(self.count), *keys, *kept, text], relation)

    def view(self, relation: str) -> None:
        """The rows of a single parquet file, which are read anew whenever they are needed; nothing is kept of them."""
        keys = [
            f"{self._place(str(source))} AS {key}"
            for key, source in zip(self.keys.values(), self._key_sources.values(), strict=True)
        ]
        own = [
            f"own{self.read.index(str(source))} AS {key}_own"
            for key, source in zip(self.keys.values(), self._key_sources.values(), strict=True)
        ]
        kept = [f'{self._kept(name, sources)} AS "{name}"' for name, sources in self.sources.items()]
        others = {name: sources[0] for name, sources in self.sources.items() if name not in NUMBERS}
        own += [f"own{self.read.index(source)} AS {name}_own" for name, source in others.items()]
        chosen = ", ".join(["file_row_number AS rowid", "0 AS file", "0 AS shift", *keys, *own, *kept, "NULL AS text"])
        self.connection.execute("DROP TABLE rows")
        self.connection.execute(f"CREATE VIEW rows AS SELECT {chosen} FROM {relation}")
        self.own_keys = {key: f"{key}_own" for key in self.keys.values()}
        self.own = {name: f"{name}_own" for name in others}

    def are_readable(self) -> bool:
        """Whether there are rows, each with its ids; DuckDB has an error if it cannot read one."""
        own = self.own_keys | self.own
        columns = {name: own.get(name, f'"{name}"') for name in (*self.keys.values(), *self.sources)}
        counts = ", ".join(f"count({column})" for column in columns.values())
        read = ", ".join(f"bit_xor(hash({column}))" for column in columns.values())  # counts may come of metadata
        chosen = f"count(*), {self._lengths}, {counts}, {read}"
        self.count, self._length, *known = self.connection.sql(f"SELECT {chosen} FROM rows").fetchall()[0]
        self._counted = dict(zip(columns, known, strict=False))
        return self.count > 0 and all(self._counted[key] == self.count for key in self._id_keys())

    @property
    def length(self) -> float:
        """Bytes of the texts in a row's keys, and of its answer where it is found: of the first rows, or of all."""
        if self._length is None:
            query = f"SELECT {self._lengths} FROM (SELECT * FROM rows LIMIT {FEW})"
            [(self._length,)] = self.connection.sql(query).fetchall()
        return self._length or 0.0

    @property
    def _lengths(self) -> str:
        own = [self.own_keys.get(key, key) for key in self.keys.values()] + ["answer"] * self.is_extracted
        texts = [f"avg(CASE WHEN typeof({name}) = 'VARCHAR' THEN strlen({name}::VARCHAR) END)" for name in own]
        return " + ".join(f"coalesce({mean}, 0)" for mean in texts)

    def unview(self) -> None:
        """An empty table in place of the view."""
        self.connection.execute("DROP VIEW IF EXISTS rows; DROP TABLE IF EXISTS rows")
        self.count, self.own_keys, self.own, self._counted, self._length = 0, {}, {}, {}, None
        self._create()

    def add_layout(self, batches: Iterable[pyarrow.RecordBatch], run: str) -> None:
        """Completions as readers yield them (`polyest.rollouts.readers.schema`)."""
        keys = [OF_LAYOUT.get(name, "NULL") if name != "run" else literal(json.dumps(run)) for name in self.keys]
        kept = [OF_LAYOUT.get(name, OF_LAYOUT.get(self.sources[name][0], "NULL")) for name in self.sources]
        for batch in batches:
            self.add_numbered(batch, ["shift", *keys, *kept])

    def add_numbered(self, batch: pyarrow.RecordBatch, chosen: Sequence[str] | None = None, run: str = "") -> None:
        """A batch with a column ``number``, of each row in its file; as `add` takes it, or as SQL that is `chosen`."""
        shift = np.arange(self.count, self.count + len(batch)) + 1 - as_numpy(batch.column("number"))
        self.connection.register("batch", batch.append_column("shift", as_arrow(shift)))
        text = TEXT if "completion" in batch.schema.names else "NULL"
        if chosen is None:
            self.add("batch", run, "shift", text)
        else:
            self._insert([*chosen, text], "batch")
        self.connection.unregister("batch")

    def undo(self, count: int) -> None:
        """Leave the first `count` rows."""
        kept = f"SELECT * FROM rows WHERE rowid < {count}"
        self.connection.execute(
            f"CREATE OR REPLACE TABLE rows AS {kept}"
        )  # numbers of deleted rows would not come again
        self.count = count

    def counts(self) -> list[int]:
        """How many rows each file has."""
        found = dict(self.connection.sql("SELECT file, count(*) FROM rows GROUP BY file").fetchall())
        return [found.get(i, 0) for i in range(len(self.files))]

    def check_files(self) -> None:
        """Whether files that are read more than once are what they were.

        Raises:
            ArgumentError: one is not.
        """
        for source in self.plain_files:
            source.check_same()

    def distinct(self, column: str, most: int) -> list[tuple[str, int]]:
        """The values of a column, so many at most, and how often each is there."""
        own = self.own.get(column, column)
        text = f"to_json({own})::VARCHAR" if column in self.own else column
        values = f"SELECT {own}, count(*) AS number FROM rows WHERE {own} IS NOT NULL GROUP BY 1 LIMIT {most}"
        found: list[tuple[str, int]] = self.connection.sql(f"SELECT {text}, number FROM ({values})").fetchall()
        return found

    def has(self, column: str) -> bool:
        """Whether some row has a value there."""
        if column in self._counted:
            return self._counted[column] > 0
        found = self.connection.execute(f'SELECT 1 FROM rows WHERE "{column}" IS NOT NULL LIMIT 1').fetchall()
        return bool(found)

    def drop_empty_keys(self) -> None:
        """Leave out keys that say nothing: steps and splits that no row has."""
        others = ("split", self.columns.step, self.columns.epoch)
        self.keys = {name: key for name, key in self.keys.items() if name not in others or self.has(key)}

    def without_ids(self, since: int) -> list[int]:
        """Up to two rows, of those added since, whose prompt has no id: no string and no integer."""
        found: set[int] = set()
        for key in self._id_keys():
            is_text = f"coalesce(starts_with({key}, '\"'), false)"
            wrong = f"NOT {is_text} AND coalesce({key} NOT SIMILAR TO '-?[0-9]+', true)"
            rows = self.connection.sql(f"SELECT rowid FROM rows WHERE rowid >= {since} AND {wrong} LIMIT 2").fetchall()
            found |= {int(row) for (row,) in rows}
        return sorted(found)[:2]

    def place(self, row: int) -> str:
        """Where a row stands, for messages."""
        file, shift = self.connection.sql(f"SELECT file, shift FROM rows WHERE rowid = {row}").fetchall()[0]
        number = int(row + 1 - shift)
        return f"{self.files[file]}, row {number}" if self.is_run else self.plain_files[file].place_of(number)

    def named(self, row: int) -> str:
        """The keys of a row, for messages: step 3, prompt_id 7; the run where there are several."""
        several = len({*map(os.path.dirname, self.files)}) > 1
        keys = {name: key for name, key in self.keys.items() if name != "run" or several}
        values = self.connection.sql(f"SELECT {', '.join(keys.values())} FROM rows WHERE rowid = {row}").fetchall()[0]
        texts = [str(text or "null") for text in values]
        cut = [text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in texts]
        return ", ".join(map(" ".join, zip(keys, cut, strict=True)))

    def _id_keys(self) -> list[str]:
        return [self.keys[name] for name, source in self._key_sources.items() if source in self.ids]

    def _place(self, source: str) -> str:
        return f"c{self.read.index(source)}"

    def _kept(self, name: str, sources: Sequence[str]) -> str:
        found = ", ".join(map(self._place, sources))
        text = f"coalesce({found})" if len(sources) > 1 else found
        return f"TRY_CAST({text} AS DOUBLE)" if name in NUMBERS else f"nullif({text}, 'NaN')"

    def _insert(self, chosen: Sequence[str], relation: str) -> None:
        added = self.connection.execute(
            f"INSERT INTO rows SELECT {len(self.files) - 1}, {', '.join(chosen)} FROM {relation}"
        ).fetchall()
        self.count += int(added[0][0])
