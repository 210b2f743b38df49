"""Makes the tag of a release, for `make tag`; where something is not in its place it says so, and makes none.

The tag is `v` and the version of pyproject.toml; its message has the digests of what was built. Nothing is pushed.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

HEADING = re.compile(r"^## \[(.+?)\](?: - (\S+))?$", re.MULTILINE)


def git(root: Path, *arguments: str, text: str | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, input=text, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def version_of(root: Path) -> str:
    return str(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def amiss(root: Path, day: date) -> Iterator[str]:
    """What has to be done before the tag of this day can be made."""
    version = version_of(root)
    if git(root, "status", "--porcelain"):
        yield "the checkout has changes: commit them, so that the tag has what was built"
    if git(root, "tag", "--list", f"v{version}"):
        yield f"the tag v{version} is there already: raise `version` in pyproject.toml"
    yield from _amiss_in_changelog((root / "CHANGELOG.md").read_text(encoding="utf-8"), version, day)
    if f"\nversion: {version}\n" not in (root / "CITATION.cff").read_text(encoding="utf-8"):
        yield f"CITATION.cff names another version than {version}"
    yield from _amiss_in_list(root / "coeffs", "*.json", "make digests")
    yield from _amiss_in_list(root / "dist", "polyest-*", "make release")


def _amiss_in_changelog(text: str, version: str, day: date) -> Iterator[str]:
    """The newest release has to be this one, of this day, and nothing above it."""
    names = [match[1] for match in HEADING.finditer(text)]
    releases = {match[1]: match[2] for match in HEADING.finditer(text)}
    if "Unreleased" in names:
        yield f"CHANGELOG.md has a section Unreleased: what it lists is in this release; move it to [{version}]"
    newest = next((name for name in names if name != "Unreleased"), "none")
    if newest != version:
        yield f"the newest release of CHANGELOG.md is {newest}, and not {version}"
    elif releases[version] != day.isoformat():
        yield f"CHANGELOG.md dates {version} {releases[version]}; today is {day.isoformat()}"


def _amiss_in_list(folder: Path, pattern: str, remedy: str) -> Iterator[str]:
    """Whether every file is what SHA256SUMS says, and every file of the pattern is listed there."""
    sums = folder / "SHA256SUMS"
    lines = sums.read_text(encoding="ascii").splitlines() if sums.is_file() else []
    if not lines:
        yield f"{folder.name}/ has no SHA256SUMS: run {remedy}"
        return
    digests = {folder / name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    for path in sorted({*digests, *folder.rglob(pattern)}):
        name = path.relative_to(folder.parent)
        if path not in digests:
            yield f"{name} is not in SHA256SUMS: run {remedy}"
        elif not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digests[path]:
            yield f"{name} is not what SHA256SUMS says: run {remedy}"


def message(root: Path) -> str:
    """Of the tag: the version, and the digests of what is published."""
    digests = (root / "dist" / "SHA256SUMS").read_text(encoding="ascii")
    return f"polyest {version_of(root)}\n\nSHA-256 of what was built from this commit (make release):\n\n{digests}"


def main(root: Path) -> int:
    problems = [*amiss(root, datetime.now(UTC).date())]
    for problem in problems:
        print(f"tag: {problem}", file=sys.stderr)
    if problems:
        return 1
    name = f"v{version_of(root)}"
    git(root, "tag", "--annotate", "--cleanup=verbatim", "--file=-", name, text=message(root))
    print(f"{name} is {git(root, 'rev-parse', 'HEAD')}; to publish it: git push origin {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1]))
