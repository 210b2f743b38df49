"""What is installed and imported: dependencies, extras, the wheel's contents, and what a bare import loads."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from places import ROOT
from scripts import module_of

import polyest
from polyest.storage import store

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HEAVY = ["cvxpy", "scipy", "mpmath", "gmpy2", "flint", "torch", "jax", "numba", "platformdirs", "matplotlib", "pyarrow"]
HEAVY += ["joblib", "tqdm", "polyest.offline", "polyest.certify", "polyest.adapters"]


def run(program: str, *arguments: str, cwd: Path = ROOT) -> str:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


def packages(requirements: list[str]) -> set[str]:
    """The names of requirements, those of polyest's own extras included."""
    names: set[str] = set()
    for requirement in requirements:
        own = re.fullmatch(r"polyest\[(.*)\]", requirement)
        if own:
            for extra in own[1].split(","):
                names |= packages(PROJECT["optional-dependencies"][extra])
        else:
            names.add(re.split(r"[<>=\[]", requirement)[0])
    return names


def test_the_base_install_is_numpy_numba_and_platformdirs() -> None:
    assert packages(PROJECT["dependencies"]) == {"numpy", "numba", "platformdirs"}


def test_verify_installs_no_solver_and_all_installs_everything_but_what_tests_and_pages_need() -> None:
    extras = {name: packages(requirements) for name, requirements in PROJECT["optional-dependencies"].items()}
    assert {"verify", "offline", "plot", "score", "torch", "test", "all"} <= set(extras)
    assert extras["verify"] == {"python-flint"}
    assert extras["all"] == set.union(*(names for extra, names in extras.items() if extra not in ("docs", "test")))
    assert extras["offline"] | extras["plot"] | extras["score"] < extras["test"]


def test_every_extra_is_tried_before_a_release() -> None:
    """All of them, of which `all` does what its parts do."""
    extras = module_of(ROOT / ".ci" / "extras.py")
    assert {*extras.DOES, "all"} == {*PROJECT["optional-dependencies"]}
    assert extras.main(ROOT / "none.whl", ["nosuch"]) == 2


def test_every_direct_dependency_is_pinned_for_test_runs() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    needed = packages(PROJECT["dependencies"]) | packages(PROJECT["optional-dependencies"]["all"])
    assert needed | packages(PROJECT["optional-dependencies"]["test"]) <= pinned


def pinned(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def floors() -> dict[str, set[str]]:
    """The least versions that each package may have, by the base install and all extras."""
    found: dict[str, set[str]] = {}
    for requirement in chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        match = re.match(r"([\w-]+)(?:\[.*?\])?>=([\d.]+)", requirement)
        if match:
            found.setdefault(match[1], set()).add(match[2])
    return found


def test_every_floor_is_a_version_that_is_tested() -> None:
    """The oldest by `make test-lowest` and `make test-trl-oldest`; other frameworks and tools by `make test`."""
    lowest, newest = pinned("constraints-lowest.txt"), pinned("constraints.txt")
    lowest["trl"] = pinned("constraints-trl-oldest.txt")["trl"]
    for package, (floor,) in floors().items():  # one each
        tested = lowest.get(package) or newest[package]
        assert re.fullmatch(rf"{re.escape(floor)}(\.0)*", tested), (package, floor, tested)


def test_no_floor_is_a_version_with_a_known_hole() -> None:
    """tqdm before 4.66.3: CVE-2024-34062; torch before 2.6: CVE-2025-32434."""
    (tqdm,), (torch,) = floors()["tqdm"], floors()["torch"]
    assert [*map(int, tqdm.split("."))] >= [4, 66, 3]
    assert [*map(int, torch.split("."))] >= [2, 6]


def test_one_version_everywhere() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PROJECT['version']}\n" in citation
    assert polyest.__version__ == PROJECT["version"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "program",
    [
        "import polyest",
        "import polyest; polyest.load('log', 8, 'harmonic').advantages([[1, 1, 2, 3, 1, 2, 2, 2]])",
        "import polyest; polyest.rewards([1, 1, 2], [0, 0, 0], 'log', 'plug_in'); polyest.targets(), polyest.methods()",
    ],
)
def test_what_a_fresh_process_loads(program: str) -> None:
    loaded = json.loads(run(f"{program}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"))
    assert not [name for name in HEAVY if name in loaded]


