"""Installs every extra of a wheel and does what it is for: `python .ci/extras.py WHEEL [EXTRA …]`.

Each has an environment of its own, with the versions of constraints.txt, which goes before the next comes; torch is the
build that the Makefile names. Tells times and sizes. Without names all are resolved together, too, with the versions
that are newest today.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import tomllib
import venv
from functools import partial
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parents[1]
DOES = {
    "verify": "polyest verify {root}/coeffs/log/aqp/noise_budget-1.5/k8.json",
    "offline": "polyest solve --target log -k 5 --groups 9 --out {place}",
    "plot": "polyest plot log -k 8 --out {place}/bias.png",
    "score": "polyest score {rollouts} --target log --group-size 16 --out {place}/scored.jsonl",
    "report": "polyest report {rollouts} --group-size 16 --out {place}/report.html",
    "torch": "python {root}/examples/torch_loop.py",
    "jax": "python -c 'import jax, polyest.adapters.jax as adapter; "
    'estimator = adapter.load("log", 4); jax.jit(estimator.rewards)(jax.numpy.array([[3, 3, 5, 3]]))\'',
    "ray": "polyest score {rollouts} --target log --group-size 16 --engine ray --jobs 2 --out {place}/on-ray",
    "trl": "python {root}/examples/trl_diversity.py",
    "math": "polyest score {place}/half.jsonl --target log --extract math-verify --out {place}/one.jsonl",
    "verl": "python {root}/examples/verl_diversity.py",
    "docs": "mkdocs build --quiet --config-file {root}/mkdocs.yml --site-dir {place}/site",
    "test": "python -m pytest -q {root}/tests/test_estimator.py",
}
OF_CHECKOUT = ("docs", "test")  # what they are for is done there, and they are not in `all`
TOGETHER = {"math": "math,score"}  # it reads answers, and needs something that it reads them for


def torch_of_makefile() -> str:
    command = ["make", "--silent", "--directory", str(ROOT), "--eval", "torch: ; @echo '$(TORCH)'", "torch"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def install(place: Path, requirement: str, *options: str) -> None:
    """In a new environment."""
    venv.create(place / "venv")
    torch = place / "torch.txt"
    torch.write_text(torch_of_makefile(), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", place / "venv", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "-c", torch, *options, requirement], check=True)


def do(command: str, place: Path, there: Path) -> None:
    values = {"place": place, "root": ROOT, "rollouts": ROOT / "benchmarks/rollouts/rollouts.jsonl"}
    program, *arguments = shlex.split(command.format_map(values))
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "POLYEST_COEFFS")}
    words = [place / "venv" / "bin" / program, *arguments]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd=there, env=environment)


def megabytes(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*")) / 1e6


def check(wheel: Path, extra: str, place: Path) -> str:
    """Installs one, does what it is for, and says what that took."""
    half = json.dumps({"prompt_id": "1/2 = ?", "completion": r"\boxed{0.5}"}) + "\n"
    (place / "half.jsonl").write_text(16 * half, encoding="utf-8")
    start = perf_counter()
    install(place, f"{wheel}[{TOGETHER.get(extra, extra)}]", "-c", str(ROOT / "constraints.txt"))
    installed = perf_counter()
    size = megabytes(place / "venv")
    for command in [DOES[name] for name in DOES if name not in OF_CHECKOUT] if extra == "all" else [DOES[extra]]:
        do(command, place, ROOT if extra in OF_CHECKOUT else place)
    done = perf_counter()
    return f"{size:,.0f} MB in {installed - start:.0f} s; did what it is for in {done - installed:.0f} s"


def resolve(wheel: Path, extras: list[str], place: Path) -> str:
    """All of them together, as pip would today."""
    start = perf_counter()
    install(place, f"{wheel}[{','.join(extras)}]", "--dry-run")
    return f"resolved in {perf_counter() - start:.0f} s"


def main(wheel: Path, names: list[str]) -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [*project["optional-dependencies"]]
    if unknown := [name for name in names if name not in extras]:
        print(f"`EXTRA` must be one of {', '.join(extras)}; got {', '.join(unknown)}")
        return 2
    jobs = {extra: partial(check, wheel, extra) for extra in names or extras}
    if not names:
        jobs["together"] = partial(resolve, wheel, extras)
    failed = []
    for name, job in jobs.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                print(f"[{name}] {job(Path(folder))}", flush=True)
            except subprocess.CalledProcessError as error:
                print(f"[{name}] failed: {shlex.join(map(str, error.cmd))}", flush=True)
                failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all did what they are for")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
