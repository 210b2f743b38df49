"""Graded rewards on torch tensors are those of numpy."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest import graded, success
from polyest.errors import ArgumentError
from polyest.offline.build import solve
from polyest.problems.problem import make_problem
from polyest.storage import store

torch = pytest.importorskip("torch")
adapter = pytest.importorskip("polyest.adapters.torch")

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, when it compiles
KINDS = ("values", "rewards", "advantages")
OBJECTIVES = [graded.best_of(3, 6), graded.worst_of(2, 6), graded.median_of(5, 6), graded.l_statistic([-1, 0.5], 6)]
levels = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([0.0, -0.0, 1.0]))
eighths = st.integers(-8000, 8000).map(lambda i: i / 8)
groups = st.lists(st.lists(levels, min_size=6, max_size=6), min_size=1, max_size=3)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
@given(groups)
def test_scores_are_numpys_to_the_bit_on_the_cpu(objective, rewards) -> None:
    module = adapter.GradedObjective(objective, torch.float64)
    for kind in KINDS:
        scores = getattr(module, kind)(torch.tensor(rewards, dtype=torch.float64))
        assert scores.numpy().tobytes() == getattr(objective, kind)(rewards).tobytes()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.int64, torch.uint8, torch.bool])
def test_any_real_dtype_is_scored_in_float64_and_rounded_once(dtype) -> None:
    rewards = (torch.rand(4, 5, 6, generator=torch.Generator().manual_seed(0)) * 3).to(dtype)
    for kind in KINDS:
        scores = getattr(adapter.GradedObjective(OBJECTIVES[0]), kind)(rewards)
        exact = getattr(OBJECTIVES[0], kind)(rewards.double().numpy())
        assert scores.dtype == torch.float32
        np.testing.assert_array_equal(scores.numpy(), exact.astype(np.float32))


def test_rewards_of_0_and_1_give_the_success_rates_to_the_bit() -> None:
    correct = np.array([[j < h for j in range(8)] for h in range(9)])
    module = adapter.GradedObjective(graded.best_of(4, 8), torch.float64)
    for kind in KINDS:
        expected = getattr(success.pass_at(4, 8), kind)(correct)
        assert getattr(module, kind)(torch.tensor(correct)).numpy().tobytes() == expected.tobytes()


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_group_with_a_number_that_has_no_rank_scores_nan_and_no_other(wrong: float) -> None:
    rewards = torch.tensor([[1.0, wrong, 2, 3, 0, 0], [1, 2, 3, 4, 5, 6]])
    module = adapter.GradedObjective(OBJECTIVES[0])
    for kind in KINDS:
        scores = getattr(module, kind)(rewards)
        assert scores[0].isnan().all()
        assert torch.equal(scores[1], getattr(module, kind)(rewards[1]))


def test_it_compiles_without_a_graph_break_and_lets_no_gradient_through() -> None:
    module = adapter.GradedObjective(OBJECTIVES[0])
    rewards = torch.randn(3, 6, requires_grad=True)
    for kind in KINDS:
        compiled = torch.compile(getattr(module, kind), fullgraph=True, backend="aot_eager")
        assert torch.equal(compiled(rewards), getattr(module, kind)(rewards))
        assert not compiled(rewards).requires_grad


def test_it_follows_devices_and_keeps_its_tables_exact() -> None:
    module = adapter.GradedObjective(OBJECTIVES[0])
    rewards = torch.randn(2, 6)
    plain = module(rewards)
    assert torch.equal(module.half()(rewards), plain)
    assert module.pay.dtype == torch.float64
    assert torch.equal(pickle.loads(pickle.dumps(module))(rewards), plain)
    assert module.double()(rewards).dtype == torch.float64
    assert module.to("meta").advantages(rewards.to("meta")).device.type == "meta"
    with pytest.raises(ArgumentError, match="module's device meta, got cpu"):
        module(rewards)


def test_a_baseline_has_rewards_and_no_advantages() -> None:
    objective = graded.best_of(3, 5, baseline="group_mean")
    module = adapter.GradedObjective(objective)
    rewards = torch.tensor([1.0, 4, 2, 8, 5])
    assert module(rewards).tolist() == objective.rewards(rewards.numpy()).tolist()
    with pytest.raises(ArgumentError, match="need an objective without baseline"):
        module.advantages(rewards)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
@given(
    st.lists(st.lists(eighths, min_size=6, max_size=6), min_size=1, max_size=3),
    st.floats(-1e3, 1e3),
    st.sampled_from([0.0, 0.25, 2.0, 1024.0]),
    st.permutations(range(6)),
)
def test_a_shift_a_scale_and_a_permutation_do_what_they_should(objective, dtype, rewards, shift, scale, order) -> None:
    """A constant counts Σ_j w_j times in values and not at all in advantages; a power of two scales to the bit.

    A shift moves each of six gaps by an ulp of the largest number, times a pay of up to n·max|w|: 64 units in the last
    place of what is added up, and of the result if that is float32.
    """
    module, x = adapter.GradedObjective(objective, dtype), torch.tensor(rewards, dtype=torch.float64)
    counted = float(sum(objective.weights))
    size = 6 * len(objective.weights) * float((x.abs() + abs(shift)).max())
    tolerance = 64 * max(np.spacing(size), size * torch.finfo(dtype).eps * (dtype == torch.float32) / 64)
    for kind, moved in (("values", counted * shift), ("advantages", 0.0)):
        score = getattr(module, kind)
        np.testing.assert_allclose(score(x + shift), score(x) + moved, rtol=0, atol=tolerance)
    for kind in KINDS:
        score = getattr(module, kind)
        assert torch.equal(score(scale * x), scale * score(x))
        assert torch.equal(score(x[:, order]), score(x) if kind == "values" else score(x)[:, order])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.int64, torch.bool], ids=str)
@given(st.lists(st.integers(-3, 3), min_size=6, max_size=6))
def test_rewards_of_any_dtype_are_taken_by_value(dtype, rewards) -> None:
    x = (torch.tensor(rewards) / 4).to(dtype)
    module = adapter.GradedObjective(OBJECTIVES[0], torch.float64)
    for kind in KINDS:
        assert torch.equal(getattr(module, kind)(x), getattr(module, kind)(x.double()))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: adapter.GradedObjective(graded.best_of(3)), "`objective` must be made by polyest.graded with a"),
        (lambda: adapter.GradedObjective(success.pass_at(2, 4)), "`objective` must be made by polyest.graded"),
        (lambda: adapter.GradedObjective(OBJECTIVES[0], torch.float16), "`dtype` must be"),
        (lambda: adapter.GradedObjective(OBJECTIVES[0])(torch.zeros(5)), r"`rewards` must have shape \(\.\.\., 6\)"),
        (lambda: adapter.GradedObjective(OBJECTIVES[0])(torch.tensor(5.0)), "`rewards` must have shape"),
        (lambda: adapter.GradedObjective(OBJECTIVES[0])([1.0] * 6), "`rewards` must be a torch tensor"),
        (
            lambda: adapter.GradedObjective(OBJECTIVES[0])(torch.zeros(6).to_sparse()),
            "`rewards` must be a dense tensor",
        ),
        (lambda: adapter.GradedObjective(OBJECTIVES[0])(torch.zeros(6, dtype=torch.complex64)), "real numbers"),
    ],
)
def test_bad_input_is_refused_with_the_reason(call, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        call()


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
@pytest.mark.filterwarnings("ignore:.*groups have fewer than")
@given(groups, st.data())
def test_missing_rewards_leave_the_group_of_the_others_to_the_bit(objective, rewards, data) -> None:
    lost = np.array(data.draw(st.lists(st.booleans(), min_size=6, max_size=6)))
    holes = np.where(lost, np.nan, rewards)
    module, mask = adapter.GradedObjective(objective, torch.float64), torch.from_numpy(~lost).expand(len(rewards), 6)
    for kind in KINDS:
        expected = getattr(objective, kind)(holes, missing="drop")
        for given_ in ((holes, "drop"), (rewards, None, mask)):
            scores = getattr(module, kind)(torch.as_tensor(given_[0], dtype=torch.float64), *given_[1:])
            np.testing.assert_array_equal(scores.numpy(), expected)


def test_groups_left_without_a_table_are_told(user_folder) -> None:
    """Which sizes will be left is not known when tables are made."""
    store.write(solve(make_problem("best_of(9)", 8, worst_case_bias="0.1")), user_folder)
    objective = graded.best_of(9, 8, worst_case_bias=0.1)
    module = adapter.GradedObjective(objective, torch.float64)
    x = torch.arange(16, dtype=torch.float64).reshape(2, 8)
    x[1, 3] = torch.nan
    with pytest.warns(UserWarning, match=r"5, 6, 7 completions are left are scored NaN: no table .*polyest solve"):
        found = module.advantages(x, missing="drop")
    assert found[1].isnan().all()
    np.testing.assert_array_equal(found[0], objective.advantages(x[0].numpy()))


def test_missing_rewards_compile_and_are_refused_when_misspelt() -> None:
    rewards = torch.tensor([[1.0, math.nan, 2, 3, 0, 0]])
    module = adapter.GradedObjective(OBJECTIVES[0])
    compiled = torch.compile(adapter.GradedObjective(OBJECTIVES[0]).values, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(rewards, "drop"), module.values(rewards, "drop"))
    with pytest.raises(ArgumentError, match="`missing` must be None"):
        module(rewards, "dorp")
    with pytest.raises(ArgumentError, match="`usable` must be a tensor of booleans"):
        module(rewards, usable=[True] * 6)
