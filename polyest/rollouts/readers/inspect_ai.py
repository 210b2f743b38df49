"""Inspect's logs: ``*.eval``, a zip file of ``samples/{id}_epoch_{n}.json`` packed with zstandard, or one JSON file.

prompt: ``id`` of the sample, its epochs the completions; completion: ``output.completion``; answer: ``answer`` of the
first scorer, which extracted it; correct: its ``value``, "C", "I", "P" (partly), "N" (no answer) or a number; a sample
with an ``error`` is a completion that was lost. Not known: a step. Policy: the model's name.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from polyest.errors import ArgumentError
from polyest.rollouts.jsonl import parse
from polyest.rollouts.parquet import unpacked_bytes
from polyest.rollouts.readers.messages import items, nested, number, string
from polyest.rollouts.readers.row import Row, typed_answer
from polyest.rollouts.readers.source import Json, Record, Source, as_text

NAME = "inspect"

ZIP = b"PK\x03\x04"
ZSTANDARD = 93  # a method of zip files that zipfile reads from Python 3.14 on
LOCAL_HEADER = 30
LARGEST_SAMPLE = 256 << 20
VERDICTS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}


def sniff(source: Source) -> bool:
    if source.path.suffix == ".eval" and source.start.startswith(ZIP):
        return True
    return source.path.suffix == ".json" and {"eval", "samples"} <= source.columns


def rows(source: Source) -> Iterator[Row]:
    for number_, sample in enumerate(_samples(source), 1):
        scored = next(iter(_scores(sample).values()), None)
        error = nested(sample, "error", "message") or nested(sample, "error")
        yield Row(
            number_,
            as_text(sample.get("id")),
            string(nested(sample, "output", "completion")),
            typed_answer(nested(scored, "answer")),
            correct=_verdict(nested(scored, "value")),
            policy=string(nested(sample, "output", "model")),
            failed=string(error),
        )


def _scores(sample: Record) -> Record:
    scores = sample.get("scores")
    return scores if isinstance(scores, dict) else {}


def _verdict(value: Json) -> float | None:
    return VERDICTS.get(value) if isinstance(value, str) else number(value)


def _samples(source: Source) -> Iterator[Record]:
    if not source.start.startswith(ZIP):
        yield from (sample for sample in items(source.first.get("samples")) if isinstance(sample, dict))
        return
    try:
        with zipfile.ZipFile(source.path) as archive, source.path.open("rb") as stream:
            for info in archive.infolist():
                if info.filename.startswith("samples/") and info.filename.endswith(".json"):
                    yield parse(_member(stream, info), f"{source.path}, {info.filename}")[1]
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise ArgumentError(f"{source.path}: must be a whole zip file; got {error}; copy it again") from None


def _member(stream: BinaryIO, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > LARGEST_SAMPLE:
        raise ArgumentError(f"{info.filename}: a sample must have at most {LARGEST_SAMPLE >> 20} MiB")
    stream.seek(info.header_offset)
    header = stream.read(LOCAL_HEADER)
    stream.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    packed = stream.read(info.compress_size)
    if info.compress_type == ZSTANDARD:
        return unpacked_bytes(packed, "zstd", info.file_size)
    return (
        packed
        if info.compress_type == zipfile.ZIP_STORED
        else zlib.decompressobj(-15).decompress(packed, info.file_size)
    )
