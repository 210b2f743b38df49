"""The packages that a file pins, in a folder that later runs find again: `python .ci/packages.py PINS CACHE` prints it.

The folder is named after all that decides what is in it: the pins, the interpreter and this script. It is filled under
another name and renamed when it is full, so that an interrupted run leaves none, and runs at the same time share one.
Before it is used its files are compared with what pip installed: one that has lost or changed some is made anew.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import sysconfig
import tempfile
from base64 import urlsafe_b64encode
from contextlib import suppress
from importlib.metadata import PackagePath, distributions
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
OPTIONS = ["--no-deps", "--only-binary", ":all:", "--no-compile"]


def packages(pins: Path, cache: Path) -> Path:
    """The folder, which is there and as pip left it."""
    folder = cache / f"{pins.stem}-{key(pins)}"
    if is_intact(folder, pins):
        print(f"{pins.name}: found in {folder}", file=sys.stderr)
        return folder
    fill(folder, pins)
    if not is_intact(folder, pins):
        sys.exit(f"{pins}: must name a wheel by name==version in each line, and nothing else")
    print(f"{pins.name}: installed in {folder}", file=sys.stderr)
    return folder


def key(pins: Path) -> str:
    interpreter = f"{sys.version} {sysconfig.get_platform()}"
    facts = (pins.read_bytes(), Path(__file__).read_bytes(), interpreter.encode())
    return hashlib.sha256(b"\0".join(facts)).hexdigest()[:16]


def fill(folder: Path, pins: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as place:
        new = Path(place, "new")
        subprocess.run([*PIP, *OPTIONS, "--target", str(new), "-r", str(pins)], check=True)
        if folder.exists():
            folder.rename(Path(place, "broken"))
        with suppress(OSError):  # another run has just made it
            new.rename(folder)


def is_intact(folder: Path, pins: Path) -> bool:
    wanted = {named(line) for line in pins.read_text(encoding="utf-8").splitlines() if re.match(r"\w", line)}
    found = [*distributions(path=[str(folder)])]
    return {named(f"{one.name}=={one.version}") for one in found} == wanted and all(
        is_as_installed(file) for one in found for file in one.files or ()
    )


def is_as_installed(file: PackagePath) -> bool:
    """Whether its digest is that which its wheel noted; scripts, which nothing runs, lie elsewhere than it says."""
    if ".." in file.parts:
        return True
    path = Path(str(file.locate()))
    if file.hash is None or not path.is_file():  # RECORD itself has none
        return path.is_file()
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, file.hash.mode).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=") == file.hash.value


def named(pin: str) -> str:
    name, _, version = pin.partition("==")
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version}"


if __name__ == "__main__":
    print(packages(Path(sys.argv[1]), Path(sys.argv[2]).resolve()))
