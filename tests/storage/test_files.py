"""Files that commands write: never onto what they read, modes, owners, temporaries, and what cannot be written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from score_support import HARMONIC, exit_code, read_lines, write_lines

from polyest.errors import ArgumentError
from polyest.storage import files
from polyest.storage.files import are_same, check_writable, replacing, replacing_folder, sweep

ROWS = [{"prompt_id": "x", "answer": answer} for answer in ("a", "b", "a")]
SOLVE = ("solve", "--target", "log", "-k", 3, "--jobs", 1)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "log.jsonl", ROWS)


@pytest.fixture(params=[0o022, 0o077, 0o002, 0o027])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


LINKS = [
    "log.jsonl",
    "./log.jsonl",
    "folder/../log.jsonl",
    "symbolic.jsonl",
    "hard.jsonl",
    "linked/log.jsonl",
    "LOG.jsonl",
]


@pytest.mark.parametrize("option", ["--out", "--values"])
@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("absolute", [True, False])
def test_what_is_read_is_never_written(
    option: str,
    name: str,
    absolute: bool,
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = log.parent
    monkeypatch.chdir(folder)
    (folder / "folder").mkdir()
    (folder / "linked").symlink_to(folder)
    (folder / "symbolic.jsonl").symlink_to(log)
    os.link(log, folder / "hard.jsonl")
    before = log.read_bytes()
    for given in (log, Path("log.jsonl"), folder / "symbolic.jsonl"):
        assert exit_code("score", given, *HARMONIC, option, folder / name if absolute else name) == 2
        error = capsys.readouterr().err
        assert f"`{option}` must be another file than `ROLLOUTS`" in error
        assert error.count("\n") == 1
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("out", "values"),
    [("a.jsonl", "a.jsonl"), ("a.jsonl", "./a.jsonl"), ("a.jsonl", "A.JSONL"), ("old.jsonl", "link.jsonl")],
)
def test_outputs_are_two_files(
    out: str, values: str, log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(log.parent)
    Path("old.jsonl").touch()
    Path("link.jsonl").symlink_to("old.jsonl")
    assert exit_code("score", log, *HARMONIC, "--out", out, "--values", values) == 2
    assert "`--values` must be another file than `--out`" in capsys.readouterr().err
    assert not Path("a.jsonl").exists()


def test_names_that_differ_in_case_are_two_files_where_both_are_there(tmp_path: Path) -> None:
    one, other = tmp_path / "é.jsonl", tmp_path / "É.JSONL"
    assert are_same(one, other)
    one.touch()
    if not other.exists():
        other.touch()
        assert not are_same(one, other)


def test_a_new_file_has_the_mode_that_the_umask_leaves(umask: int, log: Path) -> None:
    out, values = log.parent / "out.jsonl", log.parent / "values.parquet"
    assert exit_code("score", log, *HARMONIC, "--out", out, "--values", values) == 0
    assert (mode(out), mode(values)) == (0o666 & ~umask, 0o666 & ~umask)


@pytest.mark.slow
@pytest.mark.parametrize("before", [0o600, 0o664, 0o755, 0o200])
def test_a_replaced_file_keeps_its_mode_and_owner(before: int, log: Path) -> None:
    out = write_lines(log.parent / "out.jsonl", [])
    out.chmod(before)
    owner = (1234, 2345) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    os.chown(out, *owner)
    assert exit_code("score", log, *HARMONIC, "--out", out) == 0
    assert mode(out) == before
    assert (out.stat().st_uid, out.stat().st_gid) == owner


def test_what_is_written_is_nobody_elses_while_it_is_written(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(0o600)
    with replacing(secret) as temporary:
        assert mode(temporary) == 0o600


def test_who_looks_while_it_is_made_sees_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes, system_open = [], os.open

    def recorded(path: str, *options: int) -> int:
        handle = system_open(path, *options)
        modes.append(stat.S_IMODE(os.fstat(handle).st_mode))
        return handle

    secret = tmp_path / "secret"
    secret.touch(0o600)
    monkeypatch.setattr(os, "open", recorded)
    with replacing(secret):
        assert modes == [0o600]


def test_a_read_only_file_is_not_replaced(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = write_lines(log.parent / "out.jsonl", [{"old": 1}])
    (log.parent / "link.jsonl").symlink_to(out)
    out.chmod(0o444)
    for option in ("--out", "--values"):
        for path in (out, log.parent / "link.jsonl"):
            assert exit_code("score", log, *HARMONIC, option, path) == 2
            assert f"`{option}` must be a file that may be replaced" in capsys.readouterr().err
    assert read_lines(out) == [{"old": 1}]


def test_another_users_file_is_not_replaced_by_who_cannot_give_it_back(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = write_lines(log.parent / "out.jsonl", [{"old": 1}])

    def refused(temporary: Path, path: Path) -> None:
        if path.exists():
            raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(files, "_inherit", refused)
    assert exit_code("score", log, *HARMONIC, "--out", out) == 2
    assert "Operation not permitted" in capsys.readouterr().err
    assert sorted(path.name for path in log.parent.iterdir()) == ["log.jsonl", "out.jsonl"]


def leave_temporaries(folder: Path) -> list[Path]:
    """What a killed process of this machine left, and what is somebody else's."""
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    machine, other = files._machine(), "0" * 8
    mine = folder / f".out.jsonl-{machine}-{gone.stdout.strip()}-0a1b2c3d.tmp"
    others = [
        folder / f".out.jsonl-{other}-{gone.stdout.strip()}-0a1b2c3d.tmp",
        folder / f".out.jsonl-{machine}-{os.getppid()}-0a1b2c3d.tmp",
        folder / f".a-{machine}-note-on-it.tmp",
        folder / f"out-{machine}-{gone.stdout.strip()}-0a1b2c3d.tmp",
    ]
    for path in (mine, *others):
        path.write_text("half a file")
    return others


