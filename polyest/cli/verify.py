"""`polyest verify`: prove the certificates of stored tables again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from polyest import store
from polyest.cli.options import add_json_option, print_json
from polyest.cli.own import Own
from polyest.cli.parallel import parallel_map
from polyest.cli.progress import track
from polyest.errors import ArgumentError, TableFileError

__all__ = ["add_parser", "run"]

Verdict = tuple[str, str, list[str]]


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    description = (
        "Prove the certificates of stored tables again. Exit code 1: a proof failed; 2: a file is no table, or needs "
        "--custom."
    )
    parser = verbs.add_parser("verify", help="prove the certificates again", description=description)
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: all shipped)")
    text = "the function of a custom target, which no file brings along; repeat for several"
    parser.add_argument("--custom", action="append", default=[], metavar="MODULE:FUNCTION", help=text)
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes; -1 for one per core (default: 1)")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    files = _files(arguments.paths or [store.shipped_folder()])
    custom = tuple(map(Own, arguments.custom))
    for given in custom:
        given.load()
    with parallel_map(partial(_judge, custom=custom), files, arguments.jobs) as outcomes:
        verdicts = list(track(outcomes, "verify", len(files)))
    order = {str(path): i for i, path in enumerate(files)}
    verdicts.sort(key=lambda verdict: order[verdict[0]])
    if arguments.json:
        print_json([dict(zip(("path", "verdict", "reasons"), verdict, strict=True)) for verdict in verdicts])
    else:
        _report(verdicts)
    kinds = {kind for _, kind, _ in verdicts}
    return 1 if "failed" in kinds else 2 if "refused" in kinds else 0


def _report(verdicts: Sequence[Verdict]) -> None:
    for path, kind, reasons in verdicts:
        for reason in reasons:
            print(f"{kind}: {path}: {reason}" if kind == "failed" else f"{kind}: {reason}")
    counts = {kind: sum(kind == other for _, other, _ in verdicts) for kind in ("proved", "failed", "refused")}
    print(", ".join(f"{count} {kind}" for kind, count in counts.items() if count or kind == "proved"))


def _files(paths: Sequence[Path]) -> list[Path]:
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise ArgumentError(f"`PATH` must be a table file or a folder of them; there is no {path}")
        found = list(store.paths(path)) if path.is_dir() else [path]
        if not found:
            raise ArgumentError(f"`PATH` must hold table files k<K>.json; {path} has none")
        files.update(dict.fromkeys(found))
    return list(files)


def _judge(path: Path, custom: tuple[Own, ...]) -> Verdict:
    """The path, its verdict (proved, failed, or refused: no table, or its function is not given), and the reasons."""
    from polyest.certify import verify

    try:
        reasons = verify(store.read(path), [given.load() for given in custom])
    except TableFileError as error:
        return str(path), "refused", [str(error)]
    except ArgumentError as error:
        return str(path), "refused", [f"{path}: {error}"]
    return str(path), "failed" if reasons else "proved", reasons
