"""The command line: list, show, solve, verify, plot, and how commands end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.cli import main, progress
from polyest.cli.listing import ranges
from polyest.cli.options import group_sizes
from polyest.storage import store
from polyest.storage.table import Table, digest

Result = tuple[int, str, str]
Run = Callable[..., Result]


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "polyest", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables of `log`, K = 3 and 4, aqp and minimax."""
    folder = tmp_path_factory.mktemp("solved")
    here = ["--out", str(folder), "--jobs", "1"]
    assert main(["solve", "--target", "log", "-k", "3,4", *here]) == 0
    assert main(["solve", "--target", "log", "--method", "minimax", "-k", "3:4", *here]) == 0
    return folder


# --- usage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: VERB, one of list, show, solve, verify, score, plot"),
        (("scor",), "invalid choice: 'scor' (choose from list, show, solve, verify, score, plot, help); did you"),
        (("help", "slve"), "invalid choice: 'slve'"),
        (("help", "slve"), "did you mean 'solve'"),
        (("show", "--target", "log", "-k", "4"), "TARGET is given without a name: polyest show [-h]"),
        (("show", "--target=log", "-k", "4"), "are required: TARGET; it is: polyest show [-h]"),
        (("plot", "--target", "log", "-k", "4", "--out", "x.png"), "TARGET is given without a name: polyest plot [-h]"),
        (("show", "log"), "the following arguments are required: -k"),
        (("show", "log", "-k", "many"), "invalid int value: 'many'"),
        (("show", "log", "-k", "1"), "`group_size` must be at least 2, got 1"),
        (("show", "lgo", "-k", "4"), "did you mean 'log'"),
        (("show", "log", "-k", "4", "--method", "minmax"), "did you mean 'minimax'"),
        (("show", "log", "-k", "4", "--metod", "aqp"), "unrecognized argument '--metod'; did you mean '--method'"),
        (("show", "log", "-k", "4", "--bias-budget", "0.5"), "`bias_budget` must be a multiple of 0.01, at least 1"),
        (("show", "log", "-k", "4", "--bias-budget", "77"), "solve --target log --method aqp -k 4 --bias-budget 77"),
        (("show", "log", "-k", "4", "--method", "exact"), "needs a polynomial target"),
        (("solve", "--target", "log", "-k", "1"), "needs group sizes from 2 upwards"),
        (("solve", "--target", "log", "-k", "64:2"), "needs group sizes from 2 upwards"),
        (("solve", "--target", "log", "-k", "2:4000000000"), "needs group sizes from 2 upwards"),
        (("solve", "--target", "log", "-k", "2-4"), "must be like 16, 2:64 or 8,16,32; got '2-4'"),
        (("solve", "--target", "log", "-k", "4", "--method", "harmonic"), "has a closed form and needs no file"),
        (("solve", "--target", "power(2)", "-k", "4"), "has a closed form and needs no file"),
        (("solve", "--target", "power(-1)", "-k", "4"), "p·r(p) does not tend to 0"),
        (("solve", "--target", "log", "-k", "4", "--groups", "1.5"), "invalid int value: '1.5'"),
        (("solve", "--target", "log", "-k", "4", "--jobs", "0"), "`--jobs` must be at least 1"),
        (("solve", "--target", "log", "-k", "4", "--address", "here:1"), "must come with `--engine ray`; got 'here:1'"),
        (("solve", "--target", "log", "-k", "4", "--engine", "dask"), "invalid choice: 'dask'"),
        (("verify", "nowhere.json"), "there is no nowhere.json"),
        (("plot", "log", "-k", "4"), "the following arguments are required: --out"),
        (("plot", "log", "-k", "4", "--out", "x.gif"), "`--out` must end in .png, .pdf, .svg; got 'x.gif'"),
        (("plot", "log", "-k", "4", "--out", "nowhere/x.png"), "there is no"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: tuple[str, ...], message: str, run: Run) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_the_version_and_help_are_there_under_every_name(run: Run) -> None:
    assert run("-V") == run("--version") == (0, f"polyest {polyest.__version__}\n", "")
    for verb in ((), ("solve",), ("verify",)):
        assert run("help", *verb) == run(*verb, "--help")
    assert "Exit codes: 0 done" in run("help")[1]


