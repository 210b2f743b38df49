"""`make tag`: a tag of what was built, or what stands in its way."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from places import ROOT
from scripts import module_of

TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def tag() -> Any:
    return module_of(ROOT / ".ci" / "tag.py")


def git(root: Path, *arguments: str) -> str:
    named = ("-c", "user.name=a", "-c", "user.email=a@b.c", *arguments)
    return subprocess.run(["git", *named], cwd=root, check=True, capture_output=True, text=True).stdout


def listed(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir()
    (folder / name).write_bytes(content)
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(content).hexdigest()}  {name}\n")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {"NAME": "a", "EMAIL": "a@b.c"}.items():
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", value)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n')
    (tmp_path / "CITATION.cff").write_text("title: x\nversion: 0.2.0\n")
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## [0.2.0] - {TODAY}\n\n- new\n\n## [0.1.0] - 2026-11-29\n")
    (tmp_path / ".gitignore").write_text("dist/\n")
    listed(tmp_path / "coeffs", "k4.json", b"{}")
    listed(tmp_path / "dist", "polyest-0.2.0.tar.gz", b"built")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    return tmp_path


def test_the_tag_has_the_digests_of_what_was_built(tag: Any, checkout: Path) -> None:
    assert tag.main(checkout) == 0
    assert git(checkout, "cat-file", "-t", "v0.2.0") == "tag\n"
    told = git(checkout, "tag", "--list", "--format=%(contents)", "v0.2.0")
    assert told.startswith("polyest 0.2.0\n")
    assert (checkout / "dist" / "SHA256SUMS").read_text() in told
    assert git(checkout, "rev-parse", "v0.2.0^{commit}") == git(checkout, "rev-parse", "HEAD")


def replaced(name: str, old: str, new: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text((root / name).read_text().replace(old, new, 1))


AMISS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a change": (replaced("CITATION.cff", "x", "y"), "the checkout has changes"),
    "a tag": (lambda root: git(root, "tag", "v0.2.0"), "the tag v0.2.0 is there already"),
    "an older version": (replaced("pyproject.toml", "0.2.0", "0.3.0"), "the newest release of CHANGELOG.md is 0.2.0"),
    "another citation": (replaced("CITATION.cff", "0.2.0", "0.1.0"), "CITATION.cff names another version than 0.2.0"),
    "unreleased": (replaced("CHANGELOG.md", "## [0.2.0]", "## [Unreleased]\n\n## [0.2.0]"), "a section Unreleased"),
    "a table": (replaced("coeffs/k4.json", "{}", "[]"), "coeffs/k4.json is not what SHA256SUMS says: run make digests"),
    "a new table": (lambda root: (root / "coeffs" / "k5.json").write_text("{}"), "coeffs/k5.json is not in SHA256SUMS"),
    "a build": (lambda root: (root / "dist" / "polyest-0.2.0.tar.gz").unlink(), "run make release"),
    "no build": (lambda root: (root / "dist").rename(root.parent / "elsewhere"), "dist/ has no SHA256SUMS"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", AMISS)
def test_what_stands_in_the_way_is_told_and_no_tag_made(
    case: str, tag: Any, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, told = AMISS[case]
    change(checkout)
    tags = git(checkout, "tag")
    assert tag.main(checkout) == 1
    assert told in capsys.readouterr().err
    assert git(checkout, "tag") == tags


def test_a_release_is_of_its_day(tag: Any, checkout: Path) -> None:
    assert [*tag.amiss(checkout, TODAY)] == []
    assert [*tag.amiss(checkout, date(2030, 1, 2))] == [f"CHANGELOG.md dates 0.2.0 {TODAY}; today is 2030-01-02"]


def test_the_changelog_of_this_checkout_has_its_release_on_top(tag: Any) -> None:
    headings = tag.HEADING.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    releases = [(name, day) for name, day in headings if name != "Unreleased"]
    assert releases[0][0] == tag.version_of(ROOT)
    assert [day for _, day in releases] == sorted(
        (date.fromisoformat(day).isoformat() for _, day in releases), reverse=True
    )
