"""What is written in LLVM's language: for pointers without types, and for the versions of numba that are allowed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import llvmlite
import numba
import numpy as np
import pytest
from places import ROOT

from polyest.online import backend
from polyest.online.compiled import jit, llvm
from polyest.online.extras import PACKED

SCORES = """
import warnings
warnings.filterwarnings("ignore", "(?s).*Cannot cache compiled function")  # what is not optimised has addresses in it
import llvmlite, numpy as np, polyest
from polyest.online import backend
answers, est, found = np.arange(8192).reshape(512, 16) % 5, polyest.load("log", 16, "harmonic"), []
for backend.COLD_WORK in (1 << 60, 0):
    backend.WARM_WORK = backend.COLD_WORK
    found += [[est.rewards(answers), est.advantages(answers, weights=answers / 3)]]
    found[-1] += [polyest.rewards(answers.ravel(), np.arange(8192) // 16 * 7 % 4001, "log", "harmonic")]
equal = (np.array_equal(one, other) for one, other in zip(*found, strict=True))
print(llvmlite.ir_layer_typed_pointers_enabled, *equal)
"""
PROJECT = ROOT / "pyproject.toml"


def release(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def test_numba_is_one_of_the_versions_that_pyproject_allows() -> None:
    dependencies = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    (allowed,) = (name for name in dependencies if name.startswith("numba"))
    assert allowed == backend.NUMBA  # what the warning says to install
    least, below = re.fullmatch(r"numba>=([\d.]+),<([\d.]+)", allowed).groups()
    assert release(least) <= release(numba.__version__) < release(below)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(llvmlite, "ir_layer_typed_pointers_enabled"), reason="pointers have types here")
def test_all_is_written_through_pointers_without_types(tmp_path: Path) -> None:
    """llvmlite writes types of pointers as long as it is not told otherwise, which is to end."""
    told = {"LLVMLITE_ENABLE_IR_LAYER_TYPED_POINTERS": "0", "NUMBA_CACHE_DIR": str(tmp_path)}
    quick = {"NUMBA_OPT": "0", "NUMBA_LOOP_VECTORIZE": "0"}  # it is what is written that counts, not what comes of it
    command = [sys.executable, "-W", "error", "-c", SCORES]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | told | quick).stdout
    assert shown == "False True True True\n"


@jit
def _pairs(ids, first, size, addends, start, base, totals, at):
    begin, number, place = np.uint64(start), np.uint64(base), np.uint64(at)
    llvm.sum_pairs(ids, np.uint64(first), addends, begin, np.uint64(size), number, totals, place)


@pytest.mark.parametrize("size", range(1, llvm.MOST + 1))
def test_sums_over_pairs_are_those_of_numpy(size: int) -> None:
    rng = np.random.default_rng(size)
    ids, addends = rng.integers(0, 5, 3 + 2 * PACKED) * 2**61, np.zeros(2 * PACKED, np.int64)
    addends[5 : 5 + size] = 1
    last = (size - 1) // llvm.LANES * llvm.LANES
    addends[5 + last : 5 + size] = rng.integers(-(2**40), 2**40, size - last)
    totals = np.full(2 + PACKED, -9)
    _pairs(ids, 3, size, addends, 5, 7, totals, 2)
    group, (before, found) = ids[3 : 3 + size], np.split(totals, [2])
    np.testing.assert_array_equal(found[:size], 7 + (group[:, None] == group) @ addends[5 : 5 + size])
    assert (found[size : -(-size // llvm.LANES) * llvm.LANES] == 0).all()
    assert (before == -9).all()
