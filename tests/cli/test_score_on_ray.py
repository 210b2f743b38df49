"""`polyest score --engine ray` on a Ray of two workers, as its guide has it; without Ray: test_score_in_parts.py."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from places import ROOT
from processes import are_gone
from pyarrow import parquet
from score_support import write_lines
from solve_support import environment

GUIDE = (ROOT / "docs" / "guides" / "cluster.md").read_text(encoding="utf-8")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs ray")
TRAP = "import os\nos.close(os.open(os.environ['TRAP'], os.O_CREAT | os.O_WRONLY))\nraise ImportError('a trap')\n"
MINE = "def last(text):\n    return text.split()[-1]\n"
WAITS = "import pathlib, time\ndef read(path):\n    pathlib.Path('begun').touch()\n    time.sleep(600)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The current one: logs of two folders whose groups are in both, traps for imports, and functions to be named."""
    folder = tmp_path / "current"
    for file in range(4):
        place = folder / "run" / "ab"[file % 2]
        place.mkdir(parents=True, exist_ok=True)
        rows = [
            {"prompt_id": f"pé{i % 5}", "step": i % 3, "completion": f"it is {i * i % 4}"} for i in range(60 + file)
        ]
        write_lines(place / f"{file}.jsonl", rows)
    for name in ("random", "json", "pickle", "numpy", "cloudpickle", "pandas", "duckdb", "ray"):
        (folder / f"{name}.py").write_text(TRAP)
    (folder / "mine.py").write_text(MINE)
    (folder / "waits.py").write_text(WAITS)
    (tmp_path / "temporary").mkdir()
    return folder


def started(folder: Path, *arguments: object, **variables: str) -> subprocess.Popen[str]:
    """A run in the folder, whose temporary files go elsewhere; it leads a process group."""
    own = {"TRAP": str(folder / "sprung"), "TMPDIR": str(folder.parent / "temporary"), "RAY_TMPDIR": "/tmp"}
    return subprocess.Popen(
        [sys.executable, "-m", "polyest", "score", *map(str, arguments), "--target", "log"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=folder,
        env=environment() | own | variables,
    )  # fmt: skip


def scored(folder: Path, *arguments: object) -> tuple[str, str]:
    process = started(folder, *arguments)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out, "".join(line for line in err.splitlines(keepends=True) if not line.startswith(("scoring", "reading")))


def in_order(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda row: (row["file"], row["row"]))


def alive(mark: str) -> list[str]:
    """Processes that have it in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [place.parent.name] if mark.encode() in place.read_bytes() else []
        except OSError:
            continue
    return found


@pytest.mark.slow
@needs_ray
def test_several_files_have_the_same_rows_on_a_cluster_as_here(
    cluster: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit; names of files are those of the current folder, of which nothing is imported but what is named."""
    given = ("run", "--extract", "mine:last", "--by", "step")
    here = scored(folder, *given, "--out", "here.parquet")
    monkeypatch.setenv("RAY_ADDRESS", cluster)
    assert scored(folder, *given, "--engine", "ray", "--out", "there") == here
    parts = sorted((folder / "there").iterdir())
    assert [path.name for path in parts] == ["part-00000.parquet", "part-00001.parquet"]
    tables = [parquet.read_table(path) for path in parts]
    assert in_order(pa.concat_tables(tables)) == in_order(parquet.read_table(folder / "here.parquet"))
    assert not (folder / "sprung").exists()


@pytest.mark.slow
@needs_ray
def test_the_guides_command_runs_and_its_query_has_the_rows_in_order(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command,) = re.findall(r"^    polyest (.*)$", GUIDE, re.MULTILINE)
    (query,) = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", cluster)
    Path("run").mkdir()
    for file in range(3):
        rows = [{"prompt_id": i % 5, "completion": rf"so \boxed{{{(i + file) % 4}}}"} for i in range(16)]
        write_lines(Path("run", f"{file}.jsonl"), rows)
    there, here = command.split(), re.sub(r" --engine.*", " --out here.parquet", command).split()
    for arguments in (there, here):
        done = subprocess.run([sys.executable, "-m", "polyest", *arguments], capture_output=True, text=True)
        assert (done.returncode, "48 completions of 5 prompts" in done.stdout) == (0, True), done.stderr
    assert duckdb.sql(query).fetchall() == duckdb.sql("FROM 'here.parquet'").fetchall()
    assert duckdb.sql("SELECT sum(completions) FROM 'prompts/*.parquet'").fetchall() == [(48,)]


@pytest.mark.slow
@needs_ray
def test_a_bad_row_is_the_same_line_as_here_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    """On a Ray of its own, which is gone behind it."""
    with (folder / "run" / "b" / "3.jsonl").open("a") as file:
        file.write('{"prompt_id": null, "completion": "4"}\n')
    mark = f"MARK={secrets.token_hex(8)}"
    given = ("run", "--prompt-column", "prompt_id", "--extract", "last-number")
    process = started(folder, *given, "--engine", "ray", "--jobs", 2, "--out", "there", MARK=mark[5:])
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert err == started(folder, *given).communicate()[1]
    assert "run/b/3.jsonl, line 64: 'prompt_id' must be a string or an integer, got null" in err
    assert not [path for path in folder.iterdir() if "there" in path.name]
    assert [*(tmp_path / "temporary").iterdir()] == []
    assert are_gone(lambda: alive(mark))


@pytest.mark.slow
@needs_ray
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_one_line_and_leaves_nothing(number: signal.Signals, folder: Path, tmp_path: Path) -> None:
    mark = f"MARK={secrets.token_hex(8)}"
    given = ("run", "--format", "waits:read", "--engine", "ray", "--jobs", 1, "--out", "there")
    process = started(folder, *given, MARK=mark[5:])
    while not (folder / "begun").exists() and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    out, err = process.communicate()
    told = {signal.SIGINT: "polyest: interrupted\n", signal.SIGTERM: "polyest: terminated\n"}[number]
    assert (process.returncode, out, err) == (128 + number, "", told)
    assert not [path for path in folder.iterdir() if "there" in path.name]
    assert [*(tmp_path / "temporary").iterdir()] == []
    assert are_gone(lambda: alive(mark))


def test_without_ray_the_message_names_the_extra(folder: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = run("score", folder / "run", "--target", "log", "--engine", "ray")
    assert (code, err) == (
        2,
        "polyest: `--engine ray` needs ray, which is not installed; run: pip install 'polyest[ray]'\n",
    )
