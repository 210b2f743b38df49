"""A tokenizer of four tokens, built here."""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

__all__ = ["TOKENS", "tokenizer"]

TOKENS = {"<end>": 0, "a": 1, "b": 2, "c": 3}
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def tokenizer() -> PreTrainedTokenizerFast:
    plain = Tokenizer(models.WordLevel(TOKENS, unk_token="<end>"))
    plain.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    plain.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, eos_token="<end>", pad_token="<end>", padding_side="left", chat_template=TEMPLATE
    )
