"""The policy that these examples train, in place of a language model: twelve letters, one prompt."""

from __future__ import annotations

from collections.abc import Callable

import torch

ALPHABET, RIGHT = "abcdefghijkl", "abcdef"
GROUPS, GROUP_SIZE = 8, 8

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def answer(text: str) -> str | None:
    """What is counted; None if there is no answer."""
    return text.strip() or None


def correct(text: str) -> float:
    """1 for a right letter."""
    return float(text in RIGHT)


def train(loss: Loss, steps: int = 100) -> None:
    """Minimise a framework's loss of letters and their log-probabilities, GROUPS × GROUP_SIZE; say how it ends."""
    torch.manual_seed(0)
    logits = torch.randn(len(ALPHABET), requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(steps):
        law = torch.distributions.Categorical(logits=logits)
        drawn = law.sample((GROUPS, GROUP_SIZE))
        optimizer.zero_grad()
        loss(drawn, law.log_prob(drawn)).backward()
        optimizer.step()
    right = logits.detach().softmax(-1)[: len(RIGHT)]
    entropy = -(right * right.log()).sum()
    print(f"correct and diverse: right with probability {right.sum():.2f}, as good as {entropy.exp():.1f} answers")
