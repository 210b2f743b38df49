"""One process of torchrun: trains on prompts that come back, and writes what it was told and what it remembers.

torchrun --nproc_per_node 2 tests/support/pooling_worker.py OUT
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from pooling_support import TRAINERS, real_trainer, reward
from torch import distributed

from polyest.history.snapshot import packed


def run(kind: str) -> dict[str, Any]:
    """Three groups of four on two processes, of five prompts, one of which is in the dataset twice."""
    func = reward()
    prompts = ["a", "b", "c", "ab", "a"]
    trainer = real_trainer(
        Path(tempfile.mkdtemp()), func, prompts, TRAINERS[kind], per_device_train_batch_size=6, max_steps=4
    )
    trainer.train()
    logs = [{k: v for k, v in line.items() if k.startswith("answer_reward/")} for line in trainer.state.log_history]
    return {"batches": func.batches, "history": packed(func._history.state_dict()), "logs": logs}


if __name__ == "__main__":
    rank = int(os.environ["RANK"])
    outcome = {kind: run(kind) for kind in TRAINERS}
    Path(f"{sys.argv[1]}.{rank}").write_text(json.dumps(outcome))
    distributed.barrier()
    distributed.destroy_process_group()
    os._exit(0)  # else torch aborts at exit, now and then even so