def test_help_and_version(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert all(verb in out for verb in ("list", "show", "solve", "verify", "score", "plot"))
    assert run("--version") == (0, f"polyest {version('polyest')}\n", "")


@given(st.sets(st.integers(2, 300), min_size=1, max_size=30))
def test_group_sizes_are_read_the_way_they_are_listed(sizes: set[int]) -> None:
    assert group_sizes(ranges(sorted(sizes))) == sorted(sizes)


def test_the_command_is_installed_and_is_the_module() -> None:
    script = Path(sys.executable).with_name("polyest")
    result = subprocess.run([script, "show", "log", "-k", "2", "--method", "harmonic"], capture_output=True, text=True)
    process = start("show", "log", "-k", "2", "--method", "harmonic")
    assert process.communicate() == (result.stdout, "")
    assert result.returncode == process.returncode == 0


def test_nobody_reads_on() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "polyest", "show", "log", "-k", "400", "--method", "harmonic"]
    process = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (process.returncode, process.stderr) == (141, "")


def test_a_narrow_terminal_gets_its_line() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    process = start("show", "log", "-k", "4", "--bias-budget", "0.5", env=environment)
    assert "`bias_budget` must be" in process.communicate()[1]
    assert process.returncode == 2


# --- list and show -------------------------------------------------------------------------------------------------


