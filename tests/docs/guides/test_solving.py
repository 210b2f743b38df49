"""The guide to solving: a function of one's own goes from its file to a certificate as the guide says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

OWN = (ROOT / "docs" / "guides" / "solving.md").read_text(encoding="utf-8").partition("## Your own target")[2]


@pytest.mark.slow
def test_a_function_of_ones_own_is_solved_proved_shown_and_loaded(tmp_path: Path) -> None:
    source, use = re.findall(r"(?ms)^```python\n(.*?)^```", OWN)
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    environment = os.environ | {"POLYEST_COEFFS": "tables", "OMP_NUM_THREADS": "1"}
    said = {}
    for words in re.findall(r"(?m)^    polyest (.*?)(?: +#.*)?$", OWN):
        command = [sys.executable, "-m", "polyest", *words.split()]
        said[words.split()[0]] = subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        ).stdout
    assert [*said] == ["solve", "verify", "show", "plot"]
    assert said["verify"].endswith("\n1 proved\n")
    assert (tmp_path / "mine.png").stat().st_size > 10_000
    (expression, told) = re.findall(r"(?m)^(estimator\S+) +# (\S+ \S+):", use)[0]
    loaded = subprocess.run(
        [sys.executable, "-c", f"{use}\nprint({expression})"],
        cwd=tmp_path, env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert re.fullmatch(re.escape(told).replace("…", r"\d+"), loaded.strip())
