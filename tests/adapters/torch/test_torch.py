"""The torch adapter against the numpy runtime and, for small groups, against the oracle; on the CPU and on a GPU."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import polyest
from polyest.errors import ArgumentError
from polyest.problems.problem import Problem

torch = pytest.importorskip("torch")
adapter = pytest.importorskip("polyest.adapters.torch")
count_matches = pytest.importorskip("polyest.adapters.torch.matches").count_matches

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),  # of torch itself, when it compiles
    pytest.mark.filterwarnings("ignore:.*one completion, which nothing can be compared with"),
]
DTYPES = [np.dtype(kind) for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")]
KINDS = ("rewards", "advantages", "value")
QUESTIONS = [("log", "harmonic"), ("log", "plug_in"), ("power(-0.5)", "plug_in"), ("js(0.3)", "plug_in")]
QUESTIONS += [("power(2)", "plug_in"), ("polynomial(1,-2,0.5)", "plug_in")]
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@st.composite
def batches(draw: st.DrawFn) -> np.ndarray:
    """Ids of any width, few or many different ones, contiguous or not, any number of groups, K on both sides of 32."""
    dtype, size = draw(st.sampled_from(DTYPES)), draw(st.one_of(st.integers(2, 8), st.integers(30, 40)))
    lead = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4))
    limits = (0, 1) if dtype == np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    few = st.sampled_from(draw(st.lists(st.integers(*limits), min_size=1, max_size=5)))
    elements = draw(st.sampled_from([few, st.integers(*limits)]))
    return draw(hnp.arrays(dtype, (*lead, size), elements=elements, fill=few))


def strided(array: np.ndarray) -> torch.Tensor:
    """The same ids in memory that is not contiguous."""
    return torch.from_numpy(np.repeat(array, 2, axis=-1))[..., ::2]


@given(batches(), st.sampled_from(("harmonic", "plug_in")))
@example(np.zeros((0, 2), np.int8), "harmonic")
@example(np.zeros((3, 0, 33), np.int64), "harmonic")
@example(np.array([[1, 2**63]], np.uint64), "harmonic")
@example(np.array([[-1, 2**32 - 1]]), "plug_in")
@example(np.arange(300) // 7, "harmonic")
@example(np.arange(600).reshape(2, 300) % 11, "harmonic")
@example(np.arange(2000).reshape(2, 1000) % 13, "harmonic")
def test_scores_are_those_of_the_numpy_runtime(answers: np.ndarray, method: str) -> None:
    K = answers.shape[-1]
    est, module = polyest.load("log", K, method), adapter.load("log", K, method, dtype=torch.float64)
    for ids in (torch.from_numpy(answers), strided(answers)):
        for kind in KINDS:
            np.testing.assert_array_equal(getattr(module, kind)(ids).numpy(), getattr(est, kind)(answers))


@pytest.mark.parametrize("problem", [p for p in polyest.tables() if p.group_size in (2, 3, 16, 32, 64)], ids=str)
def test_stored_tables_score_like_the_numpy_runtime(problem: Problem) -> None:
    answers = np.random.default_rng(3).geometric(0.3, (40, problem.group_size))
    budget = problem.budget.argument if problem.budget else {}
    question = (problem.target, problem.group_size, problem.method)
    est, module = polyest.load(*question, **budget), adapter.load(*question, **budget, dtype=torch.float64)
    for kind in KINDS:
        np.testing.assert_array_equal(getattr(module, kind)(torch.from_numpy(answers)), getattr(est, kind)(answers))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=9))
def test_scores_are_those_of_the_definition(group: list[int]) -> None:
    module = adapter.load("log", len(group), "harmonic", dtype=torch.float64)
    c, others = module.coefficients.tolist(), module.leave_one_out_coefficients.tolist()
    ids = torch.tensor(group)
    assert module.rewards(ids).tolist() == oracle.rewards(group, c)
    exact = [float(a) for a in oracle.exact_advantages(group, c, others)]
    ulp = np.spacing(max(map(abs, [*c, *others, 1.0])))
    np.testing.assert_allclose(module.advantages(ids).numpy(), exact, rtol=0, atol=4 * ulp)


@given(batches())
def test_float32_is_float64_rounded_once(answers: np.ndarray) -> None:
    K, ids = answers.shape[-1], torch.from_numpy(answers)
    single, double = (adapter.load("log", K, "plug_in", dtype=dtype) for dtype in (torch.float32, torch.float64))
    for kind in KINDS:
        assert torch.equal(getattr(single, kind)(ids), getattr(double, kind)(ids).float())


@given(batches(), st.data())
@example(np.array([[-1, -1], [3, -1], [3, 3]]), None)
@example(np.array([[255, 255, 1]], np.uint8), None)
def test_padding_scores_like_the_numpy_runtime(answers: np.ndarray, data: st.DataObject | None) -> None:
    K = answers.shape[-1]
    present = st.sampled_from([*answers.ravel().tolist(), 0]) if data else None
    padding_id = -1 if data is None else data.draw(st.one_of(present, st.integers(-(2**70), 2**70)))
    integers = answers.astype(np.int8) if answers.dtype == np.bool_ else answers
    est = polyest.load("log", K, "harmonic")
    module = adapter.load("log", K, "harmonic", padding_id=padding_id, dtype=torch.float64)
    ids = torch.from_numpy(answers)
    for kind in KINDS:
        expected = getattr(est, kind)(integers, padding_id=padding_id)
        np.testing.assert_array_equal(getattr(module, kind)(ids).numpy(), expected)


@pytest.mark.parametrize("padding_id", [None, 0])
@pytest.mark.parametrize(("target", "method"), QUESTIONS)
def test_the_reference_is_that_of_the_numpy_runtime(target: str, method: str, padding_id: int | None) -> None:
    rng = np.random.default_rng(5)
    answers, q = rng.integers(0, 4, (50, 6)), rng.uniform(1e-6, 1, (50, 6))
    est = polyest.load(target, 6, method)
    module = adapter.load(target, 6, method, padding_id=padding_id, dtype=torch.float64)
    tolerance = {"rtol": 1e-15, "atol": 16 * np.spacing(np.abs(est.rewards(answers, q)).max())}
    for kind in KINDS:
        expected = getattr(est, kind)(answers, q, padding_id=padding_id)
        got = getattr(module, kind)(torch.from_numpy(answers), torch.from_numpy(q))
        np.testing.assert_allclose(got.numpy(), expected, **tolerance)


@pytest.mark.parametrize("q", [-0.1, 1.5, float("nan"), float("inf"), 0.0])
def test_a_reference_that_is_no_probability_scores_nan(q: float) -> None:
    module = adapter.load("log", 2, "harmonic")
    got = module.rewards(torch.tensor([[1, 1]]), torch.tensor([[q, 0.5]]))
    assert got.isnan().tolist() == [[True, False]]


@given(batches(), st.randoms())
def test_permuting_completions_permutes_and_relabelling_changes_nothing(answers: np.ndarray, draw: object) -> None:
    K = answers.shape[-1]
    module = adapter.load("log", K, "harmonic", dtype=torch.float64)
    order = draw.sample(range(K), K)
    labels = np.unique(answers).tolist()
    names = dict(zip(labels, draw.sample(range(len(labels)), len(labels)), strict=True))
    ids = torch.from_numpy(answers)
    renamed = torch.tensor([names[label] for label in answers.ravel().tolist()], dtype=torch.int64).reshape(ids.shape)
    for kind in KINDS:
        scores = getattr(module, kind)(ids)
        assert torch.equal(getattr(module, kind)(renamed), scores)
        permuted = getattr(module, kind)(ids[..., order])
        assert torch.equal(permuted, scores if kind == "value" else scores[..., order])


@pytest.mark.parametrize("K", [2, 31, 32, 33, 300, 1000])
def test_both_ways_of_counting_agree_with_counting(K: int) -> None:
    ids = torch.randint(0, K // 2 + 1, (7, K), generator=torch.Generator().manual_seed(K))
    expected = [[row.count(item) - 1 for item in row] for row in ids.tolist()]
    assert count_matches(ids).tolist() == expected


# On a GPU


@needs_cuda
@pytest.mark.parametrize("padding_id", [None, 0])
@pytest.mark.parametrize("K", [2, 16, 40, 300])
def test_cuda_scores_are_those_of_the_cpu_and_wait_for_nothing(K: int, padding_id: int | None) -> None:
    """To the bit without a reference; the logarithms of q differ."""
    module = adapter.load("log", K, "harmonic", padding_id=padding_id, dtype=torch.float64)
    ids, q = torch.randint(0, K, (64, K)), torch.rand(64, K, dtype=torch.float64)
    expected = [(getattr(module, kind)(ids), getattr(module, kind)(ids, q)) for kind in KINDS]
    module, ids, q = module.to("cuda"), ids.cuda(), q.cuda()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        got = [(getattr(module, kind)(ids), getattr(module, kind)(ids, q)) for kind in KINDS]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for (plain, referred), (cpu_plain, cpu_referred) in zip(got, expected, strict=True):
        assert plain.is_cuda
        assert referred.is_cuda
        torch.testing.assert_close(plain.cpu(), cpu_plain, rtol=0, atol=0, equal_nan=True)
        torch.testing.assert_close(referred.cpu(), cpu_referred, rtol=1e-13, atol=1e-13, equal_nan=True)


@needs_cuda
def test_cuda_moves_cast_and_autocast() -> None:
    module, ids = adapter.load("log", 8, "harmonic", device="cuda"), torch.randint(0, 5, (4, 8), device="cuda")
    plain = module.advantages(ids)
    with torch.autocast("cuda", torch.bfloat16):
        assert torch.equal(module.to(torch.bfloat16).advantages(ids), plain)
    with pytest.raises(ArgumentError, match="device cuda:0, got cpu"):
        module(ids.cpu())
    with pytest.raises(ArgumentError, match="device cuda:0, got cpu"):
        module(ids, torch.ones(4, 8))


@needs_cuda
@pytest.mark.parametrize("K", [16, 40])
def test_cuda_compiles_into_one_graph_and_can_be_captured(K: int) -> None:
    module, ids = adapter.load("log", K, "harmonic", device="cuda"), torch.randint(0, 9, (64, K), device="cuda")
    expected = module.advantages(ids)
    torch.testing.assert_close(torch.compile(module.advantages, fullgraph=True)(ids), expected)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = module.advantages(ids)
    graph.replay()
    torch.testing.assert_close(captured, expected)


@needs_cuda
def test_cuda_is_deterministic_when_asked() -> None:
    module, ids = adapter.load("log", 40, "harmonic", device="cuda"), torch.randint(0, 9, (64, 40), device="cuda")
    expected = module.advantages(ids)
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.equal(module.advantages(ids), expected)
    finally:
        torch.use_deterministic_algorithms(False)


@needs_cuda
def test_cuda_flat_scores_come_back_to_the_device() -> None:
    answers, groups = torch.tensor([1, 1, 2], device="cuda"), torch.tensor([0, 0, 0], device="cuda")
    assert adapter.rewards(answers, groups, "log", "harmonic").tolist() == [-0.5, -0.5, -1.5]
    assert adapter.rewards(answers, ["x"] * 3, "log", "harmonic").is_cuda
    with pytest.raises(ArgumentError, match="one device"):
        adapter.rewards(answers, groups.cpu(), "log", "harmonic")
