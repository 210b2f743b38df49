"""Tables that several verbs are tried on, and a Ray cluster."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from solve_support import environment

from polyest.cli import main
from polyest.storage import store


@pytest.fixture(scope="session")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables of `log`, K = 3 and 4, aqp and minimax."""
    folder = tmp_path_factory.mktemp("solved")
    here = ["--out", str(folder), "--jobs", "1"]
    assert main(["solve", "--target", "log", "-k", "3,4", *here]) == 0
    assert main(["solve", "--target", "log", "--method", "minimax", "-k", "3:4", *here]) == 0
    return folder


@pytest.fixture
def copies(solved: Path, tmp_path: Path) -> Path:
    for path in store.paths(solved):
        store.write(store.read(path), tmp_path)
    return tmp_path


CLUSTER = """
import logging, ray
context = ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
print(context.address_info["gcs_address"], flush=True)
input()
"""


@pytest.fixture(scope="session")
def ray_of_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a Ray cluster of two workers, whose processes live in another folder, and what lets one in."""
    key = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path_factory.mktemp("cluster"),
        env=environment() | key | {"RAY_USAGE_STATS_ENABLED": "0"},
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
