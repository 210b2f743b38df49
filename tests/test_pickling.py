"""What goes to a worker comes back the same: pickle, cloudpickle (Ray, joblib) and deepcopy."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polyest
from polyest import success
from polyest.history import InverseBinomial, PromptHistory
from polyest.problems.targets import get_target

cloudpickle = pytest.importorskip("cloudpickle")

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda given: pickle.loads(pickle.dumps(given)),
    "cloudpickle": lambda given: pickle.loads(cloudpickle.dumps(given)),
    "deepcopy": copy.deepcopy,
}
copied = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
GROUP = [3, 3, 5, 3]


@copied
def test_the_module_itself(copied: Callable[[Any], Any]) -> None:
    assert copied(polyest) is polyest


def test_a_function_that_uses_the_module_by_its_global_name(tmp_path: Path) -> None:
    """As a task of Ray or joblib that is defined in a script does."""
    script = "import polyest, cloudpickle, sys\n"
    script += "def task(): return polyest.load('log', 4, 'harmonic').rewards([1] * 4)\n"
    script += "sys.stdout.buffer.write(cloudpickle.dumps(task))"
    data = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, cwd=tmp_path).stdout
    assert pickle.loads(data)().tolist() == [0.0] * 4


ESTIMATORS: dict[str, Callable[[], Any]] = {
    "shipped": lambda: polyest.load("log", 4),
    "closed form": lambda: polyest.load("log", 4, "harmonic"),
    "centring-proof": lambda: polyest.load("log", 4, baseline="group_mean"),
    "exact": lambda: polyest.load("power(2)", 4),
    "success": lambda: success.pass_at(2, 4),
    "inverse binomial": lambda: InverseBinomial(4),
}


@copied
@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
def test_coefficients_stay_read_only_and_the_copy_equals(make: Callable[[], Any], copied: Callable[[Any], Any]) -> None:
    estimator = make()
    for name in ("coefficients", "value_coefficients"):  # cached before the copy is made
        getattr(estimator, name, None)
    again = copied(estimator)
    assert again == estimator
    assert hash(again) == hash(estimator)
    assert not again.coefficients.flags.writeable
    np.testing.assert_array_equal(again.coefficients, estimator.coefficients)
    if hasattr(again, "value_coefficients"):
        assert not again.value_coefficients.flags.writeable


@copied
def test_every_array_of_an_estimator_stays_read_only(copied: Callable[[Any], Any]) -> None:
    estimator = polyest.load("log", 4)
    before = estimator.advantages(GROUP)
    again = copied(estimator)
    np.testing.assert_array_equal(again.advantages(GROUP), before)
    assert not again.leave_one_out_coefficients.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        again.coefficients[0] = 0.0


@copied
def test_a_history_goes_on(copied: Callable[[Any], Any]) -> None:
    history = PromptHistory("log", 4, "harmonic", visits=3, forgetting=0.5)
    history.score("p", GROUP)
    again = copied(history)
    np.testing.assert_array_equal(again.score("p", GROUP).rewards, history.score("p", GROUP).rewards)
    assert again.state() == history.state()


@copied
@pytest.mark.parametrize("name", ["log", "power(0.5)", "polynomial(0,1,-1)", "js(0.5)"])
def test_targets(name: str, copied: Callable[[Any], Any]) -> None:
    again = copied(get_target(name))
    assert again == get_target(name)
    assert again.growth == get_target(name).growth


def shifted(p: Any, ctx: Any) -> Any:
    return ctx.log(p + 1)


@copied
def test_a_target_of_ones_own_brings_its_function(copied: Callable[[Any], Any]) -> None:
    target = polyest.custom(shifted, growth=(2, 0))
    assert copied(target).formula is shifted
    assert polyest.load(copied(target), 4, "plug_in") == polyest.load(target, 4, "plug_in")


@pytest.mark.slow
def test_torch_and_jax_estimators() -> None:
    torch = pytest.importorskip("torch")
    jax = pytest.importorskip("jax")
    from polyest.adapters.jax import load as load_jax
    from polyest.adapters.torch import load as load_torch

    for copied in COPIES.values():
        module, function = load_torch("log", 4, "harmonic"), load_jax("log", 4, "harmonic")
        assert torch.equal(copied(module).rewards(torch.tensor(GROUP)), module.rewards(torch.tensor(GROUP)))
        assert torch.equal(copied(module).value(torch.tensor(GROUP)), module.value(torch.tensor(GROUP)))
        assert copied(function) == function
        np.testing.assert_array_equal(
            copied(function).rewards(jax.numpy.array(GROUP)), function.rewards(jax.numpy.array(GROUP))
        )


def last_word(text: str) -> str | None:
    return text.split()[-1] if text.split() else None


def is_correct(solution_str: str, ground_truth: str, **_: Any) -> float:
    return float(ground_truth in solution_str)


@pytest.mark.slow
@copied
@pytest.mark.parametrize("is_running", [False, True])
def test_an_extractor_starts_a_process_of_its_own(is_running: bool, copied: Callable[[Any], Any]) -> None:
    from polyest.adapters.extraction import Extractor

    extractor = Extractor(last_word)
    if is_running:
        assert extractor("it is 4") == "4"
    assert copied(extractor)("it is 4") == "4"


@pytest.mark.slow
@copied
def test_an_answer_reward_of_trl(copied: Callable[[Any], Any]) -> None:
    pytest.importorskip("trl")
    from polyest.adapters.trl import AnswerReward

    reward = AnswerReward(last_word, "log", weight=0.1, method="harmonic", name="diversity")
    reward._trainer = object()
    again = copied(reward)
    assert again.__name__ == "diversity"
    assert again._trainer is None
    assert again._answer_pay == reward._answer_pay


@pytest.mark.slow
@copied
def test_a_reward_function_of_verl(copied: Callable[[Any], Any]) -> None:
    pytest.importorskip("verl")
    from polyest.adapters.verl import reward_function

    score = reward_function(last_word, is_correct)
    given = {"data_source": "task", "solution_str": "it is 42", "ground_truth": "42"}
    assert copied(score)(**given) == score(**given)


@pytest.mark.slow
def test_lambdas_go_through_cloudpickle() -> None:
    pytest.importorskip("trl")
    pytest.importorskip("verl")
    from polyest.adapters.trl import AnswerReward
    from polyest.adapters.verl import reward_function

    copied = COPIES["cloudpickle"]
    score = reward_function(lambda text: text[-1], lambda solution_str, **_: 1.0, time_limit=None)
    assert copied(score)("task", "ab", "b") == score("task", "ab", "b")
    reward = AnswerReward(lambda text: text[-1])
    assert copied(reward)._extract("ab") == reward._extract("ab")
