"""What verl's configuration says, and what is refused in it."""

from __future__ import annotations

from typing import Any

import pytest
from verl_support import OPTIONS, advantages, config, omegaconf, torch

from polyest.adapters.verl import Options
from polyest.errors import ArgumentError


def test_kl_in_the_reward_and_filtered_groups_are_refused() -> None:
    for path in ("use_kl_in_reward", "filter_groups.enable"):
        algorithm = config()
        omegaconf.OmegaConf.update(algorithm, path, True)
        with pytest.raises(ArgumentError, match=f"`algorithm.{path}` must be False.*got True; "):
            advantages(["a", "b"], ["u", "u"], [0.0, 1.0], algorithm)


@pytest.mark.parametrize("section", ["reward", "reward_model"])
def test_the_overlong_buffer_of_dapo_is_refused_before_anything_is_added(section: str) -> None:
    from hydra import compose, initialize_config_module

    name = f"{section}.reward_kwargs.overlong_buffer_cfg"
    with initialize_config_module("verl.trainer.config", version_base=None):
        given = [f"+algorithm.polyest.{name}={value}" for name, value in OPTIONS.items()]
        overlong = [f"+{name}.enable=True", f"+{name}.len=4096", f"+{name}.penalty_factor=1.0"]
        whole = compose("ppo_trainer", [*given, *overlong, "algorithm.adv_estimator=polyest"])
    with pytest.raises(ArgumentError, match=rf"`{name}.enable` must be False, as the penalty.*got True; switch it off"):
        advantages(["a", "b"], ["u", "u"], [0.0, 1.0], whole.algorithm)
    omegaconf.OmegaConf.update(whole, f"{name}.enable", False)
    assert advantages(["a", "b"], ["u", "u"], [0.0, 1.0], whole.algorithm).isfinite().all()


def test_verls_dataclass_serves_too() -> None:
    from verl.trainer.config import AlgoConfig

    with pytest.raises(
        ArgumentError, match=r"`algorithm.polyest` must be a section.*got None; add \+algorithm.polyest"
    ):
        advantages(["a", "b"], ["u", "u"], [0.0, 1.0], AlgoConfig())
    algorithm = AlgoConfig()
    algorithm.polyest = OPTIONS
    assert torch.equal(advantages(["a", "b"], ["u"] * 2, [0, 1], algorithm), advantages(["a", "b"], ["u"] * 2, [0, 1]))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sign": 0}, "`algorithm.polyest.sign` must be -1"),
        ({"weight": 0}, "`algorithm.polyest.weight` must be positive"),
        ({"weight": "much"}, "`algorithm.polyest.weight` must be positive.*'much'"),
        ({"reward_weight": None}, "`algorithm.polyest.reward_weight` must be a finite number, got None"),
        ({"no_answer_reward": float("inf")}, "`algorithm.polyest.no_answer_reward` must be a finite number"),
        ({"wieght": 1}, "`algorithm.polyest.wieght` must be one of .*did you mean 'weight'"),
        ({"target": "logg"}, "did you mean 'log'"),
        ({"combine": "multiply", "target": "logg"}, "did you mean 'log'"),
        ({"combine": "product"}, "`algorithm.polyest.combine` must be one of add, multiply; got 'product'"),
        ({"combine": None}, "`algorithm.polyest.combine` must be one of add, multiply; got None"),
        ({"combine": "multiply", "count": "corect"}, "`algorithm.polyest.count` must be one of.*mean 'correct'"),
        ({"count": "correct"}, "`algorithm.polyest.count` belong to a product"),
        ({"offset": 1}, "`algorithm.polyest.offset` and .* belong to a product"),
        ({"combine": "multiply", "offset": "1"}, "`algorithm.polyest.offset` must be a finite number"),
        ({"combine": "multiply", "sign": 1}, "`algorithm.polyest.offset` must make the factor"),
        ({"combine": "multiply", "reward_weight": -1}, "`algorithm.polyest.reward_weight` must be positive"),
        ({"combine": "multiply", "reward_weight": 0}, "`algorithm.polyest.reward_weight` must be positive"),
        ({"bias_budget": 4, "groups": 3, "method": "aqp"}, "budget"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], told: str) -> None:
    algorithm = omegaconf.OmegaConf.create({"polyest": OPTIONS | options})
    with pytest.raises(ArgumentError, match=told):
        advantages(["a", "b"], ["u", "u"], [0.0, 1.0], algorithm)


@pytest.mark.parametrize("groups", ["uuuu", "uvuv"])
def test_negative_rewards_are_not_multiplied(groups: str) -> None:
    """−1 times a bonus is a penalty, which grows with the bonus: nobody means that."""
    algorithm = omegaconf.OmegaConf.create({"polyest": OPTIONS | {"combine": "multiply"}})
    with pytest.raises(ArgumentError, match=r"`algorithm.polyest.combine` 'multiply' needs rewards .* got -1: "):
        advantages(["a", "b", "a", None], [*groups], [1.0, -1.0, 0.0, 0.0], algorithm)


def test_hydra_sets_how_rewards_are_combined() -> None:
    options = Options.of(config(combine="multiply", count="correct", offset=1))
    assert (options.combine, options.count, options.offset, options.reward_weight) == ("multiply", "correct", 1, 1)
