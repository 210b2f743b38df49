"""numba's machine code on disk is that of the present sources; whatever happens to it costs speed, not the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import polyest

SIMPLE = "from polyest.online.compiled.hashing import mixed; import numpy as np; print(mixed(np.uint64(9)))"
SHOW = "from polyest.online.compiled.strings import codes_identify; import numpy as np; at = np.array([0, 2]); "
SHOW += "print(codes_identify(np.zeros(9, np.uint8), np.zeros((2, 2), np.int64), at // 2, at))"
BOTH = f"{SIMPLE}; {SHOW}"
OLD, NEW = "0x9E3779B97F4A7C15", "0x9E3779B97F4A7C15 ^ (1 << 20)"
HITS = "; print(len(codes_identify.stats.cache_hits))"
LARGE = """
import numpy, polyest, warnings
answers = numpy.random.default_rng(0).integers(0, 9, (1 << 16, 16))
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    est = polyest.load("log", 16, "harmonic")
    sums = [est.advantages(answers).sum(), est.rewards(answers[::-1]).sum(), est.value(answers).sum()]
    groups = numpy.arange(answers.size) // 16 * 7
    sums += [polyest.rewards(answers.ravel().tolist(), groups, "log", "harmonic").sum()]
print([float(number) for number in sums], len(told), *{w.category.__name__ for w in told}, file=sys.stdout)
"""


def shown(folder: Path, program: str, given: str = "", **variables: str) -> str:
    """What a program prints that is given this on standard input; a package in this folder comes first."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")} | variables
    command = [sys.executable, "-W", "error", "-c", program]
    result = subprocess.run(
        command, input=given, capture_output=True, text=True, check=True, cwd=folder, env=environment
    )
    assert result.stderr == ""
    return result.stdout


