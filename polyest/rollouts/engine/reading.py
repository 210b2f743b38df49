"""From files of any layout to the table of their completions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polyest.errors import ArgumentError
from polyest.rollouts import readers
from polyest.rollouts.engine import plain, slow
from polyest.rollouts.engine.as_lines import as_lines
from polyest.rollouts.engine.recognised import OWN
from polyest.rollouts.engine.rows import Rows
from polyest.rollouts.readers.messages import completion_text
from polyest.rollouts.readers.row import typed_answer
from polyest.rollouts.readers.source import TORN, Source

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Batches", "Extract", "Reader"]

Extract = Callable[[Sequence["str | None"]], "list[Hashable | None]"]
Batches = Callable[[Path], "Iterator[pyarrow.RecordBatch]"]


@dataclass
class Reader:
    """Puts files into the table.

    Attributes:
        rows: the table.
        layout: a name of `readers.NAMES`, or a reader of one's own, for every file; None to find out.
        extract: what finds answers in completions' texts; None takes those of the log.
        report: is told what is worth knowing and no reason to stop.
        lost: why completions were lost, and how many.
        unknown: files that are left out, each with what is wrong with it.
        text: a completion in which an answer was to be found, if one was not empty.
        has_answers: whether the log has answers besides, which `extract` passes over.
    """

    rows: Rows
    layout: str | Batches | None = None
    extract: Extract | None = None
    report: Callable[[str], None] = lambda note: None
    lost: Counter[str] = field(default_factory=Counter)
    unknown: dict[Path, ArgumentError] = field(default_factory=dict)
    text: str | None = None
    has_answers: bool = False

    def read(self, run: str, path: Path, name: str, is_asked_for: bool) -> None:
        """One file, called `name` in messages; if it is not asked for by itself it may be in no known layout.

        Raises:
            ArgumentError: it is damaged, in no known layout, or lacks a column.
        """
        source = Source(path, self.report, name)
        if callable(self.layout):
            self.rows.add_file(name)
            self.rows.recognised.add(OWN)
            self.rows.add_layout(self._finished(_own(self.layout, path)), run)
            return
        try:
            source = as_lines(source, self.rows.database, [*self.rows.ids, self.rows.columns.answer])
            layout = self._layout(source)
        except ArgumentError as error:
            if is_asked_for:
                raise
            self.unknown[path] = error
            return
        self.rows.add_file(name)
        self.rows.names = frozenset() if self.rows.is_run else source.columns
        self.rows.recognised.add(layout.NAME, source.columns if layout.NAME == "plain" else ())
        if layout.NAME != "plain":
            self.rows.add_layout(self._finished(readers.batches(layout.rows(source))), run)
            return
        self.rows.plain_files.append(source)
        if self.extract is None:
            self._plain(source, run)
        else:
            for batch in self._records(source, [self.rows.columns.completion]):
                self.rows.add_numbered(self._answered(batch), run=run)

    def _layout(self, source: Source) -> readers.Layout:
        if isinstance(self.layout, str):
            return self._named(self.layout, source)
        prompts = self.rows.columns.prompts or ()
        if self.rows.is_run and not prompts:
            return readers.layout_of(source)
        for name in prompts if self.rows.is_run else ():
            slow.check_present(source, name)  # beside logs there are other files
        return readers.named("plain")

    def _named(self, name: str, source: Source) -> readers.Layout:
        """What was asked for, also where the file does not look like it, which is told."""
        layout, like = readers.named(name), ""
        if name != "plain" and not layout.sniff(source):
            with suppress(ArgumentError):
                like = f", but like {readers.layout_of(source).NAME}"
            self.report(f"{source.name} is read as {name}, as --format says, and does not look like it{like}")
        return layout

    def _plain(self, source: Source, run: str) -> None:
        """Through DuckDB, or where it refuses, row by row."""
        before, asked = self.rows.count, self.rows.columns.asked
        unusual = plain.unusual(source, self.rows.read)
        if source.is_parquet and not self.rows.is_run and not unusual and self._viewed(source):
            return
        if not unusual.keys() & asked:
            for lenient in (False, True):
                if (not lenient or source.is_torn) and self._taken(source, run, unusual, lenient):
                    return
                self.rows.undo(before)
        for batch in self._records(source):
            self.rows.add_numbered(batch, run=run)

    def _viewed(self, source: Source) -> bool:
        """Whether all rows of a parquet file can be left where they are."""
        import duckdb

        if not plain.are_ids(source, self.rows.ids):
            return False
        try:
            self.rows.view(plain.relation(source, self.rows.read, {}))
            if self.rows.are_readable():
                return True
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            pass  # the next way of reading names the row, or takes it
        self.rows.unview()
        return False

    def _taken(self, source: Source, run: str, unusual: Mapping[str, str], lenient: bool) -> bool:
        """Whether DuckDB has read all rows, each with its ids; if bad lines are null, all but a torn last one.

        It may have read lines that were added meanwhile.
        """
        import duckdb

        rows, before = self.rows, self.rows.count
        try:
            rows.add(plain.relation(source, rows.read, unusual, lenient), run)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            return False
        if source.has_changed:
            return False
        wrong = rows.without_ids(before)
        if lenient and wrong == [rows.count - 1]:
            rows.undo(rows.count - 1)
            self.report(f"{source.name}: {TORN}")
            wrong = []
        return rows.count > before and not wrong

    def _records(self, source: Source, more: Sequence[str] = ()) -> Iterator[pyarrow.RecordBatch]:
        reference, names = self.rows.columns.reference, [*dict.fromkeys([*self.rows.read, *more])]
        required = [*self.rows.ids, *([reference] if reference else [])]
        return slow.records(source, self.rows.ids, required, names, self.rows.columns.asked)

    def _answered(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """With the answers that are found in the completions, which are JSON, in place of its own."""
        text = self.rows.columns.completion
        place = f"c{[*dict.fromkeys([*self.rows.read, text])].index(text)}"
        texts = [completion_text(json.loads(text)) if text else None for text in batch.column(place).to_pylist()]
        batch = batch.append_column("completion", batch.column(place))
        return self._with_answers(batch, f"c{self.rows.read.index(self.rows.columns.answer)}", texts)

    def _with_answers(self, batch: pyarrow.RecordBatch, name: str, texts: Sequence[str | None]) -> pyarrow.RecordBatch:
        import pyarrow as pa

        assert self.extract is not None
        self.text = self.text or next(filter(None, texts), None)
        self.has_answers = self.has_answers or batch.column(name).null_count < len(batch)
        answers = pa.array([typed_answer(answer) for answer in self.extract(texts)], pa.string())
        return batch.set_column(batch.schema.get_field_index(name), name, answers)

    def _finished(self, batches: Iterable[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        """Without completions that were lost, and with their answers found, if that is asked for."""
        from pyarrow import compute

        for batch in batches:
            failed = batch.column("failed")
            self.lost.update(reason for reason in failed.to_pylist() if reason is not None)
            kept = batch.filter(compute.is_null(failed)) if failed.null_count < len(failed) else batch
            if self.extract is not None:
                kept = self._with_answers(kept, "answer", kept.column("completion").to_pylist())
            yield kept


def _own(function: Batches, path: Path) -> Iterator[pyarrow.RecordBatch]:
    """What a reader of one's own yields, with all columns of `readers.schema`.

    Raises:
        ArgumentError: it yields no batches, or none with prompts, or columns of other types.
    """
    import numpy as np
    import pyarrow as pa

    schema, count = readers.schema(), 0
    for batch in function(path):
        if not isinstance(batch, pa.RecordBatch) or "prompt" not in batch.schema.names:
            raise ArgumentError(
                f"`--format` must be a function that yields pyarrow.RecordBatch with a column 'prompt'; got "
                f"{type(batch).__name__} from {path}"
            )
        given = {name: batch.column(name) for name in batch.schema.names}
        given.setdefault("number", pa.array(np.arange(count, count + len(batch)) + 1))
        count += len(batch)
        try:
            arrays = [given[f.name].cast(f.type) if f.name in given else pa.nulls(len(batch), f.type) for f in schema]
        except pa.ArrowException as error:
            raise ArgumentError(f"`--format` must yield columns of the types of {schema}; got {error}") from None
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
