"""tinker-cookbook: rewards of groups, from the rollout to the advantages of its training loop."""

from __future__ import annotations

import asyncio

import tinker
import torch
from letters import ALPHABET, GROUP_SIZE, answer, correct, train
from tinker_cookbook.completers import TokenCompleter, TokensWithLogprobs
from tinker_cookbook.rl.data_processing import compute_advantages
from tinker_cookbook.rl.rollouts import do_group_rollout
from tinker_cookbook.rl.types import Env, EnvGroupBuilder, StepResult, Trajectory

from polyest.adapters.tinker import AnswerGroupBuilder

PROMPT = tinker.ModelInput.from_ints([0])


class Letters(Env):
    """One token answers, and is right or not."""

    async def initial_observation(self) -> tuple[tinker.ModelInput, list[int]]:
        return PROMPT, []

    async def step(self, action: list[int], **_: object) -> StepResult:
        reward = correct(ALPHABET[action[0]])
        return StepResult(reward=reward, episode_done=True, next_observation=PROMPT, next_stop_condition=[])


class LettersGroup(EnvGroupBuilder):
    """The environments of one prompt."""

    async def make_envs(self) -> list[Letters]:
        return [Letters() for _ in range(GROUP_SIZE)]


class Drawn(TokenCompleter):
    """Says letters that are drawn already, in place of a model on a server."""

    def __init__(self, letters: list[int]) -> None:
        self.letters = iter(letters)

    async def __call__(self, model_input: object, stop: object, **_: object) -> TokensWithLogprobs:
        return TokensWithLogprobs(tokens=[next(self.letters)], maybe_logprobs=[0.0])


def answer_of(trajectory: Trajectory, env: Letters) -> str | None:
    """The answer of a trajectory; with a model: of env.renderer.tokenizer.decode(tokens)."""
    return answer(ALPHABET[trajectory.transitions[-1].ac.tokens[0]])


BUILDER = AnswerGroupBuilder(LettersGroup(), answer_of, weight=0.3)  # in your RLDataset.get_batch


def loss(letters: torch.Tensor, log_probs: torch.Tensor) -> torch.Tensor:
    """What importance sampling on the policy comes to: −Σ A·log π."""
    groups = [asyncio.run(do_group_rollout(BUILDER, Drawn(group))) for group in letters.tolist()]
    advantages = torch.stack(compute_advantages(groups))
    return -(advantages * log_probs).mean()


if __name__ == "__main__":
    train(loss)
