"""How many right answers a model gives, and how far it is from where it started."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import polyest
from benchmarks.language_model_parts.model import LONGEST, answer_probabilities, log_probabilities
from benchmarks.language_model_parts.tasks import Task

__all__ = ["EXACT", "SAMPLES", "exact", "sampled"]

SAMPLES = 64
EXACT = ("pass_at_1", "pass_at_8", "pass_at_64", "distinct_of_64", "entropy")


def exact(model: Any, tokenizer: Any, tasks: Sequence[Task]) -> dict[str, float]:
    """Means over the prompts, from the probabilities of all right answers; nothing is sampled.

    s the probability of a right answer: ``pass_at_k`` = 1 − (1−s)^k; ``distinct_of_64`` = Σ_z 1 − (1−p_z)^64, the
    expected number of different right answers among 64; ``entropy``, of the right answers, −Σ (p_z/s) log(p_z/s).
    """
    rows = []
    for task in tasks:
        p = np.array(list(answer_probabilities(model, tokenizer, task).values()))
        s = min(float(p.sum()), 1.0)
        shares = p[p > 0] / p.sum()
        passes = [1 - (1 - s) ** k for k in (1, 8, 64)]
        rows.append([*passes, (1 - (1 - p) ** SAMPLES).sum(), -(shares * np.log(shares)).sum()])
    return dict(zip(EXACT, np.mean(rows, axis=0).tolist(), strict=True))


@torch.no_grad()
def sampled(model: Any, start: Any, tokenizer: Any, tasks: Sequence[Task], samples: int) -> dict[str, float]:
    """From a number of completions of each prompt, each with the standard error over prompts.

    ``kl``: the mean of log π − log π_start over completions that end in time, unbiased for the KL divergence of these;
    ``distinct``: different right answers; ``entropy``: of all texts, aqp's estimate, with bias proved below
    0.0002·answers; ``pass_at_1`` and ``pass_at_8``: unbiased.
    """
    rows = [_of_prompt(model, start, tokenizer, task, samples) for task in tasks]
    means, errors = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / math.sqrt(len(rows))
    names = ("kl", "distinct", "entropy", "pass_at_1", "pass_at_8")
    found = dict(zip(names, means.tolist(), strict=True))
    return found | {f"{name}_error": error for name, error in zip(names, errors.tolist(), strict=True)}


def _of_prompt(model: Any, start: Any, tokenizer: Any, task: Task, samples: int) -> list[float]:
    ids = tokenizer([task.prompt] * samples, return_tensors="pt", add_special_tokens=False).to(model.device)
    out = model.generate(**ids, do_sample=True, max_new_tokens=LONGEST, top_k=0, pad_token_id=tokenizer.pad_token_id)
    new = out[:, ids.input_ids.shape[1] :]
    texts = tokenizer.batch_decode(new, skip_special_tokens=True)
    ended = [text for text, row in zip(texts, new, strict=True) if tokenizer.eos_token_id in row]
    pairs = [log_probabilities(one, tokenizer, task.prompt, ended) for one in (model, start)] if ended else []
    kl = float((pairs[0] - pairs[1]).mean()) if pairs else 0.0
    right = [task.said[text] for text in texts if text in task.said]
    h = len(right)
    passes = [1 - math.comb(samples - h, k) / math.comb(samples, k) for k in (1, 8)]
    entropy = -float(polyest.load("log", samples).value([texts])[0])
    return [kl, len(set(right)), entropy, *passes]
