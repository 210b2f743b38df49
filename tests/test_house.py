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
from places import ROOT

from examples import EXAMPLES, PAGE, between, blocks, without

LONGEST_FUNCTION = 40
LONGEST_FILE = 300
MOST_ANY = 0.08

# Tests of the package as a whole
WHOLE = {"coeffs", "house", "import", "limits", "packaging", "pickling", "readme"}
TESTS = sorted(path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py"))
SOURCES = sorted((ROOT / "polyest").rglob("*.py"))


def names_in(folder: Path) -> set[str]:
    """The folder, what is in it, as modules are written."""
    return {path.stem.replace("-", "_") for path in (folder, *folder.glob("*")) if not path.name.startswith("_")}


def lies_where_what_it_tests_lies(path: Path) -> bool:
    folder = ROOT / path.parent if path.parts[0] in ("benchmarks", "docs") else ROOT / "polyest" / path.parent
    tested = path.stem.removeprefix("test_")
    names = names_in(folder) | (WHOLE if len(path.parts) == 1 else set())
    return any(tested == name or tested.startswith(f"{name}_") for name in names)


def test_a_test_lies_where_what_it_tests_lies() -> None:
    """tests/a/test_b.py or test_b_<subject>.py: of polyest/a/b, or of benchmarks/b or docs/b."""
    assert TESTS
    assert [str(path) for path in TESTS if not lies_where_what_it_tests_lies(path)] == []


FOLDERS = sorted(path.parent for path in (ROOT / "polyest").rglob("__init__.py"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_says_what_is_in_it(folder: Path) -> None:
    """Its docstring names every module, or says that there is one file for each of a kind."""
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    named = {word for span in re.findall(r"`([^`\n]+)`", text.replace("``", "'")) for word in re.findall(r"\w+", span)}
    modules = names_in(folder) - {folder.name, "py"}  # of py.typed
    assert modules <= named or "one file each" in text or "one file per" in text, modules - named


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.slow
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


@pytest.mark.slow
def test_few_annotations_say_any() -> None:
    texts = [ast.unparse(annotation) for path in SOURCES for annotation in annotations(path)]
    share = sum(bool(re.search(r"\bAny\b", text)) for text in texts) / len(texts)
    assert share <= MOST_ANY


WRITTEN = re.compile(r"(?<![\w.])polyest(?!\.md\b)((?:\.\w+)+)")
FORMER_NAMES = {"CHANGELOG.md", "design.md", "test_import.py"}  # and one that must not be there
CODE = ("polyest", "benchmarks", "examples", "tests")
READ = [
    path
    for pattern in ("*.md", "docs/**/*.md", "docs/**/*.ipynb", *(f"{folder}/**/*.py" for folder in CODE))
    for path in sorted(ROOT.glob(pattern))
    if path.name not in FORMER_NAMES
]


def resolves(dotted: str) -> bool:
    """Whether polyest<dotted> is a module, or a name that one has in its text."""
    place, names = ROOT / "polyest", dotted.split(".")[1:]
    while names and (place / names[0]).is_dir():
        place /= names.pop(0)
    if names and (place / f"{names[0]}.py").exists():
        place = place / f"{names.pop(0)}.py"
    text = place if place.suffix else place / "__init__.py"
    return not names or names[0].startswith("__") or re.search(rf"\b{names[0]}\b", text.read_text("utf-8")) is not None


@pytest.mark.slow
def test_names_of_modules_resolve() -> None:
    """In code, docstrings and pages; ``algorithm.polyest.…`` is verl's."""
    found = {(path, name) for path in READ for name in WRITTEN.findall(path.read_text(encoding="utf-8"))}
    wanting = {name for name in {name for _, name in found} if not resolves(name)}
    assert {f"{path.relative_to(ROOT)}: polyest{name}" for path, name in found if name in wanting} == set()


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs the extra plot")
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_apply(name: str, tmp_path: Path) -> None:
    """To a copy of the tree without them; then it is the tree."""
    shutil.copytree(ROOT / "polyest", tmp_path / "polyest", ignore=shutil.ignore_patterns("__pycache__"))
    for file in EXAMPLES[name]:
        text, place = without(name, file), tmp_path / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8") if text is not None else place.unlink()
    assert (name == "extra") == runs(KNOWN[name], tmp_path)
    diff = between(PAGE.read_text(encoding="utf-8"), name).removeprefix("```diff\n").removesuffix("```\n")
    if name == "method":  # of any name
        apply(diff.replace("harmonic", "other"), tmp_path)
        assert runs(DRAWN.format("other"), tmp_path)
        apply(diff.replace("harmonic", "other"), tmp_path, "--reverse")
    apply(diff, tmp_path)
    assert runs(KNOWN[name], tmp_path)
    assert all((tmp_path / file).read_bytes() == (ROOT / file).read_bytes() for file in EXAMPLES[name])


def apply(diff: str, folder: Path, *options: str) -> None:
    subprocess.run(["git", "apply", *options, "-"], input=diff, text=True, check=True, cwd=folder)


DRAWN = (
    "one = polyest.load('log', 4, '{}'); one.plot(); from polyest.plot.figures import estimators; "
    "assert one.problem in [each.problem for each in estimators('log', 4)]"
)
KNOWN = {
    "target": "polyest.load('js(0.1)', 4, 'plug_in')",
    "method": DRAWN.format("harmonic"),
    "adapter": "from polyest.adapters import tunix",
    "extra": "polyest",
}


def runs(call: str, folder: Path) -> bool:
    program = f"import sys; sys.path.insert(0, '.'); import polyest; {call}"
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(
    any(find_spec(name) is None for name in ("torch", "jax", "trl", "verl")), reason="needs all adapters"
)
def test_the_ways_are_those_that_are_drawn() -> None:
    """After a change: python tests/support/ways.py --write."""
    ways = pytest.importorskip("ways")
    assert between(PAGE.read_text(encoding="utf-8"), "ways") == ways.text()


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
