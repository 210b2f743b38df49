"""Whether every extra of a wheel can be had: `python .ci/extras.py WHEEL`.

Each is installed in an environment of its own, with the versions of constraints.txt, and does what it is for. Those of
gigabytes are only resolved, with the versions that are newest today.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOES = {
    "verify": "verify {tables}/log/aqp/noise_budget-1.5/k8.json",
    "offline": "solve --target log -k 5 --groups 9 --out {place}",
    "plot": "plot log -k 8 --out {place}/bias.png",
    "score": "score {rollouts} --target log --group-size 16 --out {place}/scored.jsonl",
    "report": "report {rollouts} --group-size 16 --out {place}/report.html",
    "math": "score {place}/half.jsonl --target log --group-size 16 --extract math-verify --out {place}/scored.jsonl",
}
TOGETHER = {"math": "math,score"}  # it reads answers, and needs something that it reads them for


def install(python: Path, wheel: Path, extras: str, *options: str) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", *options, f"{wheel}[{extras}]"], check=True)


def does(extra: str, wheel: Path, place: Path) -> None:
    python = place / "venv" / "bin" / "python"
    install(python, wheel, TOGETHER.get(extra, extra), "-c", str(ROOT / "constraints.txt"))
    half = json.dumps({"prompt_id": "1/2 = ?", "completion": r"\boxed{0.5}"}) + "\n"
    (place / "half.jsonl").write_text(16 * half, encoding="utf-8")
    values = {"place": place, "tables": ROOT / "coeffs", "rollouts": ROOT / "benchmarks/rollouts/rollouts.jsonl"}
    words = DOES[extra].format_map(values).split()
    subprocess.run([python.with_name("polyest"), *words], check=True, stdout=subprocess.DEVNULL, cwd=place)
    print(f"[{extra}] is installed and does: polyest {' '.join(words[:2])} …", flush=True)


def main(wheel: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for extra in extras:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            venv.create(place / "venv")
            if extra in DOES:
                does(extra, wheel, place)
            else:
                install(place / "venv" / "bin" / "python", wheel, extra, "--dry-run")
                print(f"[{extra}] is resolved", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
