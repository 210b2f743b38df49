"""A worker of tests on several processes, as torchrun starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["outcomes"]


def outcomes(worker: ModuleType, folder: Path, processes: int = 2) -> list[dict[str, Any]]:
    """What each process wrote; their string hashes differ."""
    out = folder / f"outcome-{processes}"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
    environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    run = subprocess.run(
        [*command, str(worker.__file__), str(out)], env=environment, capture_output=True, text=True, timeout=500
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(Path(f"{out}.{rank}").read_text()) for rank in range(processes)]
