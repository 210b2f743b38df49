"""What it costs to start: imports, the first small batch, numba cold and warm; in fresh processes."""

from __future__ import annotations

import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence

SMALL = "import numpy, polyest; e = polyest.load('log', 16, 'harmonic'); a = numpy.arange(8192).reshape(512, 16) % 5; "
FAST = SMALL + "from polyest.online import backend; backend.COLD_WORK = 0; "

__all__ = ["report"]


def processor_seconds() -> float:
    """What all processes started from here have used so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def milliseconds(codes: Sequence[str], repeats: int, **environment: str) -> list[float]:
    """The least processor time of a fresh process with each code, run in turns, bytecode on disk.

    On an idle machine it is the wall's time.
    """
    least, environment = [math.inf] * len(codes), {"PYTHONDONTWRITEBYTECODE": ""} | environment
    for _ in range(repeats):
        for i, code in enumerate(codes):
            start = processor_seconds()
            subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | environment)
            least[i] = min(least[i], 1000 * (processor_seconds() - start))
    return least


def report(repeats: int) -> None:
    """Print the table."""
    print("\nms of processor time of a fresh process (least of a few)")
    codes = "pass", "import numpy", "import polyest", SMALL + "e.rewards(a)"
    python, numpy, package, small = milliseconds(codes, repeats)
    print(f"{'python':44}{python:8.1f}\n{'import numpy':44}{numpy:8.1f}")
    ratio = (package - python) / (numpy - python)
    print(f"{'import polyest':44}{package:8.1f}   {ratio:.2f} × numpy, without python itself (bound: 1.3)")
    print(f"{'rewards of 512 × 16, numpy backend':44}{small:8.1f}   numpy + {small - numpy:.1f} (bound: 100)")
    with tempfile.TemporaryDirectory() as folder:
        (cold,) = milliseconds([FAST + "e.rewards(a)"], 1, NUMBA_CACHE_DIR=folder)
        (warm,) = milliseconds([FAST + "e.rewards(a)"], repeats, NUMBA_CACHE_DIR=folder)
    print(f"{'the same in numba, compiling (once per machine)':44}{cold:8.1f}   numpy backend + {cold - small:.0f}")
    print(f"{'the same in numba, from the disk cache':44}{warm:8.1f}   numpy backend + {warm - small:.0f}")
