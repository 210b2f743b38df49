"""The complete scripts that the guides show: each runs, in less than a minute, and comes out as it says."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from places import ROOT

EXAMPLES = ROOT / "examples"
GUIDES = ROOT / "docs" / "guides"
NUMBER = r"(\d+\.\d+)"
DIVERSE = ["diverse: right with probability #", "diverse: .*as good as # answers"]
SCRIPTS = {  # the frameworks, and what is printed
    "torch_loop": (["torch"], ["correct: .*as good as # answers", "diverse: .*as good as # answers"]),
    "trl_diversity": (["torch", "trl"], ["correct: .*as good as # answers", "diverse: .*as good as # answers"]),
    "trl_multiply": (["torch", "trl"], ["correct: .*as good as # answers", "/ sqrt.*as good as # answers"]),
    "trl_best_of_n": (["torch", "trl"], ["the mean: .* risky one, #", "the best of 4: .* risky one, #"]),
    "verl_diversity": (["torch", "verl"], DIVERSE),
    "tinker_diversity": (["torch", "tinker_cookbook"], DIVERSE),
    "ms_swift_diversity": (["torch", "swift"], DIVERSE),
    "skyrl_diversity": (["torch", "skyrl"], DIVERSE),
    "tunix_diversity": (["torch", "tunix"], DIVERSE),
}
[SHOWN] = re.findall(r"(?ms)^```text\n(.*?)^```", (GUIDES / "trl.md").read_text(encoding="utf-8"))
ALONE = {"verl_diversity", "skyrl_diversity", "tunix_diversity"}  # they set what other tests would find


def test_the_guides_show_every_script() -> None:
    shown = {name for page in GUIDES.glob("*.md") for name in re.findall(r'--8<-- "(.*)"', page.read_text("utf-8"))}
    assert shown == {str(path.relative_to(ROOT)) for path in EXAMPLES.rglob("*.py")}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*SCRIPTS, "tiny", "letters"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As if the scripts were run by themselves, each from an empty folder, and on one thread."""
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)
    threads, modules = torch.get_num_threads(), set(sys.modules)
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)
    for name in {"tiny", "letters"} & (set(sys.modules) - modules):
        del sys.modules[name]


# PyTorch is imported once, and its compiler, which every optimizer wants; what a script imports and sets beyond that is
# only in the process that is forked for it, which leaves without taking all of it apart.
ONE_AFTER_ANOTHER = """
import os, runpy, sys
import torch, torch._dynamo
failed = []
for script in sys.argv[1:]:
    child = os.fork()
    if not child:
        sys.path.insert(0, os.path.dirname(script))
        name, sys.argv = os.path.basename(script)[:-3], [script]
        sys.stdout = open(name, "w", encoding="utf-8")
        if name == "skyrl_diversity":
            import skyrl_modules  # SkyRL on Python 3.11
        runpy.run_path(script, run_name="__main__")
        sys.stdout.close()
        os._exit(0)
    failed += [script] if os.waitpid(child, 0)[1] else []
sys.exit("\\n".join(failed) or 0)
"""


@pytest.fixture(scope="module")
def printed_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what each script of `ALONE` prints, as far as its packages are here."""
    folder = tmp_path_factory.mktemp("alone")
    here = [name for name in sorted(ALONE) if all(map(find_spec, SCRIPTS[name][0]))]
    paths = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(ROOT / "tests" / "support")}
    command = [sys.executable, "-c", ONE_AFTER_ANOTHER, *(str(EXAMPLES / f"{name}.py") for name in here)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | paths, timeout=300, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_and_the_second_number_is_larger(
    name: str, place: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    packages, printed = SCRIPTS[name]
    if missing := [package for package in packages if find_spec(package) is None]:
        pytest.skip(f"without {missing}")
    if name in ALONE:
        out = (request.getfixturevalue("printed_alone") / name).read_text(encoding="utf-8")
    else:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        out = capsys.readouterr().out
    found = [re.search(line.replace("#", NUMBER), out) for line in printed]
    first, second = (float(match[1]) for match in found if match)
    assert second > first + 0.3
    if name.startswith("trl_"):
        lines = [line for line in out.splitlines() if "…" not in line]
        assert re.sub(NUMBER, "#", "\n".join(lines)) in re.sub(NUMBER, "#", SHOWN)
