"""What rewards and advantages cost inside a training step on torch, and against what one would write by hand.

    python benchmarks/torch_step.py [--prompts 512] [--group-size 16] [--tokens 32] [--device cpu]

First table: rewards and advantages of all completions next to one forward and backward pass over them, with a
transformer so small that nobody would train a smaller one. Second table: time per completion of the module, eager and
compiled, and of comparing all pairs by broadcasting. Third table: what `weights=` cost, in turns with calls without
them. Best of several runs; 3 minutes on one core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn

import polyest.adapters.torch as adapter

VOCABULARY = 256
MICROBATCH = 512


class TinyModel(nn.Module):
    """A causal transformer that predicts the next token."""

    def __init__(self, width: int, layers: int, tokens: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.position = nn.Parameter(torch.zeros(tokens, width))
        block = nn.TransformerEncoderLayer(width, max(1, width // 32), 4 * width, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, VOCABULARY, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1], device=tokens.device)
        return self.head(self.blocks(self.embedding(tokens) + self.position, mask=mask, is_causal=True))


def policy_gradient(model: nn.Module, tokens: Tensor, advantages: Tensor) -> None:
    """Forward and backward over all completions, in microbatches: the part of a step that no method can avoid."""
    for part, advantage in zip(tokens.split(MICROBATCH), advantages.split(MICROBATCH), strict=True):
        log_prob = model(part[:, :-1]).log_softmax(-1).gather(-1, part[:, 1:, None]).squeeze(-1)
        (-(advantage[:, None] * log_prob).mean()).backward()


def broadcasting(table: Tensor) -> Callable[[Tensor], Tensor]:
    """What one would write by hand: all pairs, at once."""
    return lambda ids: table[(ids[..., :, None] == ids[..., None, :]).sum(-1) - 1]


def seconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """The fastest of several runs, after one to warm up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def print_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    lines = [list(head), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    print()


def share_of_a_step(options: argparse.Namespace, device: torch.device) -> None:
    groups, K = options.prompts, options.group_size
    model = TinyModel(options.width, options.layers, options.tokens).to(device)
    scorer = adapter.load("log", K, method="harmonic", device=device)
    ids = torch.randint(0, K, (groups, K), device=device)
    tokens = torch.randint(0, VOCABULARY, (groups * K, options.tokens + 1), device=device)
    advantages = scorer.advantages(ids).reshape(-1)
    step = seconds(lambda: policy_gradient(model, tokens, advantages), device, 2)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{groups} prompts x {K} completions of {options.tokens} tokens, {parameters:,} parameters, on {device}")
    work = {"rewards": lambda: scorer.rewards(ids), "advantages": lambda: scorer.advantages(ids)}
    times = {name: seconds(call, device, options.repeats) for name, call in work.items()}
    rows = [[name, f"{1e3 * t:.3f}", f"{100 * t / step:.5f} %"] for name, t in times.items()]
    both = sum(times.values())
    rows += [["both", f"{1e3 * both:.3f}", f"{100 * both / step:.5f} %"]]
    print_table(["", "ms", "of a step"], [["forward and backward", f"{1e3 * step:.1f}", "100 %"], *rows])


def ways_to_count(options: argparse.Namespace, device: torch.device) -> None:
    rows = []
    for K in options.sizes:
        scorer = adapter.load("log", K, method="harmonic", device=device)
        ids = torch.randint(0, K, (max(1, options.completions // K), K), device=device)
        by_hand = broadcasting(scorer.coefficients.float())
        calls = {"by hand": by_hand, "eager": scorer, "compiled": torch.compile(scorer, fullgraph=True)}
        calls["by hand, compiled"] = torch.compile(by_hand, fullgraph=True)
        calls["advantages"] = scorer.advantages
        times = {name: seconds(partial(call, ids), device, options.repeats) for name, call in calls.items()}
        base = times["eager"]
        cells = [f"{1e9 * t / ids.numel():.1f} ({t / base:.2f})" for t in times.values()]
        rows.append([str(K), *cells])
    print(f"rewards of {options.completions} completions: ns per completion (ratio to eager), on {device}")
    print_table(["K", *times], rows)


def in_turns(calls: dict[str, Callable[[], object]], device: torch.device, repeats: int) -> dict[str, float]:
    """The fastest run of each, one after the other in every round, so that all meet the same machine."""
    rounds = [{name: seconds(call, device, 1) for name, call in calls.items()} for _ in range(repeats)]
    return {name: min(times[name] for times in rounds) for name in calls}


def weighted_calls(options: argparse.Namespace, device: torch.device) -> None:
    rows = []
    for K, kind in [(K, kind) for K in options.sizes for kind in ("rewards", "advantages", "value")]:
        call = getattr(adapter.load("log", K, method="harmonic", device=device), kind)
        ids = torch.randint(0, K, (max(1, options.completions // K), K), device=device)
        ways, weights = {"eager": call, "compiled": torch.compile(call, fullgraph=True)}, torch.rand(ids.shape)
        cells = [str(K), kind]
        for way in ways.values():
            calls = {"plain": partial(way, ids), "weighted": partial(way, ids, weights=weights.to(device))}
            times = in_turns(calls, device, options.repeats)
            plain, weighted = times["plain"], times["weighted"]
            cells.append(f"{1e9 * plain / ids.numel():.1f} {1e9 * weighted / ids.numel():.1f} ({weighted / plain:.2f})")
        rows.append(cells)
    print(f"{options.completions} completions without and with weights: ns per completion (ratio), on {device}")
    print_table(["K", "", *ways], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=512)
    parser.add_argument("--group-size", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=32, help="per completion")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--completions", type=int, default=100_000, help="for the second table")
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 16, 64, 256])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    torch.empty(1 << 22).fill_(
        0
    )  # once 16 MB were freed, malloc keeps memory, as in any trainer: no page faults are timed
    share_of_a_step(options, device)
    ways_to_count(options, device)
    weighted_calls(options, device)


if __name__ == "__main__":
    main()
