"""The house as CONTRIBUTING.md describes it: where tests lie, how long and deep code may be, the examples, the ways."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from examples import EXAMPLES, PAGE, between, blocks, without
from places import ROOT

# What is left to do: 40, 300 and 0.08.
LONGEST_FUNCTION = 56
LONGEST_FILE = 311
MOST_ANY = 0.205

# Tests of the package as a whole
WHOLE = {"coeffs", "house", "import", "limits", "packaging", "pickling"}
TESTS = sorted(path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py"))
SOURCES = sorted((ROOT / "polyest").rglob("*.py"))


def names_in(folder: Path) -> set[str]:
    """The folder, what is in it, as modules are written."""
    return {path.stem.replace("-", "_") for path in (folder, *folder.glob("*")) if not path.name.startswith("_")}


@pytest.mark.parametrize("path", TESTS, ids=str)
def test_a_test_lies_where_what_it_tests_lies(path: Path) -> None:
    """tests/a/test_b.py or test_b_<subject>.py: of polyest/a/b, or of benchmarks/b or docs/b."""
    folder = ROOT / path.parent if path.parts[0] in ("benchmarks", "docs") else ROOT / "polyest" / path.parent
    tested = path.stem.removeprefix("test_")
    names = names_in(folder) | (WHOLE if len(path.parts) == 1 else set())
    assert any(tested == name or tested.startswith(f"{name}_") for name in names), f"{folder} has no {tested}"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_are_short() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}: {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in SOURCES
        for function in functions(path)
    }
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION}


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in SOURCES}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FILE}


def annotations(path: Path) -> Iterator[ast.expr]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            of = node.args
            for argument in (*of.posonlyargs, *of.args, *of.kwonlyargs, of.vararg, of.kwarg):
                if argument is not None and argument.annotation is not None:
                    yield argument.annotation
            if node.returns is not None:
                yield node.returns
        elif isinstance(node, ast.AnnAssign):
            yield node.annotation


def test_few_annotations_say_any() -> None:
    texts = [ast.unparse(annotation) for path in SOURCES for annotation in annotations(path)]
    share = sum(bool(re.search(r"\bAny\b", text)) for text in texts) / len(texts)
    assert share <= MOST_ANY


def test_only_the_machine_code_is_complex() -> None:
    """ruff holds all other functions to a complexity of 10."""
    excused = {path for path in SOURCES if "C901" in path.read_text(encoding="utf-8")}
    assert {path.name for path in excused} <= {"kernels.py"}


def test_what_is_called_from_outside_exists() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*SOURCES, *(ROOT / "benchmarks").rglob("*.py")])
    for line in (ROOT / ".ci" / "called_from_outside.py").read_text(encoding="utf-8").splitlines():
        name = line.partition("#")[0].strip().removeprefix("_.")
        if name and not name.startswith('"'):
            assert re.search(rf"\b{name}\b", text), name


def plain(diff: str) -> str:
    """Without line numbers, which any change moves."""
    return re.sub(r"^@@ .* @@", "@@", diff, flags=re.MULTILINE)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_those_of_this_tree(name: str) -> None:
    """After a change: python tests/support/examples.py --write."""
    assert plain(between(PAGE.read_text(encoding="utf-8"), name)) == plain(blocks()[name])


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_apply(name: str, tmp_path: Path) -> None:
    """To a copy of the tree without them; then it is the tree."""
    shutil.copytree(ROOT / "polyest", tmp_path / "polyest", ignore=shutil.ignore_patterns("__pycache__"))
    for file in EXAMPLES[name]:
        text = without(name, file)
        (tmp_path / file).write_text(text, encoding="utf-8") if text is not None else (tmp_path / file).unlink()
    assert (name == "adapter") == knows(name, tmp_path)
    diff = between(PAGE.read_text(encoding="utf-8"), name).removeprefix("```diff\n").removesuffix("```\n")
    subprocess.run(["git", "apply", "-"], input=diff, text=True, check=True, cwd=tmp_path)
    assert knows(name, tmp_path)
    assert all((tmp_path / file).read_bytes() == (ROOT / file).read_bytes() for file in EXAMPLES[name])


KNOWN = {
    "target": "polyest.load('js(0.1)', 4, 'plug_in')",
    "method": "polyest.load('log', 4, 'harmonic')",
    "adapter": "polyest",
}


def knows(name: str, folder: Path) -> bool:
    program = f"import sys; sys.path.insert(0, '.'); import polyest; {KNOWN[name]}"
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(
    any(find_spec(name) is None for name in ("torch", "jax", "trl", "verl")), reason="needs all adapters"
)
def test_the_ways_are_those_that_are_drawn() -> None:
    """After a change: python tests/support/ways.py --write."""
    command = [sys.executable, str(ROOT / "tests" / "support" / "ways.py")]
    drawn = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert between(PAGE.read_text(encoding="utf-8"), "ways") == drawn


def test_the_hooks_run_what_the_project_has() -> None:
    """No hook fetches anything: tools are those of the project's own environment."""
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: (.*)", text) == ["local"]
    assert set(re.findall(r"language: (.*)", text)) == {"system"}
    entries = re.findall(r"entry: (\S+)", text)
    assert set(entries) == {"make", ".venv/bin/ruff", ".venv/bin/vulture", ".venv/bin/mypy"}


def test_the_names_that_moved_are_there() -> None:
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \|$", page, re.MULTILINE)
    assert len(rows) > 40
    for _, new in rows:
        path = ROOT / new.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), new
