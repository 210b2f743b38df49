"""The policy, a small Qwen2 with a character tokenizer, built here, and its exact distribution over all answers."""

from __future__ import annotations

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from benchmarks.training.task import SYMBOLS

__all__ = ["answer_distribution", "answer_probabilities", "build_policy", "build_tokenizer"]

END_TOKEN = "<end>"


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token per character; token 0 ends a completion and pads."""
    vocabulary = {END_TOKEN: 0} | {symbol: place for place, symbol in enumerate(SYMBOLS, 1)}
    characters = Tokenizer(models.WordLevel(vocabulary, unk_token=END_TOKEN))
    characters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    characters.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=characters, eos_token=END_TOKEN, pad_token=END_TOKEN, padding_side="left"
    )


def build_policy(seed: int, width: int = 48, layers: int = 2) -> Qwen2ForCausalLM:
    """A fresh policy; the seed is that of its weights."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=1 + len(SYMBOLS),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=16,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return Qwen2ForCausalLM(config)


@torch.no_grad()
def answer_probabilities(policy: Qwen2ForCausalLM, prompts: Tensor) -> np.ndarray:
    """`answer_distribution` as an array."""
    return answer_distribution(policy, prompts).numpy()


def answer_distribution(policy: Qwen2ForCausalLM, prompts: Tensor) -> Tensor:
    """The probability of every answer, in the order of `task.ANSWERS`; differentiable.

    Args:
        prompts: token ids (prompts, length).

    Returns:
        Shape (prompts, answers): the end at once, then every first symbol followed by the end or another symbol.
    """
    count, symbols = len(prompts), len(SYMBOLS)
    firsts = torch.arange(1, 1 + symbols).repeat(count)[:, None]
    logits = policy(torch.cat([prompts.repeat_interleave(symbols, 0), firsts], 1)).logits[:, -2:].double()
    first, second = logits.softmax(-1).unflatten(0, (count, symbols)).unbind(2)
    pairs = first[:, 0, 1:, None] * second
    return torch.cat([first[:, 0, :1], pairs.flatten(1)], 1)