def test_list_shows_what_was_solved(run: Run, solved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYEST_COEFFS", str(solved))
    monkeypatch.setattr(store, "shipped_folder", lambda: solved / "none")
    code, out, _ = run("list", "--json")
    assert code == 0
    assert json.loads(out) == [
        {"target": "log", "method": method, "budget": budget, "group_sizes": [3, 4], "folder": str(solved)}
        for method, budget in [("aqp", {"noise_budget": "1.5"}), ("minimax", None)]
    ]
    lines = run("list")[1].splitlines()
    assert lines[1].split() == ["log", "aqp", "noise_budget=1.5", "3:4", str(solved)]


def test_list_without_tables(run: Run, user_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "shipped_folder", lambda: user_folder)
    assert run("list", "--json") == (0, "[]\n", "")
    assert run("list")[0] == 0


def test_show(run: Run, solved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYEST_COEFFS", str(solved))
    code, out, err = run("show", "log", "-k", "3", "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    table = store.read(Path(shown["path"]))
    assert (shown["target"], shown["group_size"], shown["method"]) == ("log", 3, "aqp")
    assert shown["budget"] == {"noise_budget": "1.5"}
    assert shown["kappa"] == 1.93  # theory.md §3
    assert shown["digest"] == digest(table)
    assert shown["coefficients"] == list(table.coefficients)
    assert table.certificate is not None
    bias, noise = table.certificate.worst_case_bias, table.certificate.noise
    assert shown["certificate"]["worst_case_bias"] == [bias.lower_text, bias.upper_text]
    assert shown["worst_case_bias"] == pytest.approx(bias.upper, rel=1e-6)
    assert shown["noise"] == pytest.approx(noise.upper, rel=1e-6)
    assert shown["noise_ratio"] == pytest.approx(1.5, abs=0.01)
    assert shown["bias_ratio"] == pytest.approx(bias.upper / shown["plug_in"]["worst_case_bias"], rel=1e-6)
    text = run("show", "log", "-k", "3")[1]
    assert all(repr(c) in text for c in table.coefficients)
    assert bias.upper_text in text


def test_show_without_a_file(run: Run) -> None:
    shown = json.loads(run("show", "log", "-k", "8", "--method", "harmonic", "--json")[1])
    # theory.md §3
    assert shown["worst_case_bias"] == pytest.approx(0.03645385118613845, rel=1e-9)
    assert shown["plug_in"]["worst_case_bias"] == pytest.approx(0.06554276409294340, rel=1e-9)
    assert shown["plug_in"]["noise"] == pytest.approx(0.02952976647786384, rel=1e-9)
    assert shown["path"] is shown["digest"] is shown["certificate"] is None
    exact = json.loads(run("show", "power(2)", "-k", "8", "--json")[1])
    assert exact["method"] == "exact"
    assert exact["worst_case_bias"] < 1e-15
    infinite = json.loads(run("show", "power(-0.7)", "-k", "8", "--method", "plug_in", "--json")[1])
    assert infinite["noise"] is None
    assert "infinite" in run("show", "power(-0.7)", "-k", "8", "--method", "plug_in")[1]


def test_show_a_baseline(run: Run) -> None:
    shown = json.loads(run("show", "log", "-k", "3", "--method", "harmonic", "--baseline", "group_mean", "--json")[1])
    assert shown["coefficients"] == [-1.5, 0.0, 0.0]  # 3/2 of the harmonic table of K = 2: theory.md §5


# --- solve ---------------------------------------------------------------------------------------------------------


def test_solve_writes_prints_and_resumes(run: Run, tmp_path: Path) -> None:
    arguments = ("solve", "--target", "log", "-k", "2:4", "--bias-budget", "2", "--out", tmp_path, "--jobs", 1)
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    files = list(store.paths(tmp_path))
    assert [line.split()[1] for line in out.splitlines()] == ["K=2", "K=3", "K=4"]
    assert [line.split()[-1] for line in out.splitlines()] == [str(path) for path in files]
    before = [(path.stat().st_mtime_ns, path.stat().st_ino) for path in files]
    code, out, err = run(*arguments)
    assert (code, out) == (0, "")
    assert "3 already in" in err
    assert before == [(path.stat().st_mtime_ns, path.stat().st_ino) for path in files]
    files[1].write_text("broken")
    assert [line.split()[1] for line in run(*arguments)[1].splitlines()] == ["K=3"]
    assert len(run(*arguments, "--force")[1].splitlines()) == 3


def test_solve_goes_into_the_users_folder(run: Run, user_folder: Path) -> None:
    assert run("solve", "--target", "log", "-k", "3", "--bias-budget", "2")[0] == 0
    assert polyest.load("log", 3, bias_budget=2).table == store.read(next(store.paths(user_folder)))


def test_a_table_that_float64_cannot_hold_fails_and_the_others_are_solved(run: Run, tmp_path: Path) -> None:
    minimax = ("solve", "--target", "log", "--method", "minimax")
    code, out, err = run(*minimax, "-k", "4,64", "--out", tmp_path, "--jobs", 1)
    assert code == 2
    assert len(out.splitlines()) == 1
    assert err.count("\n") == 1
    assert "log K=64 minimax" in err
    assert [path.name for path in store.paths(tmp_path)] == ["k4.json"]


def test_solve_into_a_place_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, out, err = run("solve", "--target", "log", "-k", "2", "--out", tmp_path / "file")
    assert (code, out) == (2, "")
    assert str(tmp_path / "file") in err
    assert err.count("\n") == 1


def interrupt(process: subprocess.Popen[str]) -> str:
    """Ctrl-C, pressed again if it is lost: Python drops one that lands in a callback of the garbage collector."""
    for _ in range(10):
        os.killpg(process.pid, signal.SIGINT)
        try:
            return process.communicate(timeout=20)[1]
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    return process.communicate()[1]


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_quietly_and_keeps_what_was_done(jobs: int, tmp_path: Path) -> None:
    process = start(
        "solve", "--target", "log", "-k", "2:128", "--out", tmp_path, "--jobs", jobs, start_new_session=True
    )
    assert process.stdout is not None
    assert "log K=" in process.stdout.readline()
    err = interrupt(process)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "polyest: interrupted"
    assert "Traceback" not in err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert all(store.read(path).certificate is not None for path in files)


# --- verify --------------------------------------------------------------------------------------------------------


def spoil(path: Path, **changes: Any) -> Table:
    """Change a stored table's claims and give the file a digest that fits."""
    table = replace(store.read(path), **changes)
    store.write(table, path.parents[len(store.relative_path(table.problem).parts) - 1])
    return table


@pytest.fixture
def copies(solved: Path, tmp_path: Path) -> Path:
    for path in store.paths(solved):
        store.write(store.read(path), tmp_path)
    return tmp_path


def test_verify_proves_what_was_solved(run: Run, solved: Path) -> None:
    summary = "not proved, of 2 of the tables: that kappa is the smallest that keeps the noise budget\n4 proved\n"
    assert run("verify", solved) == (0, summary, "")
    assert run("verify", *store.paths(solved), "--jobs", 2) == (0, summary, "")


def test_verify_names_the_file_whose_claim_is_false(run: Run, copies: Path) -> None:
    path = next(store.paths(copies))
    table = store.read(path)
    spoil(path, coefficients=(table.coefficients[0] - 1e-6, *table.coefficients[1:]))
    code, out, err = run("verify", copies)
    assert (code, err) == (1, "")
    assert all(line.startswith((f"failed: {path}: ", "not proved, of 1 ")) for line in out.splitlines()[:-1])
    assert out.splitlines()[-1] == "3 proved, 1 failed"
    content = json.loads(run("verify", copies, "--json")[1])
    assert [row["verdict"] for row in content] == ["failed", "proved", "proved", "proved"]
    assert content[0]["path"] == str(path)
    assert content[0]["reasons"]


BROKEN = {
    "truncated": lambda text: text[:200],
    "wrong digest": lambda text: text.replace('"digest": "sha256:', '"digest": "sha256:0'),
    "nan": lambda text: text.replace('"coefficients": [', '"coefficients": [\n  NaN,', 1),
    "unknown version": lambda text: text.replace('"format_version": 1', '"format_version": 99'),
    "empty": lambda text: "",
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_table_is_refused_with_exit_code_2(case: str, run: Run, copies: Path) -> None:
    path = list(store.paths(copies))[-1]
    path.write_text(BROKEN[case](path.read_text()))
    code, out, err = run("verify", copies)
    assert (code, err) == (2, "")
    assert out.splitlines()[0].startswith(f"refused: {path}: ")
    assert out.splitlines()[-1] == "3 proved, 1 refused"


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_never_used(
    case: str, run: Run, copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copies / "log" / "aqp" / "noise_budget-1.5" / "k3.json"
    path.write_text(BROKEN[case](path.read_text()))
    monkeypatch.setenv("POLYEST_COEFFS", str(copies))
    log = tmp_path / "log.jsonl"
    log.write_text('{"prompt_id": 1, "answer": 2}\n' * 3)
    for arguments in (("show", "log", "-k", 3), ("score", log, "--target", "log", "--out", tmp_path / "out.jsonl")):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert str(path) in err
        assert err.count("\n") == 1
    assert not (tmp_path / "out.jsonl").exists()


def test_verify_a_folder_without_tables(run: Run, tmp_path: Path) -> None:
    assert run("verify", tmp_path)[::2] == (
        2,
        f"polyest: `PATH` must hold table files k<K>.json; {tmp_path} has none\n",
    )


# --- plot ----------------------------------------------------------------------------------------------------------

MAGIC = {"png": b"\x89PNG\r\n", "pdf": b"%PDF-", "svg": b"<?xml"}


@pytest.mark.parametrize("suffix", MAGIC)
@pytest.mark.parametrize("target", ["log", "power(2)"])
def test_plot(run: Run, tmp_path: Path, target: str, suffix: str) -> None:
    path = tmp_path / f"plot.{suffix}"
    assert run("plot", target, "-k", 4, "--out", path) == (0, f"{path}\n", "")
    assert path.read_bytes().startswith(MAGIC[suffix])
    assert list(tmp_path.iterdir()) == [path]


def test_plot_draws_every_method_that_has_a_table(solved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from polyest.plot.figures import bias_and_noise, estimators

    monkeypatch.setenv("POLYEST_COEFFS", str(solved))
    figure = bias_and_noise(estimators("log", 3))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["plug_in", "harmonic", "minimax", "aqp (κ = 1.93)", "aqp, proved: |bias| ≤ 0.0681"]
    assert all(axes.get_xscale() == "log" for axes in figure.axes)
    assert [e.problem.method for e in estimators("power(2)", 3)] == ["plug_in", "exact"]


def test_plot_with_a_budget_that_was_not_solved_says_so(run: Run, tmp_path: Path) -> None:
    code, _, err = run("plot", "log", "-k", 4, "--bias-budget", 77, "--out", tmp_path / "plot.png")
    assert code == 2
    assert "polyest solve --target log --method aqp -k 4 --bias-budget 77" in err
    assert not list(tmp_path.iterdir())


# --- progress ------------------------------------------------------------------------------------------------------


def test_plain_lines_elsewhere_than_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress, "EVERY", 5.0)
    assert list(progress.track(range(7), "work", 7)) == list(range(7))
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0] == "work: 3/7"
    assert captured.out == ""


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_a_bar_on_a_terminal(with_tqdm: bool) -> None:
    """In a pseudo-terminal, with tqdm and with tqdm blocked."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    block = "" if with_tqdm else "import sys; sys.modules['tqdm'] = None\n"
    program = (
        f"{block}import time\nfrom polyest.cli import progress\nprogress.EVERY = 0.1\n"
        "for i in progress.track(range(4), 'work', 4):\n    time.sleep(0.3)\n    progress.say(f'item {i}')\n"
    )
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=slave, text=True)
    os.close(slave)
    shown = b""
    while chunk := _read(master):
        shown += chunk
    out, _ = process.communicate()
    os.close(master)
    assert out.split("\n")[:4] == [f"item {i}" for i in range(4)]
    assert (b"it/s" in shown or b"s/it" in shown) == with_tqdm
    assert (b"work: 1/4" in shown) == (not with_tqdm)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1024)
    except OSError:
        return b""  # the other side is closed


def test_plot_draws_the_frontier(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "frontier.svg"
    assert run("plot", "log", "-k", 4, "--frontier", "--out", path) == (0, f"{path}\n", "")
    assert all(label in path.read_text() for label in ("<!-- minimax -->", "<!-- Bayes -->", "<!-- plug_in -->"))


def test_an_exact_target_has_no_frontier(run: Run, tmp_path: Path) -> None:
    code, _, err = run("plot", "power(2)", "-k", 4, "--frontier", "--out", tmp_path / "x.svg")
    assert code == 2
    assert "no bias at all" in err
    assert not list(tmp_path.iterdir())