@pytest.mark.slow
def test_score_sweeps_what_a_kill_left(log: Path) -> None:
    for folder, option in (("rows", "--out"), ("values", "--values")):
        (log.parent / folder / "deep").mkdir(parents=True)
        others = leave_temporaries(log.parent / folder)
        deep = leave_temporaries(log.parent / folder / "deep")
        assert exit_code("score", log, *HARMONIC, option, log.parent / folder / "new.jsonl") == 0
        found = {path.name for path in (log.parent / folder).iterdir()}
        assert found == {path.name for path in others} | {"new.jsonl", "deep"}
        assert len([*(log.parent / folder / "deep").iterdir()]) == len(deep) + 1


@pytest.mark.parametrize("is_there", [False, True])
def test_a_folder_is_there_whole_or_not_at_all(is_there: bool, tmp_path: Path) -> None:
    place = tmp_path / "folder"
    if is_there:
        place.mkdir()
    with suppress(KeyboardInterrupt), replacing_folder(place) as temporary:
        (temporary / "part").touch()
        raise KeyboardInterrupt
    assert [*tmp_path.rglob("*")] == [place] * is_there
    with replacing_folder(place) as temporary:
        (temporary / "part").touch()
        assert not (place / "part").exists()
    assert sorted(tmp_path.rglob("*")) == [place, place / "part"]


def test_sweeping_ends_at_nothing(tmp_path: Path) -> None:
    others = leave_temporaries(tmp_path)
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(others)
    sweep(tmp_path / "none")


@pytest.mark.slow
def test_a_long_name_can_be_written_if_the_system_can(log: Path) -> None:
    for name in ("x" * 249 + ".jsonl", "é" * 124 + ".jsonl"):
        assert exit_code("score", log, *HARMONIC, "--out", log.parent / name) == 0
    assert exit_code("score", log, *HARMONIC, "--out", log.parent / ("x" * 250 + ".jsonl")) == 2


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling loop"])
def test_what_is_no_file_is_refused(kind: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = log.parent / "out.jsonl"
    {"folder": out.mkdir, "pipe": lambda: os.mkfifo(out), "dangling loop": lambda: out.symlink_to(out)}[kind]()
    assert exit_code("score", log, *HARMONIC, "--out", out) == 2
    error = capsys.readouterr().err
    assert "`--out` must be a file" in error
    assert error.count("\n") == 1


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The group sizes that were solved: the work that would be lost."""
    from polyest.cli import solve

    sizes: list[int] = []
    attempt = solve._attempt

    def counted(problem: object, **options: object) -> object:
        sizes.append(problem.group_size)
        return attempt(problem, **options)

    monkeypatch.setattr(solve, "_attempt", counted)
    return sizes


@pytest.mark.parametrize("place", ["file", "file/below/it", "no folder of files"])
@pytest.mark.parametrize("option", [True, False])
def test_solve_knows_what_it_cannot_write_before_the_work(
    place: str, option: bool, tmp_path: Path, solved: list[int], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "file").touch()
    folder = Path("/proc/none") if place == "no folder of files" else tmp_path / place
    if not option:
        monkeypatch.setenv("POLYEST_COEFFS", str(folder))
    assert exit_code(*SOLVE, *(("--out", folder) if option else ())) == 2
    error = capsys.readouterr().err
    assert f"`{'--out' if option else 'POLYEST_COEFFS'}` must be where files can be written" in error
    assert error.count("\n") == 1
    assert not solved


@pytest.mark.slow
def test_solve_does_not_replace_a_read_only_table(tmp_path: Path, solved: list[int]) -> None:
    assert exit_code(*SOLVE, "--out", tmp_path / "new" / "folder") == 0
    (table,) = tmp_path.rglob("k3.json")
    table.chmod(0o444)
    assert exit_code(*SOLVE, "--force", "--out", tmp_path / "new" / "folder") == 2
    table.chmod(0o640)
    assert exit_code(*SOLVE, "--force", "--out", tmp_path / "new" / "folder") == 0
    assert mode(table) == 0o640
    assert len(solved) == 2


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b" / "c.json", "--out")
    assert not [*tmp_path.iterdir()]


@pytest.mark.usefixtures("permissions")
def test_a_read_only_folder_is_known_before_the_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(ArgumentError, match="`--out` must be where files can be written"):
        check_writable(tmp_path / "out.jsonl", "--out")


def test_a_plot_is_not_drawn_where_it_cannot_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plot.png"
    out.touch(0o444)
    out.chmod(0o444)
    assert exit_code("plot", "log", "-k", 4, "--out", out) == 2
    assert "`--out` must be a file that may be replaced" in capsys.readouterr().err
