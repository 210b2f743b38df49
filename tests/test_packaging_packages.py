"""`.ci/packages.py`: what CI keeps from one run to the next, and when it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
from places import ROOT

pytestmark = pytest.mark.slow
SCRIPT = ROOT / ".ci" / "packages.py"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def wheel(folder: Path, name: str, version: str) -> None:
    """A package that says its version, and the digests of its files in RECORD, by PEP 427."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {file: urlsafe_b64encode(sha256(text.encode()).digest()).decode() for file, text in files.items()}
    rows = [f"{file},sha256={digest.rstrip('=')},{len(files[file])}\n" for file, digest in digests.items()]
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file, text in (files | {f"{about}/RECORD": "".join([*rows, f"{about}/RECORD,,\n"])}).items():
            archive.writestr(file, text)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Of the script, with wheels of two versions and no registry."""
    (tmp_path / "wheels").mkdir()
    for version in ("1.0", "2.0"):
        wheel(tmp_path / "wheels", "some_thing", version)
    environment = os.environ | {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "wheels"),
        "PIP_CONFIG_FILE": os.devnull,
    }

    def started(pins: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pins.txt").write_text(f"# these\n{pins}\n")
        command = [sys.executable, str(SCRIPT), str(tmp_path / "pins.txt"), str(tmp_path / "cache")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    return started


def folder_of(done: subprocess.CompletedProcess[str], word: str) -> Path:
    assert done.returncode == 0, done.stderr
    assert f"pins.txt: {word} in " in done.stderr
    return Path(done.stdout.rstrip("\n"))


def test_packages_are_kept_for_the_same_pins_alone_as_long_as_they_are_as_pip_left_them(run: Run) -> None:
    first = folder_of(run("some-thing==1.0"), "installed")
    assert folder_of(run("some-thing==1.0"), "found") == first
    second = folder_of(run("some-thing==2.0"), "installed")
    assert [(folder / "some_thing.py").read_text() for folder in (first, second)] == [
        "VERSION = '1.0'\n",
        "VERSION = '2.0'\n",
    ]
    for spoil in (lambda file: file.unlink(), lambda file: file.write_text("VERSION = '9.0'\n")):
        spoil(first / "some_thing.py")
        assert folder_of(run("some-thing==1.0"), "installed") == first
        assert (first / "some_thing.py").read_text() == "VERSION = '1.0'\n"
    assert {*first.parent.iterdir()} == {first, second}


def test_nothing_is_left_of_what_could_not_be_installed(run: Run, tmp_path: Path) -> None:
    done = run("some-thing==1.0\nother==3.0")
    assert done.returncode
    assert "other==3.0" in done.stderr
    assert not [*(tmp_path / "cache").iterdir()]


def test_what_is_no_pin_is_told(run: Run) -> None:
    done = run("some-thing>=1.0")
    assert done.returncode
    assert "pins.txt: must name a wheel by name==version in each line, and nothing else" in done.stderr
