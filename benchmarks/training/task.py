"""The task: name a number near N. Every answer's credit is known, hence the best policy of the objective too."""

from __future__ import annotations

from itertools import product

import numpy as np

from polyest.games import AlignmentGame, alignment_game

__all__ = ["ANSWERS", "END", "NUMBERS", "PROMPTS", "SYMBOLS", "WEIGHT", "credit", "game", "prompt_text", "right"]

NUMBERS = tuple(range(20, 80, 4))  # N of the prompts; every number within REACH of one has two digits
REACH = 16  # how far from N a number may be and still be right: 2·16 + 1 = 33 right answers
COST = 0.02  # credit lost per unit of distance
WEIGHT = 0.2  # τ
SYMBOLS = "0123456789="
END = ""  # the end of a completion, which leaves no text
LONGEST = 2  # tokens of a completion
ANSWERS = (END, *(first + second for first, second in product(SYMBOLS, (END, *SYMBOLS))))  # all that can be said


def prompt_text(number: int) -> str:
    """What the policy reads."""
    return f"{number:02d}="


PROMPTS = tuple(prompt_text(number) for number in NUMBERS)


def right(prompt: str, answer: str) -> bool:
    """Whether the answer is a number of two digits within REACH of N."""
    return len(answer) == LONGEST and answer.isdecimal() and abs(int(answer) - int(prompt[:-1])) <= REACH


def credit(prompt: str, answer: str) -> float:
    """R: 1 for N itself, COST less per unit of distance, 0 for a wrong answer."""
    return 1 - COST * abs(int(answer) - int(prompt[:-1])) if right(prompt, answer) else 0.0


def game(prompt: str) -> AlignmentGame:
    """What the policy should maximise at a prompt, over ANSWERS: E[R] + τ·entropy."""
    return alignment_game(np.array([credit(prompt, answer) for answer in ANSWERS]), WEIGHT)
