"""A plain loop in PyTorch: no trainer, groups that are whole, and groups of any sizes."""

from __future__ import annotations

import torch

import polyest.adapters.torch

PROMPTS, ANSWERS, RIGHT, K = 16, 40, 10, 8
WEIGHT = 0.3


def train(estimator: polyest.adapters.torch.Estimator | None, steps: int = 400) -> torch.Tensor:
    """The probabilities of the answers, shape (PROMPTS, ANSWERS), after training for correctness, and diversity."""
    torch.manual_seed(0)
    policy = torch.nn.Embedding(PROMPTS, ANSWERS)  # in place of a language model: logits of answers
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.03)
    for _ in range(steps):
        law = torch.distributions.Categorical(logits=policy.weight)
        answers = law.sample((K,)).T  # (PROMPTS, K): which answer each completion gives
        correct = (answers < RIGHT).float()
        advantages = correct - (correct.sum(1, keepdim=True) - correct) / (K - 1)
        if estimator is not None:
            advantages = advantages - WEIGHT * estimator.advantages(answers)  # diversity: minus; consistency: plus
        loss = -(advantages.detach() * law.log_prob(answers.T).T).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return policy.weight.softmax(-1).detach()


def main() -> None:
    diversity = polyest.adapters.torch.load("log", group_size=K, dtype=torch.float32)
    for name, estimator in {"correct": None, "correct and diverse": diversity}.items():
        right = train(estimator)[:, :RIGHT]
        entropy = -(right * right.log()).sum(1).mean()
        share = right.sum(1).mean()
        print(f"{name}: right with probability {share:.2f}, as good as {entropy.exp():.1f} answers")

    answers, prompts = torch.tensor([3, 3, 5, 7, 7, 7, 1]), torch.tensor([0, 0, 0, 1, 1, 1, 1])
    print("groups of 3 and 4:", polyest.adapters.torch.advantages(answers, prompts, "log").tolist())


if __name__ == "__main__":
    main()
