"""ms-swift: a file for --external_plugins; run by itself, some updates with ms-swift's own scores and advantages.

swift rlhf --rlhf_type grpo --external_plugins ms_swift_diversity.py --reward_funcs correct diversity \
    --scale_rewards none --loss_type dr_grpo --num_generations 8 …
"""

from __future__ import annotations

from swift.rewards import ORM, orms

from polyest.adapters.ms_swift import answer_reward

RIGHT = "abcdef"


def answer(text: str) -> str | None:
    """What is counted; None if there is no answer."""
    return text.strip() or None


class Correct(ORM):
    """1 for a right letter."""

    def __call__(self, completions: list[str], **columns: object) -> list[float]:
        return [float(text in RIGHT) for text in completions]


orms["correct"] = Correct
orms["diversity"] = answer_reward(answer, weight=0.3, time_limit=None)  # pays −0.3·log p̂


def main() -> None:
    from types import SimpleNamespace

    import torch
    from letters import ALPHABET, GROUP_SIZE, train
    from swift.rl_core.advantage import compute_advantages
    from swift.rl_core.data import OnPolicySample
    from swift.rl_core.grpo_algorithm import score_completions

    arguments = SimpleNamespace(num_generations=GROUP_SIZE, scale_rewards="none", advantage_estimator="grpo")
    rewards = [orms[name](args=arguments) for name in ("correct", "diversity")]

    def loss(letters: torch.Tensor, log_probs: torch.Tensor) -> torch.Tensor:
        said = [{"role": "assistant", "content": ALPHABET[letter]} for letter in letters.ravel().tolist()]
        samples = [OnPolicySample(messages=[message]) for message in said]
        scores = score_completions(samples, rewards, [None, None], False, torch.device("cpu"))
        advantages, _ = compute_advantages(scores, torch.ones(2), GROUP_SIZE, "grpo", scale_rewards="none")
        return -(advantages * log_probs.ravel()).mean()

    train(loss)


if __name__ == "__main__":
    main()
