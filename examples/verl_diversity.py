"""verl: the file that its configuration names for rewards; run by itself, some updates with verl's own functions.

python -m verl.trainer.main_ppo algorithm.adv_estimator=polyest reward.custom_reward_function.path=verl_diversity.py \
    +algorithm.polyest.target=log +algorithm.polyest.sign=-1 +algorithm.polyest.weight=0.3 \
    actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-sum …
"""

from __future__ import annotations

from polyest.adapters.verl import reward_function

ALPHABET, RIGHT = "abcdefghijkl", "abcdef"


def answer(text: str) -> str | None:
    """What is counted; None if there is no answer."""
    return text.strip() or None


def correct(solution_str: str, ground_truth: str, **_: object) -> float:
    """A reward function as verl has them, such as its own `default_compute_score`: a multiple of 1/8."""
    return float(solution_str in ground_truth)


compute_score = reward_function(answer, correct, time_limit=None)


def main() -> None:
    import numpy as np
    import torch
    from hydra import compose, initialize_config_module
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn, get_policy_loss_fn
    from verl.workers.config import ActorConfig

    torch.manual_seed(0)
    options = ["+algorithm.polyest.target=log", "+algorithm.polyest.sign=-1", "+algorithm.polyest.weight=0.3"]
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", ["algorithm.adv_estimator=polyest", *options]).algorithm
    actor = ActorConfig(strategy="fsdp", rollout_n=8, ppo_micro_batch_size_per_gpu=1, use_dynamic_bsz=True)
    estimate, policy_loss = get_adv_estimator_fn(config.adv_estimator), get_policy_loss_fn("vanilla")

    logits = torch.randn(12, requires_grad=True)  # in place of a language model: one prompt, one token
    optimizer = torch.optim.Adam([logits], lr=0.1)
    index, mask = np.repeat(np.arange(8).astype(str), 8).astype(object), torch.ones(64, 1)
    for _ in range(100):
        law = torch.distributions.Categorical(logits=logits)
        tokens = law.sample((64,))
        scores = [compute_score("letters", ALPHABET[token], RIGHT)["score"] for token in tokens.tolist()]
        advantages, _ = estimate(
            token_level_rewards=torch.tensor(scores)[:, None], response_mask=mask, index=index, config=config
        )
        log_probs = law.log_prob(tokens)[:, None]
        loss, _ = policy_loss(log_probs.detach(), log_probs, advantages, mask, "seq-mean-token-sum", actor)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = logits.detach().softmax(-1)[: len(RIGHT)]
    entropy = -(right * right.log()).sum()
    print(f"correct and diverse: right with probability {right.sum():.2f}, as good as {entropy.exp():.1f} answers")


if __name__ == "__main__":
    main()
