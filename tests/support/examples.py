"""The diffs that CONTRIBUTING.md shows: what adding `js(q)`, `harmonic`, the adapter for Tunix and the extra
of that for JAX changes in this tree.

Each is the tree against itself without the example. `python tests/support/examples.py` prints them, and writes them
into CONTRIBUTING.md with ``--write``.
"""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "CONTRIBUTING.md"

# By example and file: what is taken out, and what stands there then. None: the file itself
EXAMPLES: dict[str, dict[str, list[tuple[str, str]] | None]] = {
    "target": {
        "polyest/problems/targets.py": [
            (r"def _js\(.*?\n\n\n(?=\S)", ""),
            (r'    "js": Row\(.*?\),\n', ""),
            (r", 'js\(q\)'", ""),
        ],
    },
    "method": {
        "polyest/closed_forms/harmonic.py": None,
        "polyest/closed_forms/__init__.py": [
            ("exact, harmonic, plug_in", "exact, plug_in"),
            ('"harmonic": harmonic.coefficients, ', ""),
        ],
        "polyest/problems/problem.py": [
            (r'    "harmonic": [^\n]*\n', ""),
            (r'    if method == "harmonic"[^\n]*\n[^\n]*\n', ""),
        ],
        "polyest/storage/table.py": [(r'    "harmonic": \(\),\n', "")],
    },
    "adapter": {
        "polyest/adapters/tunix.py": None,
        "polyest/adapters/__init__.py": [("`tunix`, ", "")],
        "docs/reference/adapters.md": [(r"::: polyest\.adapters\.tunix\n\n", "")],
        "conftest.py": [(', "tunix": "tunix"', "")],
        "tests/conftest.py": [(', "tunix"', "")],
        "constraints.txt": [(r"google-tunix==[^\n]*\n", "")],
        "Makefile": [(", and 27 MB for Tunix", ""), (r" \\\n\tgoogle-tunix.*? wrapt", "")],
        ".ci/run": [(r" tunix\.rl\.reward_manager,", "")],
    },
    "extra": {
        "conftest.py": [('"jax", ', "")],
        "tests/conftest.py": [('"jax", ', "")],
        "pyproject.toml": [(r"jax = [^\n]*\n", ""), ("torch,jax", "torch"), ('"jax", ', ""), (r'"jax\.\*", ', "")],
        "constraints.txt": [(r"jax==[^\n]*\n", "")],
        "Makefile": [("torch,jax", "torch")],
        ".ci/run": [(" jax,", "")],
        ".ci/extras.py": [(r'    "jax": [^\n]*\n[^\n]*\n', "")],
        "docs/reference/versions.md": [(r"\| JAX [^\n]*\n", "")],
    },
}


def without(name: str, file: str) -> str | None:
    """The text of a file without the example, None if it goes with it."""
    changes = EXAMPLES[name][file]
    if changes is None:
        return None
    text = (ROOT / file).read_text(encoding="utf-8")
    for pattern, instead in changes:
        text, found = re.subn(pattern, instead, text, count=1, flags=re.DOTALL)
        assert found, f"{file}: there is no {pattern}"
    return text


def diff(name: str) -> str:
    """What adding the example changes, with a line around it."""
    parts = []
    for file in EXAMPLES[name]:
        before, now = without(name, file), (ROOT / file).read_text(encoding="utf-8")
        origin = "/dev/null" if before is None else f"a/{file}"
        lines = [(before or "").splitlines(keepends=True), now.splitlines(keepends=True)]
        parts.append("".join(difflib.unified_diff(*lines, origin, f"b/{file}", n=1)))
    return "".join(parts)


def between(page: str, name: str) -> str:
    """What CONTRIBUTING.md has between the marks of that name."""
    return page.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- end of {name} -->\n")[0]


def rewrite(blocks: dict[str, str]) -> None:
    """Put the blocks between their marks."""
    page = PAGE.read_text(encoding="utf-8")
    for name, block in blocks.items():
        head, mark, rest = page.partition(f"<!-- {name} -->\n")
        page = head + mark + block + rest[len(between(page, name)) :]
    PAGE.write_text(page, encoding="utf-8")


def blocks() -> dict[str, str]:
    return {name: f"```diff\n{diff(name)}```\n" for name in EXAMPLES}


if __name__ == "__main__":
    if "--write" in sys.argv:
        rewrite(blocks())
    sys.stdout.write("\n".join(blocks().values()))
