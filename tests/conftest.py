"""Hypothesis profiles, slow folders, and an empty user folder: no test sees the tables that a developer has solved."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from polyest.cli import main, progress

# until all is imported and collected, which lives to the end: looking through it time and again took a fifth of that
gc.disable()
# the cores have tests enough: threads of PyTorch that wait for each other took a third more of them
os.environ.setdefault("OMP_NUM_THREADS", "1")
# transformers and TRL each ask it, for half a second, which module is of which of all installed packages
importlib.metadata.packages_distributions = cache(importlib.metadata.packages_distributions)
# accelerate reads what a package says of itself at each step of a training, for whether it is installed
importlib.metadata.metadata = cache(importlib.metadata.metadata)
# while tests are collected, before the fixture below takes over
os.environ["POLYEST_COEFFS"] = str(Path(__file__).parent / "no-such-folder")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # in the background of a shell (`nohup make test &`), where also what the tests start and interrupt would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("default", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", settings.get_profile("default"), max_examples=15)
settings.register_profile(  # the same examples each time: more of them find nothing that is new
    "ci", settings.get_profile("default"), max_examples=30, derandomize=True, print_blob=True
)
settings.register_profile("long", settings.get_profile("default"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

HERE = Path(__file__).parent
collect_ignore = ["support"]  # has no examples, and imports every framework
SLOW_PLACES = [HERE / "benchmarks", *(HERE / "adapters" / name for name in ("jax", "torch", "trl", "verl"))]
SLOW_PLACES += [HERE / "adapters" / f"test_{name}.py" for name in ("ms_swift", "skyrl", "tinker", "tunix")]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without slow tests those of the frameworks are not even read: importing these takes long."""
    return True if config.option.markexpr == "not slow" and collection_path in SLOW_PLACES else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = tuple(str(place) if place.suffix else f"{place}{os.sep}" for place in SLOW_PLACES)
    for item in items:
        if str(item.path).startswith(places):
            item.add_marker(pytest.mark.slow)


SPARE: list[Path] = []


def pytest_collection_finish() -> None:
    """What was imported and collected lives to the end: the garbage collector need not look through it again."""
    gc.set_threshold(50_000, 20, 20)  # of what tests make, most is gone before it is looked for
    gc.enable()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> Iterator[None]:
    """What a file's tests leave in memory, compiled functions above all, is not looked through by those of the next.

    Trainers collect the garbage with each checkpoint: behind JAX's tests that took as long as all else they do.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def user_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the user's own tables, empty, also for processes that a test starts.

    Tests that leave it empty share one: a thousand folders take seconds to be named, made and removed.
    """
    folder = SPARE.pop() if SPARE else tmp_path_factory.mktemp("user-coeffs")
    monkeypatch.setenv("POLYEST_COEFFS", str(folder))
    yield folder
    with suppress(FileNotFoundError):
        SPARE.extend([] if any(folder.iterdir()) else [folder])


@pytest.fixture
def permissions(tmp_path: Path) -> Iterator[None]:
    """Modes of files hold, also where the tests run as root; below `tmp_path` they end as ones that can be removed."""
    from permissions import binding  # not on the path of all that read this file

    with binding():
        yield
    for place, folders, _ in os.walk(tmp_path):
        for name in folders:
            Path(place, name).chmod(0o700)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process: its exit code, standard output and standard error, without progress."""
    monkeypatch.setattr(progress, "EVERY", 1e9)

    def command(*arguments: object) -> tuple[int, str, str]:
        try:
            code: Any = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command
