"""What is published: PyPI takes it and shows the README whole, and the digests of the tables go with it."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from addresses import addresses
from places import ROOT

from polyest.storage import store

DIGESTS = ROOT / "coeffs" / "SHA256SUMS"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the sdist, by their endings."""
    pytest.importorskip("hatch_fancy_pypi_readme")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)], check=True, capture_output=True, cwd=ROOT
    )
    return {path.suffix: path for path in folder.iterdir()}


def test_the_list_of_digests_is_that_of_the_shipped_tables() -> None:
    """`sha256sum -c SHA256SUMS` in coeffs/ says so, too; `make digests` writes it."""
    listed = dict(reversed(line.split("  ./")) for line in DIGESTS.read_text(encoding="ascii").splitlines())
    tables = {path.relative_to(ROOT / "coeffs").as_posix(): path for path in store.paths(ROOT / "coeffs")}
    assert listed == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in tables.items()}
    assert [*listed] == sorted(listed)


@pytest.mark.slow
def test_the_digests_are_in_the_wheel_and_in_the_sdist(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built[".whl"]) as wheel:
        assert wheel.read("polyest/coeffs/SHA256SUMS") == DIGESTS.read_bytes()
    with tarfile.open(built[".gz"]) as sdist:
        assert sum(name.endswith("/coeffs/SHA256SUMS") for name in sdist.getnames()) == 1


@pytest.mark.slow
def test_pypi_takes_what_is_released(built: dict[str, Path]) -> None:
    pytest.importorskip("twine")
    command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *map(str, built.values())]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout.count("PASSED")) == (0, 2), checked.stdout


@pytest.mark.slow
def test_the_readme_that_pypi_shows_has_no_address_inside_the_checkout(built: dict[str, Path]) -> None:
    markdown = pytest.importorskip("readme_renderer.markdown")
    with zipfile.ZipFile(built[".whl"]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        text = Parser().parsestr(wheel.read(name).decode()).get_payload()
    html = markdown.render(text)
    assert html
    assert [address for address in addresses(html, "href", "src") if not address.startswith(("https://", "#"))] == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    words = re.findall(r"(?<!!)\[([^\]]+)\]\((?!https?:)", readme)  # of links
    assert len(words) > 10
    assert [word for word in words if word.replace("`", "") not in re.sub(r"</?code>", "", html)] == []
    assert "![" not in text
