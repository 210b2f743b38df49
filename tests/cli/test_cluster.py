"""`--engine ray`: `polyest solve` and `score` on a Ray of two workers, and on one that is started for the occasion.

Without Ray: test_score_in_parts.py. A Ray takes seconds of a processor to start, so tests share one where they can.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
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
from solve_support import digests, environment, shipped, start

GUIDE = (ROOT / "docs" / "guides" / "cluster.md").read_text(encoding="utf-8")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs ray")
SHADOWS = "random json pickle numpy cloudpickle pandas duckdb ray joblib tempfile struct argparse flint mpmath cvxpy"
SHADOWS += " scipy tqdm selectors"
TRAP = "import os\nos.close(os.open(os.environ['TRAP'], os.O_CREAT | os.O_WRONLY))\nraise ImportError('a trap')\n"
MINE = "def last(text):\n    return text.split()[-1]\n"
WAITS = "import pathlib, time\ndef read(path):\n    pathlib.Path('begun').touch()\n    time.sleep(600)\n"
SOLVE = ("solve", "--target", "log")
SCORE = ("score", "run", "--target", "log")

# idle workers stay, as each imports all anew: else each step of a small run starts others
RAY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_idle_worker_killing_time_threshold_ms": "60000"}
CLUSTER = """
import logging, ray
context = ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
print(context.address_info["gcs_address"], flush=True)
input()
"""


@pytest.fixture(scope="module")
def ray_of_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a Ray cluster of two workers, whose processes live in another folder, and what lets one in."""
    key = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path_factory.mktemp("cluster"),
        env=environment() | key | RAY,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip(), key
    process.communicate("\n")


@pytest.fixture
def cluster(ray_of_two: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> str:
    """Its address, with the key at hand."""
    address, key = ray_of_two
    for name, value in key.items():
        monkeypatch.setenv(name, value)
    return address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The current one: logs of two folders whose groups are in both, traps for imports, and functions to be named."""
    folder = tmp_path / "current"
    for file in range(4):
        place = folder / "run" / "ab"[file % 2]
        place.mkdir(parents=True, exist_ok=True)
        rows = [
            {"prompt_id": f"pé{i % 5}", "step": i % 3, "completion": rf"it is \boxed{{{i * i % 4}}}"}
            for i in range(60 + file)
        ]
        write_lines(place / f"{file}.jsonl", rows)
    for name in SHADOWS.split():
        (folder / f"{name}.py").write_text(TRAP)
    (folder / "mine.py").write_text(MINE)
    (folder / "waits.py").write_text(WAITS)
    (tmp_path / "temporary").mkdir()
    return folder


def started(folder: Path, *arguments: object, **variables: str) -> subprocess.Popen[str]:
    """A run in the folder, whose temporary files go elsewhere; it leads a process group."""
    own = {"TRAP": str(folder / "sprung"), "TMPDIR": str(folder.parent / "temporary"), "RAY_TMPDIR": "/tmp"}
    return subprocess.Popen(
        [sys.executable, "-m", "polyest", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=folder,
        env=environment() | RAY | own | variables,
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
def test_ray_does_not_change_the_tables(cluster: str, tmp_path: Path) -> None:
    process = start(tmp_path, "-k", "2:5", "--engine", "ray", "--address", cluster)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert [line for line in err.splitlines() if not line.startswith("solve: ")] == []
    assert [line.split()[1] for line in out.splitlines()] == ["K=2", "K=3", "K=4", "K=5"]
    assert digests(tmp_path) == shipped(range(2, 6))


@pytest.mark.slow
@needs_ray
def test_the_guides_command_has_the_same_rows_on_a_cluster_as_here_and_its_query_has_them_in_order(
    cluster: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit; names of files are those of the current folder, from which nothing is imported."""
    (command,) = re.findall(r"^    polyest (.*)$", GUIDE, re.MULTILINE)
    (query,) = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)
    here = re.sub(r" --engine.*", " --out here.parquet", command)
    told = scored(folder, *here.split(), "--by", "step")
    monkeypatch.setenv("RAY_ADDRESS", cluster)
    assert scored(folder, *command.split(), "--by", "step") == told
    parts = sorted((folder / "scored").iterdir())
    assert [path.name for path in parts] == ["part-00000.parquet", "part-00001.parquet"]
    tables = [parquet.read_table(path) for path in parts]
    assert in_order(pa.concat_tables(tables)) == in_order(parquet.read_table(folder / "here.parquet"))
    monkeypatch.chdir(folder)
    assert duckdb.sql(query).fetchall() == duckdb.sql("FROM 'here.parquet'").fetchall()
    assert duckdb.sql("SELECT sum(completions) FROM 'prompts/*.parquet'").fetchall() == [(246,)]
    assert not (folder / "sprung").exists()


