"""`polyest verify`: prove the certificates of stored tables again."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from polyest.cli.named_function import Own
from polyest.cli.options import add_json_option, file_path, not_empty, print_json
from polyest.cli.parallel import parallel_map
from polyest.cli.progress import track
from polyest.errors import ArgumentError, TableFileError
from polyest.storage import store

__all__ = ["add_parser", "judge", "run"]

File = tuple[Path, Path | None]
TOGETHER = 4  # files that one process takes at a time: neighbours in group size share a part of the work


@dataclass(frozen=True)
class Verdict:
    """What came of one file.

    Attributes:
        path: as printed.
        kind: proved, failed, or refused: it is no table, cannot be read, or its function is not given.
        reasons: why it is not proved.
        not_proved: what the key of a proved table says and no proof covers.
    """

    path: str
    kind: str
    reasons: tuple[str, ...] = ()
    not_proved: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        lists = {"reasons": [*self.reasons], "not_proved": [*self.not_proved]}
        return {"path": self.path, "verdict": self.kind, **lists}


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = (
        "Prove stored tables again, from their coefficients: every claim, and every word of the key but those that the "
        "summary names. Exit code 1: a proof failed; 2: a file is no table, cannot be read, or needs --custom."
    )
    parser = verbs.add_parser("verify", help="prove the certificates again", description=description)
    parser.set_defaults(run=run, parser=parser)
    text = "files or folders (default: all shipped)"
    parser.add_argument("paths", nargs="*", type=file_path, metavar="PATH", help=text)
    text = "the function of a custom target, which no file brings along; repeat for several"
    parser.add_argument("--custom", action="append", default=[], type=not_empty, metavar="MODULE:FUNCTION", help=text)
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes; -1 for one per core (default: 1)")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    files, verdicts = _files(arguments.paths or [store.shipped_folder()])
    custom = tuple(map(Own, arguments.custom))
    for given in custom:
        given.load()
    shares = [files[i : i + TOGETHER] for i in range(0, len(files), TOGETHER)]
    with parallel_map(partial(_judge_all, custom=custom), shares, arguments.jobs) as outcomes:
        verdicts += track(chain.from_iterable(outcomes), "verify", len(files))
    order = {_shown(path): i for i, (path, _) in enumerate(files)}
    verdicts.sort(key=lambda verdict: order.get(verdict.path, len(files)))
    if arguments.json:
        print_json([verdict.as_json() for verdict in verdicts])
    else:
        _report(verdicts)
    kinds = {verdict.kind for verdict in verdicts}
    return 1 if "failed" in kinds else 2 if "refused" in kinds else 0


def _report(verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        for reason in verdict.reasons:
            print(f"{verdict.kind}: {verdict.path}: {reason}")
    unproved = Counter(text for verdict in verdicts for text in verdict.not_proved)
    for text, count in unproved.items():
        print(f"not proved, of {count} of the tables: {text}")
    counts = {kind: sum(kind == verdict.kind for verdict in verdicts) for kind in ("proved", "failed", "refused")}
    print(", ".join(f"{count} {kind}" for kind, count in counts.items() if count or kind == "proved"))


def _files(paths: Sequence[Path]) -> tuple[list[File], list[Verdict]]:
    """The files to judge, each with the folder that it was found in, and the folders that cannot be read."""
    files: dict[Path, Path | None] = {}
    refused: list[Verdict] = []
    for path in paths:
        if not (path.is_symlink() or path.exists()):
            raise ArgumentError(
                f"`PATH` must be a table file or a folder of them; there is no {path}{_shipped_instead(path)}"
            )
        found, unreadable = store.candidates(path) if path.is_dir() else ([path], [])
        if not found and not unreadable:
            raise ArgumentError(f"`PATH` must hold table files k<K>.json; {path} has none")
        files = {file: path for file in found if path.is_dir()} | dict.fromkeys(found) | files
        refused += [_refused(Path(error.filename), f"cannot be read: {error.strerror}") for error in unreadable]
    return list(files.items()), refused


def _shipped_instead(path: Path) -> str:
    """Where the shipped table or folder of this name is, which only a checkout has below the current folder."""
    shipped = store.shipped_folder().parent / path
    is_one = shipped.is_relative_to(store.shipped_folder()) and shipped.exists()
    return f"; the shipped one is {shipped}" if is_one else ""


def _judge_all(files: Sequence[File], custom: tuple[Own, ...]) -> list[Verdict]:
    return [judge(path, folder, custom) for path, folder in files]


def judge(path: Path, folder: Path | None, custom: tuple[Own, ...]) -> Verdict:
    """What comes of one file; `folder` is the one given on the command line that it was found in."""
    from polyest.certify import unproved, verify

    try:
        table = store.read(path)
        reasons = verify(table, [given.load() for given in custom])
        if not reasons and store.is_misplaced(path, table.problem, folder):
            reasons = [f"must hold the table that its place says; it holds that of {table.problem}"]
        not_proved = () if reasons else tuple(unproved(table))
    except (TableFileError, ArgumentError) as error:
        return _refused(path, str(error).removeprefix(f"{path}: "))
    except Exception as error:  # noqa: BLE001  (this file's verdict; the others go on)
        reasons, not_proved = [f"the proof broke off: {type(error).__name__}: {error}"], ()
    return Verdict(_shown(path), "failed" if reasons else "proved", tuple(reasons), not_proved)


def _refused(path: Path, reason: str) -> Verdict:
    return Verdict(_shown(path), "refused", (reason,))


def _shown(path: Path) -> str:
    """A path as text that can be printed, whatever its bytes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
