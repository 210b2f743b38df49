"""What is published: PyPI takes it and shows the README whole; the tables and their digests go with it."""

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

import polyest
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
def test_the_wheel_holds_the_tables_and_finds_them(built: dict[str, Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(built[".whl"]) as archive:
        archive.extractall(tmp_path / "site")
    tables = sorted(path.relative_to(ROOT) for path in store.paths(ROOT / "coeffs"))
    assert tables
    assert all((tmp_path / "site" / "polyest" / path).is_file() for path in tables)
    assert (tmp_path / "site" / "polyest" / "py.typed").is_file()
    assert built[".whl"].stat().st_size < 8e6
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\nimport polyest\nfrom polyest.storage import store\n"
        "print(store.shipped_folder()); print(polyest.load('log', 16).table.coefficients)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "site")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    folder, coefficients = printed.splitlines()
    assert Path(folder) == (tmp_path / "site" / "polyest" / "coeffs").resolve()
    assert coefficients == str(polyest.load("log", 16).table.coefficients)


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