@pytest.mark.slow
@needs_ray
def test_a_bad_row_is_the_same_line_as_here_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    """On a Ray of its own, whose workers import what is named and nothing else, and which is gone behind it."""
    with (folder / "run" / "b" / "3.jsonl").open("a") as file:
        file.write('{"prompt_id": null, "completion": "4"}\n')
    given, mark = (*SCORE, "--prompt-column", "prompt_id", "--extract", "mine:last"), f"MARK={secrets.token_hex(8)}"
    process = started(folder, *given, "--engine", "ray", "--jobs", 1, "--out", "there", MARK=mark[5:])
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert err == started(folder, *given).communicate()[1]
    assert "run/b/3.jsonl, line 64: 'prompt_id' must be a string or an integer, got null" in err
    assert not [path for path in folder.iterdir() if "there" in path.name]
    assert [*(tmp_path / "temporary").iterdir()] == []
    assert not (folder / "sprung").exists()
    assert are_gone(lambda: alive(mark))


@pytest.mark.slow
@needs_ray
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_one_line_and_leaves_nothing(
    number: signal.Signals, cluster: str, folder: Path, tmp_path: Path
) -> None:
    """On a Ray of its own `solve` has it below."""
    mark = f"MARK={secrets.token_hex(8)}"
    given = (*SCORE, "--format", "waits:read", "--engine", "ray", "--address", cluster, "--out", "there")
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


@pytest.mark.slow
@needs_ray
def test_ctrl_c_ends_a_run_quietly_which_has_imported_nothing_from_the_current_folder(folder: Path) -> None:
    """On a Ray of its own, whose processes start in that folder, and which is gone behind it."""
    out, mark = folder.parent / "tables", f"MARK={secrets.token_hex(8)}"
    where = ("--engine", "ray", "--jobs", 2, "--out", out)
    process = started(folder, *SOLVE, "-k", "2:128", *where, MARK=mark[5:])
    assert process.stdout is not None
    assert "log K=2 " in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    err = process.communicate()[1]
    assert process.returncode == 130, err
    assert [line for line in err.splitlines() if not line.startswith("solve: ")] == ["polyest: interrupted"]
    assert digests(out)[2] == shipped(range(2, 3))[2]
    assert not (folder / "sprung").exists()
    assert are_gone(lambda: alive(mark))


@pytest.mark.slow
@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense:port"])
def test_a_cluster_that_is_not_there(address: str, tmp_path: Path) -> None:
    process = start(tmp_path, "-k", "2:5", "--engine", "ray", "--address", address)
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert f"`--address` must be that of a running Ray cluster; got '{address}'" in err
    assert err.count("\n") == 1


@pytest.mark.slow
@needs_ray
def test_a_ray_that_does_not_start_is_said_so(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that is too busy: Ray waits 30 s for its own processes."""
    import ray

    def init(*_: object, **options: object) -> None:
        raise Exception("The current node timed out")  # as Ray does

    monkeypatch.setattr(ray, "init", init)
    code, out, err = run("solve", "--target", "log", "-k", "2,3", "--out", tmp_path, "--engine", "ray")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "`--engine ray` must be able to start Ray here; got Exception: The current node timed out" in err


def test_without_ray_the_message_names_the_extra(folder: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    score = ("score", folder / "run", "--target", "log")
    for given in (score, (*SOLVE, "-k", "2,3", "--out", folder.parent / "tables")):
        code, _, err = run(*given, "--engine", "ray")
        assert (code, err) == (
            2,
            "polyest: `--engine ray` needs ray, which is not installed; run: pip install 'polyest[ray]'\n",
        )
