"""Weighted and usable completions in torch: the numbers of numpy, exact expected gradients, every form and dtype."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from math import comb, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyest
from polyest.errors import ArgumentError

torch = pytest.importorskip("torch")
adapter = pytest.importorskip("polyest.adapters.torch")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),  # of torch itself, when it compiles
    pytest.mark.filterwarnings("ignore:.*one completion"),
]
KINDS = ("rewards", "advantages", "value")
numbers = st.one_of(st.floats(-9, 9, width=16), st.sampled_from([0.0, 1.0, -1.0]))


@st.composite
def batches(draw):
    """Answers, weights, usable: two groups of K, on both sides of where counting changes (25 and 32)."""
    K = draw(st.sampled_from([2, 3, 5, 8, 25, 26, 32, 33]))
    answers = np.array(draw(st.lists(st.integers(0, 3), min_size=2 * K, max_size=2 * K))).reshape(2, K)
    w = np.resize(draw(st.lists(numbers, min_size=1, max_size=2 * K)), (2, K))
    usable = np.resize(draw(st.lists(st.booleans(), min_size=1, max_size=2 * K)), (2, K))
    return answers, w, draw(st.sampled_from([None, usable, np.zeros((2, K), bool)]))


def units(est, w) -> float:
    """64 units in the last place of what is added up."""
    return 64 * float(np.spacing(np.abs(est.coefficients).max() * max(np.abs(w).max(), 1.0) * len(est.coefficients)))


@settings(max_examples=40)
@given(batches(), st.sampled_from([None, 2]))
def test_scores_are_numpys_dense_and_ragged(batch, padding_id) -> None:
    answers, w, usable = batch
    K, groups = answers.shape[1], np.repeat([0, 1], answers.shape[1])
    est = polyest.load("log", K, "harmonic")
    module = adapter.load("log", K, "harmonic", padding_id=padding_id, dtype=torch.float64)
    mask = None if usable is None else torch.from_numpy(usable)
    for kind in KINDS:
        expected = getattr(est, kind)(answers, padding_id=padding_id, weights=w, usable=usable)
        got = getattr(module, kind)(torch.from_numpy(answers), weights=torch.from_numpy(w), usable=mask)
        np.testing.assert_allclose(got.numpy(), expected, rtol=0, atol=units(est, w))
        if kind != "value":
            flat = getattr(adapter, kind)(
                torch.from_numpy(answers.ravel()), groups.tolist(), "log", "harmonic", padding_id=padding_id,
                weights=torch.from_numpy(w.ravel()), usable=None if mask is None else mask.ravel(), dtype=torch.float64,
            )  # fmt: skip
            assert flat.numpy().tobytes() == expected.ravel().tobytes()


@given(batches(), st.randoms())
def test_permuting_completions_permutes_their_scores(batch, random) -> None:
    answers, w, usable = batch
    K = answers.shape[1]
    order = random.sample(range(K), K)
    module, est = adapter.load("log", K, "harmonic", dtype=torch.float64), polyest.load("log", K, "harmonic")
    columns = [torch.from_numpy(x) for x in (answers, w, np.ones(w.shape, bool) if usable is None else usable)]
    for kind in KINDS:
        score = getattr(module, kind)
        scores = score(columns[0], weights=columns[1], usable=columns[2])
        moved = score(columns[0][:, order], weights=columns[1][:, order], usable=columns[2][:, order])
        expected = scores if kind == "value" else scores[:, order]
        np.testing.assert_allclose(moved.numpy(), expected.numpy(), rtol=0, atol=units(est, w))


ANSWERS = (0, 0, 1, 2)  # of four completions: two of them give the same answer


@pytest.mark.parametrize("K", [2, 3, 4])
@pytest.mark.parametrize(("target", "method"), [("log", "harmonic"), ("power(1)", "exact")])
def test_expected_gradients_over_all_groups_are_exact(target: str, method: str, K: int) -> None:
    """E[(1/K) Σ_i A_i dπ(y_i)/π(y_i)] = Σ_y w(y) Q_c(ν(ans y)) dπ(y), w differing within an answer (theory.md §9)."""
    policy = [Fraction(x, 10) for x in (4, 1, 3, 2)]
    w, direction = [Fraction(3, 2), Fraction(-1), Fraction(1, 4), Fraction(0)], [Fraction(x) for x in (1, -2, 4, -3)]
    module = adapter.load(target, K, method, dtype=torch.float64)
    mass = [sum(p for p, a in zip(policy, ANSWERS, strict=True) if a == z) for z in range(3)]
    c = [Fraction(x) for x in module.coefficients.tolist()]
    q = [sum(x * comb(K - 1, m) * p**m * (1 - p) ** (K - 1 - m) for m, x in enumerate(c)) for p in mass]
    truth = sum(v * q[z] * d for v, z, d in zip(w, ANSWERS, direction, strict=True))
    groups = [*product(range(4), repeat=K)]
    answers, paid = (torch.tensor([[float(x[y]) for y in group] for group in groups]) for x in (ANSWERS, w))
    for score in (module.rewards, module.advantages):
        update = Fraction(0)
        for group, scores in zip(groups, score(answers.long(), weights=paid).tolist(), strict=True):
            chance = prod((policy[y] for y in group), start=Fraction(1)) / K
            update += chance * sum(Fraction(a) * direction[y] / policy[y] for y, a in zip(group, scores, strict=True))
        assert float(update) == pytest.approx(float(truth), abs=1e-13)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.int32, torch.bool])
def test_weights_of_any_dtype_are_taken_by_value_in_float64(dtype) -> None:
    ids = torch.randint(0, 4, (9, 8), generator=torch.Generator().manual_seed(0))
    w = (3 * torch.rand(9, 8, generator=torch.Generator().manual_seed(1))).to(dtype)
    module = adapter.load("log", 8, "harmonic")
    for kind in KINDS:
        score = getattr(module, kind)
        assert score(ids, weights=w).dtype == torch.float32
        assert torch.equal(score(ids, weights=w), score(ids, weights=w.double()))


def test_weights_of_one_change_nothing_and_of_zero_pay_nothing() -> None:
    for K in (2, 8, 40):
        ids, module = torch.arange(3 * K).reshape(3, K) % 5, adapter.load("log", K, "harmonic", dtype=torch.float64)
        for kind in KINDS:
            score = getattr(module, kind)
            torch.testing.assert_close(score(ids, weights=torch.ones(3, K)), score(ids), rtol=0, atol=1e-13)
            assert not score(ids, weights=torch.zeros(3, K)).any()


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_weight_that_is_no_number_spoils_its_group_and_no_other(wrong: float) -> None:
    ids, w = torch.tensor([[1, 1, 2], [1, 1, 2]]), torch.ones(2, 3)
    w[0, 2] = wrong
    module = adapter.load("log", 3, "harmonic")
    assert module.rewards(ids, weights=w).isnan().tolist() == [[False, False, True], [False] * 3]
    for score in (module.advantages, module.value):
        assert score(ids, weights=w)[0].isnan().all()
        assert torch.equal(score(ids, weights=w)[1], score(ids[1], weights=w[1]))
    usable = torch.isfinite(w)
    assert module.advantages(ids, weights=w, usable=usable).isnan().sum() == 1


@pytest.mark.parametrize("K", [8, 40])
@pytest.mark.parametrize("padding_id", [None, 0])
def test_nothing_is_asked_of_the_host_and_one_graph_holds_it_all(K: int, padding_id: int | None) -> None:
    module = adapter.load("log", K, "harmonic", padding_id=padding_id, dtype=torch.float64)
    ids, w, usable = torch.randint(0, 5, (4, K)), torch.randn(4, K), torch.rand(4, K) > 0.3
    for kind in KINDS:
        expected = getattr(module, kind)(ids, weights=w, usable=usable)
        batched = torch.func.vmap(lambda i, v, u, kind=kind: getattr(module, kind)(i, weights=v, usable=u))
        torch.testing.assert_close(batched(ids, w, usable), expected, equal_nan=True)
    fresh = adapter.load("log", K, "harmonic", padding_id=padding_id, dtype=torch.float64)
    compiled = torch.compile(fresh.advantages, fullgraph=True, backend="aot_eager")
    expected = module.advantages(ids, weights=w, usable=usable)
    torch.testing.assert_close(compiled(ids, weights=w, usable=usable), expected, equal_nan=True)
    meta = module.to("meta")
    assert meta.advantages(ids.to("meta"), weights=w.to("meta"), usable=usable.to("meta")).shape == (4, K)


def test_usable_leaves_the_state_of_a_module_alone() -> None:
    module, ids = adapter.load("log", 4, "harmonic"), torch.tensor([[1, 1, 2, 3]])
    before = set(module.state_dict())
    module(ids, usable=torch.tensor([[True, True, True, False]]))
    assert set(module.state_dict()) == before


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weights": [1.0] * 3}, "`weights` must be a tensor of real numbers, got list"),
        ({"weights": torch.ones(3, dtype=torch.complex64)}, "`weights` must be a tensor of real numbers"),
        ({"weights": torch.ones(2)}, r"`weights` must have the answers' shape \(3,\), got \(2,\)"),
        ({"weights": torch.ones(3, device="meta")}, "`weights` must be on the module's device cpu, got meta"),
        ({"weights": torch.ones(3).to_sparse()}, "`weights` must be a dense tensor"),
        ({"usable": torch.ones(3, dtype=torch.bool).to_sparse()}, "`usable` must be a dense tensor"),
        ({"padding_id": 1}, r"^`padding_id` is no argument of an estimator's methods.*load\(…, padding_id=…\)"),
        ({"weight": torch.ones(3)}, "^`weight` is no argument; give weights or usable.*did you mean 'weights'"),
        ({"usable": [True] * 3}, "`usable` must be a tensor of booleans, got list"),
        ({"usable": torch.ones(3)}, "`usable` must be a tensor of booleans, got torch.float32"),
        ({"usable": torch.ones(1, 3, dtype=torch.bool)}, "`usable` must have the answers' shape"),
    ],
)
def test_bad_weights_and_masks_are_refused_with_the_reason(given, words: str) -> None:
    module = adapter.load("log", 3, "harmonic")
    for kind in KINDS:
        with pytest.raises(ArgumentError, match=words):
            getattr(module, kind)(torch.tensor([1, 1, 2]), **given)