@pytest.mark.slow
def test_the_command_line_loads_nothing_heavy_before_it_needs_it() -> None:
    loaded = json.loads(run("import polyest.cli, sys, json; print(json.dumps(sorted(sys.modules)))"))
    assert not [name for name in HEAVY if name in loaded]


def test_the_types_are_shipped() -> None:
    assert (Path(polyest.__file__).parent / "py.typed").is_file()


@pytest.mark.slow
def test_an_editable_install_finds_the_tables_beside_the_package(tmp_path: Path) -> None:
    found = run("from polyest.storage import store; print(store.shipped_folder())", cwd=tmp_path)
    assert Path(found.strip()) == ROOT / "coeffs" == store.shipped_folder()


@pytest.mark.slow
def test_a_release_is_the_same_bytes_wherever_and_whenever_it_is_built(tmp_path: Path) -> None:
    files = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    built = []
    for place in ("here", "there/and there"):
        for name in files.split("\0")[:-1]:
            copy = tmp_path / place / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy)  # with the time of now
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build"], check=True, capture_output=True, cwd=tmp_path / place
        )
        made = sorted((tmp_path / place / "dist").iterdir())
        built.append({file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in made})
    assert [*built[0]] == [f"polyest-{PROJECT['version']}-py3-none-any.whl", f"polyest-{PROJECT['version']}.tar.gz"]
    assert built[0] == built[1]


def imports(path: Path) -> set[str]:
    """The modules that a file imports at its top level."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("certify", ("cvxpy", "scipy", "mpmath", "polyest.offline", "polyest.online", "polyest.cli")),
        ("online", ("cvxpy", "scipy", "mpmath", "torch", "jax", "polyest.offline", "polyest.certify", "polyest.cli")),
        ("closed_forms", ("cvxpy", "scipy", "mpmath", "numpy", "polyest.offline", "polyest.certify", "polyest.cli")),
        ("adapters", ("cvxpy", "scipy", "mpmath", "polyest.offline", "polyest.certify", "polyest.cli")),
        ("offline", ("torch", "jax", "polyest.online", "polyest.adapters", "polyest.cli")),
    ],
)
def test_the_direction_of_imports(folder: str, forbidden: tuple[str, ...]) -> None:
    files = list((ROOT / "polyest" / folder).rglob("*.py"))
    assert files
    for path in files:
        wrong = [m for m in imports(path) for name in forbidden if m == name or m.startswith(f"{name}.")]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


BLOCK_SOLVERS = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("cvxpy", "scipy", "mpmath") or name.startswith("polyest.offline"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block())
from polyest.cli import main
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("flint") is None, reason="needs python-flint")
def test_verify_works_without_any_solver(tmp_path: Path) -> None:
    path = next(store.paths(ROOT / "coeffs" / "log"))
    assert run(f"{BLOCK_SOLVERS}sys.exit(main(['verify', sys.argv[1]]))", str(path)).endswith("1 proved\n")


WITHOUT: dict[str, tuple[tuple[str, ...], str, str]] = {
    "verify": (("flint",), "['verify']", "pip install 'polyest[verify]'"),
    "solve": (
        ("cvxpy", "mpmath", "flint"),
        "['solve', '--target', 'log', '-k', '5', '--groups', '9']",
        "'polyest[offline]'",
    ),
    "plot": (("matplotlib",), "['plot', 'log', '-k', '4', '--out', 'x.png']", "pip install 'polyest[plot]'"),
    "parquet": (("pyarrow",), "['score', 'x.parquet', '--target', 'log']", "pip install 'polyest[score]'"),
    "report": (("jinja2",), "['report', 'x.parquet', '--out', 'x.html']", "pip install 'polyest[report]'"),
    "jobs": (("joblib",), "['verify', '--jobs', '2']", "pip install 'polyest[offline]'"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", WITHOUT)
def test_what_is_missing_is_named_with_the_extra_that_installs_it(case: str, tmp_path: Path) -> None:
    modules, arguments, remedy = WITHOUT[case]
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    program = (
        f"import sys\nfor name in {modules}: sys.modules[name] = None\n"
        f"from polyest.cli import main\nsys.exit(main({arguments}))"
    )
    result: Any = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert remedy in result.stderr
    assert result.stderr.count("\n") == 1
