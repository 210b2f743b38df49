"""What a folder or a pattern names and cannot be read is told, and is an error where it is all there is."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from score_support import write_lines

from polyest.errors import ArgumentError
from polyest.rollouts.engine.columns import Columns
from polyest.rollouts.engine.log import finish, named_files
from polyest.rollouts.engine.reading import Reader
from polyest.rollouts.readers import Source, layout_of
from polyest.rollouts.readers.source import UnreadableError
from polyest.rollouts.runs import Unread, files_of

DENIED, NOWHERE = "Permission denied", "a link that leads nowhere"
ROWS = [{"prompt_id": "p", "answer": answer} for answer in "aab"]


@pytest.fixture
def mixed(tmp_path: Path, permissions: None) -> Path:
    """Two logs, one of them in a folder below."""
    folder = tmp_path / "mixed"
    (folder / "sub").mkdir(parents=True)
    write_lines(folder / "a.jsonl", ROWS)
    write_lines(folder / "sub" / "b.jsonl", ROWS)
    return folder


def link_elsewhere(path: Path) -> None:
    (path.parent.parent / "other").mkdir()
    path.symlink_to(path.parent.parent / "other")


@pytest.mark.parametrize(
    ("spoil", "name", "reason"),
    [
        (lambda path: path.chmod(0), "sub", DENIED),
        (lambda path: path.chmod(0o444), "sub/b.jsonl", DENIED),  # can be listed, and no more
        (lambda path: (path / "c.jsonl").symlink_to("nowhere"), "sub/c.jsonl", NOWHERE),
        (lambda path: (path / "c.jsonl").symlink_to("c.jsonl"), "sub/c.jsonl", "Too many levels of symbolic links"),
        (lambda path: os.mkfifo(path / "c.jsonl"), "sub/c.jsonl", "a pipe or a device"),
        (lambda path: link_elsewhere(path.parent / "c"), "c", "a link to another folder, which is not followed"),
    ],
)
def test_what_is_left_out_of_a_folder_has_a_reason(
    spoil: Callable[[Path], object], name: str, reason: str, mixed: Path
) -> None:
    spoil(mixed / "sub")
    unread: Unread = {}
    files = [path for _, path, _ in files_of([str(mixed)], unread)]
    assert mixed / "a.jsonl" in files
    assert {path: error.reason for path, error in unread.items()} == {mixed / name: reason}
    assert named_files([str(mixed)], Columns(), None, is_extracted=False).unread.keys() == unread.keys()
    assert str(pickle.loads(pickle.dumps(unread[mixed / name]))) == str(
        unread[mixed / name]
    )  # on its way from a worker


def test_links_within_a_folder_lead_to_nothing_new(mixed: Path) -> None:
    (mixed / "last").symlink_to("sub")
    (mixed / "c.jsonl").symlink_to("a.jsonl")
    (mixed / "c.txt").symlink_to("nowhere")
    files = files_of([str(mixed)], unread := Unread())
    assert [path.name for _, path, _ in files] == ["a.jsonl", "b.jsonl"]
    assert not unread


@pytest.mark.parametrize("pattern", ["mixed/**", "mixed/**/*.jsonl", "**/a.jsonl", "mix*/*.jsonl"])
def test_a_pattern_tells_of_the_folders_that_it_leads_through(
    pattern: str, mixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mixed.parent)
    (mixed / "sub").chmod(0)
    files = files_of([pattern], unread := Unread())
    assert [str(path) for _, path, _ in files] == ["mixed/a.jsonl"]
    assert [*map(str, unread)] == ([] if pattern == "mix*/*.jsonl" else ["mixed/sub"])


@pytest.mark.parametrize("name", ["sub", "sub/b.jsonl", "*/b.jsonl", "s*/*.jsonl"])
def test_what_is_named_itself_must_be_readable(name: str, mixed: Path) -> None:
    (mixed / "sub").chmod(0)
    message = rf"^`ROLLOUTS` must be files that can be read; .*sub.*: {DENIED}; mend that, or name others$"
    for given in ([name], ["a.jsonl", name]):
        with pytest.raises(UnreadableError, match=message):
            files_of([str(mixed / one) for one in given])


def test_a_named_folder_without_logs_is_told_beside_one_that_has_some(mixed: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    files_of([str(mixed), str(tmp_path / "empty")], unread := Unread())
    assert unread[tmp_path / "empty"].reason.startswith("no file in .csv, ")


def test_a_note_names_what_is_left_out_and_an_error_the_first_of_it_where_nothing_is_left(mixed: Path) -> None:
    (mixed / "sub").chmod(0)
    (mixed / "a.jsonl").chmod(0)
    unread = named_files([str(mixed)], Columns(), None, is_extracted=False).unread
    with pytest.raises(UnreadableError) as closed:
        layout_of(Source(mixed / "a.jsonl"))
    notes: list[str] = []
    left = {mixed / "a.jsonl": closed.value, mixed / "config.json": ArgumentError("of no layout")}
    reader = Reader(SimpleNamespace(files=[]), report=notes.append, unknown=left)  # type: ignore[arg-type]
    with pytest.raises(UnreadableError, match=f"{mixed}/sub: {DENIED}"):
        finish(reader, str(mixed), unread)
    assert notes == [
        f"left out, as it cannot be read: {mixed}/sub ({DENIED}), {mixed}/a.jsonl ({DENIED})",
        "left out: 1 file in no known layout: config.json",
    ]
