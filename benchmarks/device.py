"""What polyest costs on a card, in less than 8 minutes of it and into one JSON file: `python -m benchmarks.device`.

1. The tests that need CUDA, `tests/adapters/torch -k cuda`.
2. `rewards` and `advantages` of `polyest.adapters.torch`, K = 8..256, 10⁵..10⁸ completions, against a copy of the ids
   on the device and against comparing all pairs with torch's own operations; eager.
3. A step: forward and backward of a small transformer over 512 × 16 completions, and rewards and advantages beside it.
4. The second part again, compiled, which takes its time to compile.

What does not fit into the card's memory, or into the time, is null, and says so. `--device cpu` is a dry run of tiny
sizes without the first part, to see that everything works. CUDA was not run by the authors yet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import polyest.adapters.torch as adapter
from benchmarks.torch_step import VOCABULARY, TinyModel, broadcasting, policy_gradient, seconds
from polyest.storage.files import replacing

ROOT = Path(__file__).parents[1]
GROUP_SIZES = (8, 16, 32, 64, 128, 256)
COMPLETIONS = (10**5, 10**6, 10**7, 10**8)
LARGEST_PAIRS = 4 * 10**9  # bytes that comparing all pairs may take
REPEATS = 5
Row = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("benchmarks.device: no card here; --device cpu is a dry run of tiny sizes", file=sys.stderr)
        return 2
    device, ends = torch.device(options.device), time.monotonic() + 60 * options.minutes
    is_dry = device.type == "cpu"
    sizes, completions = ((8, 16), (2048,)) if is_dry else (GROUP_SIZES, COMPLETIONS)
    result: Row = {"device": _name(device), "torch": torch.__version__, "dry_run": is_dry}
    parts: dict[str, Callable[[], Any]] = {
        "tests": lambda: None if is_dry else cuda_tests(),
        "eager": lambda: [*runtime(device, sizes, completions, ends, compiled=False)],
        "step": lambda: step(device, *((4, 8, 4, 32, 1) if is_dry else (512, 16, 128, 256, 4))),
        "compiled": lambda: [*runtime(device, sizes[-1:] if is_dry else sizes, completions, ends, compiled=True)],
    }
    for name, part in parts.items():
        start = time.monotonic()
        result[name] = part()
        result[f"{name}_seconds"] = round(time.monotonic() - start, 1)
        with replacing(options.out) as unfinished:
            unfinished.write_text(json.dumps(result, indent=1) + "\n", encoding="ascii")
    print(f"{result['device']}: {options.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.device")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--minutes", type=float, default=7.0, help="no measurement begins later")
    parser.add_argument("--out", type=Path, default=Path("device.json"))
    return parser


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def cuda_tests() -> Row:
    """pytest's last line, and its exit status."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/adapters/torch", "-k", "cuda"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    return {"status": done.returncode, "summary": done.stdout.strip().splitlines()[-1:]}


def runtime(
    device: torch.device, sizes: tuple[int, ...], completions: tuple[int, ...], ends: float, compiled: bool
) -> Iterator[Row]:
    """Nanoseconds per completion, for each K and number of completions."""
    for K in sizes:
        scorer = adapter.load("log", K, method="harmonic", device=device)
        calls: dict[str, Callable[[Tensor], Tensor]] = {
            "rewards": scorer.rewards,
            "advantages": scorer.advantages,
            "pairs": broadcasting(scorer.coefficients.to(torch.float32)),
        }
        if compiled:
            calls = {name: torch.compile(call, dynamic=True) for name, call in calls.items()}
        for N in completions:
            yield {"K": K, "completions": N} | _measured(calls, device, N, K, ends)


def _measured(
    calls: dict[str, Callable[[Tensor], Tensor]], device: torch.device, N: int, K: int, ends: float
) -> dict[str, float | str | None]:
    if time.monotonic() > ends:
        return {"left_out": "no time"}
    found: dict[str, float | str | None] = dict.fromkeys(["copy", *calls])
    try:
        ids = torch.randint(0, 12, (N // K, K), device=device)
        found["copy"] = _nanoseconds(partial(torch.empty_like(ids).copy_, ids), device, N)
        for name, call in calls.items():
            if name != "pairs" or 9 * N * K <= LARGEST_PAIRS:  # a bool and an int64 for each pair
                found[name] = _nanoseconds(partial(call, ids), device, N)
    except torch.OutOfMemoryError:
        found["left_out"] = "no memory"
    return found


def _nanoseconds(call: Callable[[], object], device: torch.device, N: int) -> float:
    return round(1e9 * seconds(call, device, REPEATS) / N, 4)


def step(device: torch.device, groups: int, K: int, tokens: int, width: int, layers: int) -> Row:
    """Seconds of forward and backward over groups × K completions, and of their rewards and advantages."""
    model = TinyModel(width, layers, tokens).to(device)
    scorer = adapter.load("log", K, device=device)
    ids = torch.randint(0, K, (groups, K), device=device)
    text = torch.randint(0, VOCABULARY, (groups * K, tokens + 1), device=device)
    advantages = scorer.advantages(ids).reshape(-1)
    trained = seconds(lambda: policy_gradient(model, text, advantages), device, 3)
    scored = seconds(lambda: (scorer.rewards(ids), scorer.advantages(ids)), device, REPEATS)
    return {"completions": groups * K, "model": trained, "rewards_and_advantages": scored, "share": scored / trained}


if __name__ == "__main__":
    sys.exit(main())