def kept(folder: Path) -> list[Path]:
    return [path for path in (folder / "cache").rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A copy of the package and machine code of both functions, and what they give; it was compiled."""
    folder = tmp_path_factory.mktemp("filled")
    shutil.copytree(Path(polyest.__file__).parent, folder / "polyest", ignore=shutil.ignore_patterns("__pycache__"))
    *expected, hits = shown(folder, BOTH + HITS).splitlines()
    assert hits == "0"
    return folder, expected


@pytest.mark.slow
def test_machine_code_is_taken_from_the_disk(filled: tuple[Path, list[str]]) -> None:
    assert shown(filled[0], SHOW + HITS).splitlines() == [filled[1][1], "1"]


@pytest.mark.slow
def test_a_change_in_another_file_is_compiled(filled: tuple[Path, list[str]], tmp_path: Path) -> None:
    """`codes_identify` calls functions of hashing.py; numba itself looks at strings.py only."""
    shutil.copytree(filled[0] / "cache", tmp_path / "cache")
    source = filled[0] / "polyest" / "online" / "compiled" / "hashing.py"
    aside = source.rename(tmp_path / source.name)
    source.write_text(aside.read_text(encoding="utf-8").replace(OLD, NEW), encoding="utf-8")
    try:
        assert shown(filled[0], SHOW + HITS, NUMBA_CACHE_DIR=str(tmp_path / "cache")).splitlines()[-1] == "0"
    finally:
        aside.replace(source)


def flip(path: Path, share: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(share * (len(content) - 1))] ^= 0x10
    path.write_bytes(content)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut in the middle": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut at the end": lambda path: os.truncate(path, path.stat().st_size - 1),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "a bit at the start": lambda path: flip(path, 0),
    "a bit in the middle": lambda path: flip(path, 0.5),
    "a bit at the end": lambda path: flip(path, 1),
    "something else": lambda path: path.write_text("no machine code"),
    "a folder": replace_by_folder,
    "not readable": lambda path: path.chmod(0),
}
# A process that has read the package, and no machine code yet, becomes one for every case: twice, as another one
# has to find what the first has mended.
ONE_EACH = """
import os, shutil, sys
import numba, numpy as np
from polyest.online.compiled.hashing import mixed
numba.njit(lambda number: number + 1)(1)  # numba is at work
cache, *cases = sys.stdin.read().splitlines()
for case in cases:
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(case, cache, copy_function=os.rename)
    for _ in range(2):
        if not (child := os.fork()):
            print(mixed(np.uint64(9)), len(mixed.stats.cache_hits), flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture(scope="module")
def mended(filled: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """For every damage what two processes say, one after the other: the result, and how often it came from disk."""
    folder = tmp_path_factory.mktemp("mended")
    for case, damage in DAMAGE.items():
        shutil.copytree(filled[0] / "cache", folder / case)
        for path in [path for path in (folder / case).rglob("*") if path.is_file()]:
            damage(path)
    cache, cases = folder / "cache", [str(folder / case) for case in DAMAGE]
    lines = shown(filled[0], ONE_EACH, "\n".join([str(cache), *cases]), NUMBA_CACHE_DIR=str(cache)).splitlines()
    return {case: lines[2 * i : 2 * i + 2] for i, case in enumerate(DAMAGE)}


@pytest.mark.slow
@pytest.mark.parametrize("case", DAMAGE)
def test_a_broken_file_is_compiled_again_and_mended(
    case: str, filled: tuple[Path, list[str]], mended: dict[str, list[str]]
) -> None:
    (first, taken), (second, taken_next) = (line.split() for line in mended[case])
    assert first == second == filled[1][0]
    assert taken == "0" or case == "not readable"  # which it is to root
    assert taken_next == ("0" if case == "a folder" else "1")


@pytest.mark.slow
def test_machine_code_of_another_function_is_not_taken(filled: tuple[Path, list[str]], tmp_path: Path) -> None:
    shutil.copytree(filled[0] / "cache", tmp_path / "cache")
    own, others = ([p for p in kept(tmp_path) if f".{name}-" in p.name] for name in ("mixed", "codes_identify"))
    for path in own:
        shutil.copy(others[0], path)
    program, variables = f"{SIMPLE}; print(len(mixed.stats.cache_hits))", {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert shown(filled[0], program, **variables).splitlines() == [filled[1][0], "0"]


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))  # what is written beyond fails
"""


@pytest.mark.slow
def test_a_full_disk_costs_speed_only(filled: tuple[Path, list[str]], tmp_path: Path) -> None:
    assert shown(tmp_path, FULL_DISK + SIMPLE).splitlines() == filled[1][:1]
    assert kept(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("place", ["a file", "a place that cannot be made"])
def test_no_folder_costs_speed_only(place: str, filled: tuple[Path, list[str]], tmp_path: Path) -> None:
    """Nowhere: neither where the user wants it, nor in the home folder; the package is read from a copy."""
    nowhere = tmp_path / "file"
    nowhere.touch()
    folder = nowhere if place == "a file" else nowhere / "below"
    program = "import tempfile, os\ntempfile.TemporaryFile = os.makedirs = lambda *a, **o: open('/nowhere/at/all')\n"
    assert shown(tmp_path, program + SIMPLE, NUMBA_CACHE_DIR=str(folder)).splitlines() == filled[1][:1]


@pytest.mark.slow
def test_a_folder_that_goes_away_costs_speed_only(filled: tuple[Path, list[str]], tmp_path: Path) -> None:
    program = SIMPLE.replace("; import", f"; import shutil; shutil.rmtree({str(tmp_path / 'cache')!r}); import")
    assert shown(tmp_path, program).splitlines() == filled[1][:1]


WITHOUT = {
    "absent": "sys.modules['numba'] = None",
    "broken": "class numba:\n  def __getattr__(self, name): raise AttributeError('_ARRAY_API not found')\n"
    "sys.modules['numba'] = numba()",
    "without its library": "import importlib.abc\nclass Broken(importlib.abc.MetaPathFinder):\n"
    "  def find_spec(self, name, *rest):\n"
    "    if name == 'llvmlite': raise OSError('Could not find/load shared object file')\n"
    "sys.meta_path.insert(0, Broken())",
}


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> str:
    usual = os.environ.get("NUMBA_CACHE_DIR", "")  # whose machine code is that of these sources, as is tested above
    return shown(tmp_path_factory.mktemp("scores"), "import sys\n" + LARGE, NUMBA_CACHE_DIR=usual)


@pytest.mark.slow
@pytest.mark.parametrize("case", WITHOUT)
def test_without_numba_numpy_gives_the_same_with_one_warning(case: str, scores: str, tmp_path: Path) -> None:
    assert scores.endswith("] 0\n")
    assert shown(tmp_path, f"import sys\n{WITHOUT[case]}\n{LARGE}") == scores.replace("] 0\n", "] 1 UserWarning\n")
