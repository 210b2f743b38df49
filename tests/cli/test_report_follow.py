"""`polyest report --follow`: the page of a run that grows."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from report_support import write_log

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")
LIVE = '<meta http-equiv="refresh" content="1">'


def add_step(run: Path, step: int, text: str | None = None) -> None:
    rows = [{"step": step, "prompt_id": p, "answer": a} for p in "xy" for a in "aabcdefg"]
    (run / f"{step}.jsonl").write_text(text or "".join(json.dumps(row) + "\n" for row in rows))


@contextmanager
def followed(run: Path | str, page: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "polyest", "report", str(run), "--out", str(page), "--follow", "--every", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def steps_of(page: Path) -> list[int]:
    found = re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    steps = json.loads(found[1])["steps"]
    return [] if steps is None else steps["columns"]["step"]


def ended(process: subprocess.Popen[str], number: int, page: Path) -> str:
    """What it has said on standard output when it was ended by a signal, behind which the page stands still."""
    assert LIVE in page.read_text(encoding="utf-8")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert err.splitlines()[-1] == f"polyest: {'interrupted' if number == signal.SIGINT else 'terminated'}"
    assert LIVE not in page.read_text(encoding="utf-8")
    return out


@pytest.mark.slow
def test_the_page_follows_a_run_that_grows_and_stands_still_after_ctrl_c(tmp_path: Path) -> None:
    run, page = tmp_path / "run", tmp_path / "page.html"
    run.mkdir()
    with followed(run, page) as process:
        time.sleep(0.5)  # nothing is there yet
        add_step(run, 1)
        wait_for(page.exists)
        assert LIVE in page.read_text(encoding="utf-8")
        add_step(run, 2)
        wait_for(lambda: steps_of(page) == [1, 2])
        with (run / "2.jsonl").open("a") as file:  # a file that grows, torn
            file.write('{"step": 3, "prompt_id": "x", "answer": "a"}\n' * 2 + '{"step": 3, "pro')
        wait_for(lambda: steps_of(page) == [1, 2, 3])
        assert {*ended(process, signal.SIGINT, page).splitlines()} == {str(page.resolve())}
    assert [path.name for path in tmp_path.iterdir() if path.name != "run"] == ["page.html"]


@pytest.mark.slow
def test_what_cannot_be_read_meanwhile_is_told_and_the_page_stays(tmp_path: Path) -> None:
    """Which stands still after SIGTERM, too."""
    page = tmp_path / "page.html"
    add_step(tmp_path, 1)
    with followed(tmp_path / "*.jsonl", page) as process:
        wait_for(page.exists)
        before = page.read_bytes()
        add_step(tmp_path, 2, "{]\n{]\n")
        assert process.stderr is not None
        line = process.stderr.readline()
        while "looking again" not in line:
            line = process.stderr.readline()
        assert page.read_bytes() == before
        add_step(tmp_path, 2)
        wait_for(lambda: steps_of(page) == [1, 2])
        assert {*ended(process, signal.SIGTERM, page).splitlines()} == {str(page.resolve())}
    assert {path.name for path in tmp_path.iterdir()} == {"1.jsonl", "2.jsonl", "page.html"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("log.jsonl", "--every", "5"), "`--every` says how often `--follow` looks"),
        (("log.jsonl", "--follow", "--every", "0"), "`--every` must be at least 1, got 0"),
        (("log.jsonl", "--follow", "--every", "soon"), "invalid int value: 'soon'"),
        (("-", "--follow"), "`--follow` needs files or folders"),
        (("none.jsonl", "--follow"), "none.jsonl"),
        (("log.jsonl", "--follow", "--extract", "boxes"), "`--extract`"),
    ],
)
def test_what_would_never_work_ends_at_once(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_log(tmp_path / "log.jsonl")
    code, out, err = run("report", *options, "--out", "page.html")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "page.html").exists()


@pytest.mark.slow
def test_an_empty_folder_is_said_to_be_waited_for(tmp_path: Path) -> None:
    with followed(tmp_path, tmp_path / "page.html") as process:
        assert process.stderr is not None
        told = process.stderr.readline()
    assert told.startswith(f"polyest: no rollouts in {tmp_path} yet; waiting for ")
    assert told.endswith("; looking every 1 s\n")
