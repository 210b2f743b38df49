"""The model that these examples train, in place of yours: one layer over twelve letters, built on the spot."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, PrinterCallback, Qwen2Config, Qwen2ForCausalLM, Trainer

LETTERS = "abcdefghijkl"
TOKENS = {"<end>": 0, "?": 1} | {letter: i for i, letter in enumerate(LETTERS, 2)}

# GRPOConfig's arguments that only a model this small wants
SETTINGS = {
    "max_completion_length": 1,
    "per_device_train_batch_size": 64,
    "learning_rate": 0.05,
    "max_steps": 60,
    "lr_scheduler_type": "constant",
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "report_to": "none",
    "save_strategy": "no",
    "logging_strategy": "no",
    "disable_tqdm": True,
}


def model() -> Qwen2ForCausalLM:
    """Some letters are likely after the prompt, others are not."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(TOKENS),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        initializer_range=0.5,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return Qwen2ForCausalLM(config)


def tokenizer() -> PreTrainedTokenizerFast:
    """A token for each letter."""
    letters = Tokenizer(models.WordLevel(TOKENS, unk_token="<end>"))
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    letters.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=letters, eos_token="<end>", pad_token="<end>", padding_side="left")


def prompts() -> Dataset:
    """One prompt, again and again."""
    return Dataset.from_list([{"prompt": "?"}] * 64)


def trained(trainer: Trainer) -> dict[str, float]:
    """The probabilities of the answers after the training."""
    trainer.remove_callback(PrinterCallback)
    print(f"training, {trainer.args.max_steps} steps …", flush=True)
    trainer.train()
    return probabilities(trainer.model)


@torch.no_grad()
def probabilities(policy: Qwen2ForCausalLM) -> dict[str, float]:
    """Of each letter as the answer to the prompt, exactly."""
    shares = policy(torch.tensor([[1]])).logits[0, -1].softmax(-1)[2:]
    return dict(zip(LETTERS, shares.tolist(), strict=True))
