"""The torch module: devices, dtypes, state, compilation, and what it refuses."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import polyest
from polyest.errors import ArgumentError, TableNotFoundError

torch = pytest.importorskip("torch")
adapter = pytest.importorskip("polyest.adapters.torch")

# torch's own, when it compiles
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
KINDS = ("rewards", "advantages", "value")


def test_tables_stay_exact_and_results_float32_or_wider() -> None:
    module, exact = adapter.load("log", 8, "harmonic"), polyest.load("log", 8, "harmonic").coefficients
    ids = torch.tensor([[1, 1, 2, 3, 4, 5, 6, 7]])
    casts: list[tuple[Callable[[torch.nn.Module], torch.nn.Module], torch.dtype]] = [
        (lambda m: m.to(torch.bfloat16), torch.float32),
        (lambda m: m.half(), torch.float32),
        (lambda m: m.double(), torch.float64),
        (lambda m: m.to("cpu"), torch.float64),
        (lambda m: m.to(torch.float16), torch.float32),
        (lambda m: m.float(), torch.float32),
        (lambda m: torch.nn.Sequential(m).bfloat16()[0], torch.float32),
    ]
    for cast, dtype in casts:
        module = cast(module)
        assert module(ids).dtype == module.advantages(ids).dtype == module.value(ids).dtype == dtype
        np.testing.assert_array_equal(module.coefficients.numpy(), exact)


def test_tables_that_something_else_rounded_are_refused() -> None:
    module = adapter.load("log", 4, "harmonic")
    module.reward_table = module.reward_table.bfloat16()
    with pytest.raises(ArgumentError, match=r"float32 or wider, got torch\.bfloat16"):
        module(torch.tensor([1, 1, 2, 3]))


def test_autocast_changes_nothing() -> None:
    module = adapter.load("log", 8, "harmonic")
    ids, q = torch.randint(0, 5, (4, 8)), torch.rand(4, 8)
    for kind in KINDS:
        plain = getattr(module, kind)(ids, q)
        with torch.autocast("cpu", torch.bfloat16):
            cast = getattr(module, kind)(ids, q)
        assert cast.dtype == torch.float32
        assert torch.equal(cast, plain)


def test_the_state_is_saved_and_another_table_is_refused() -> None:
    module = adapter.load("log", 8, "harmonic", padding_id=-1)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    again = adapter.load("log", 8, "harmonic", padding_id=-1)
    again.load_state_dict(state)
    again.load_state_dict({name: table.bfloat16() for name, table in state.items()})
    assert torch.equal(again.coefficients, module.coefficients)
    with pytest.raises(RuntimeError, match="another table than that of log K=8 plug_in"):
        adapter.load("log", 8, "plug_in", padding_id=-1).load_state_dict(state)
    with pytest.raises(RuntimeError, match="reward_table"):
        adapter.load("log", 8, "harmonic").load_state_dict(state)
    with pytest.raises(RuntimeError, match="Missing key"):
        again.load_state_dict({})


def test_the_module_has_no_parameters_and_can_be_copied() -> None:
    module, ids = adapter.load("log", 4, "harmonic"), torch.tensor([1, 1, 2, 3])
    assert list(module.parameters()) == []
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(twin.advantages(ids), module.advantages(ids))
    assert "log K=4 harmonic" in repr(module)


def test_no_gradient_flows() -> None:
    q = torch.full((4,), 0.5, requires_grad=True)
    assert not adapter.load("log", 4, "harmonic")(torch.tensor([1, 1, 2, 3]), q).requires_grad


@pytest.mark.parametrize("padding_id", [None, 0])
@pytest.mark.parametrize("K", [16, 40])
def test_nothing_is_asked_of_the_host(K: int, padding_id: int | None) -> None:
    """On the meta device there is no data: a shape that depends on it, or a question about it, is an error."""
    module = adapter.load("log", K, "harmonic", padding_id=padding_id).to("meta")
    ids, q = torch.zeros(5, 3, K, dtype=torch.int64, device="meta"), torch.zeros(5, 3, K, device="meta")
    assert module.rewards(ids, q).shape == module.advantages(ids, q).shape == (5, 3, K)
    assert module.value(ids, q).shape == (5, 3)


def test_the_meta_device_loses_nothing() -> None:
    with torch.device("meta"):
        module = adapter.load("log", 4, "harmonic")
    assert module.reward_table.is_meta
    expected = adapter.load("log", 4, "harmonic").coefficients
    assert torch.equal(module.to_empty(device="cpu").coefficients, expected)


@pytest.fixture(autouse=True, scope="module")
def fresh_compiler() -> Iterator[None]:
    yield
    torch.compiler.reset()


@pytest.mark.parametrize(("kind", "K", "padding_id"), [*((kind, 16, 0) for kind in KINDS), ("advantages", 40, None)])
def test_one_graph_holds_it_all(kind: str, K: int, padding_id: int | None) -> None:
    """Traced into one graph, also with another number of groups; run by torch's own operators, which compiles fast."""
    function = getattr(adapter.load("log", K, "harmonic", padding_id=padding_id), kind)
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    for groups in (3, 5):
        ids, q = torch.randint(0, 9, (groups, K)), torch.rand(groups, K)
        torch.testing.assert_close(compiled(ids, q), function(ids, q), equal_nan=True)


@pytest.mark.parametrize(("K", "kind"), [(8, "forward"), (40, "advantages")])
def test_the_default_compiler_gives_the_same(K: int, kind: str) -> None:
    module = adapter.load("log", K, "harmonic", padding_id=0, dtype=torch.float64)
    function, ids = module if kind == "forward" else getattr(module, kind), torch.randint(0, 9, (5, K))
    torch.testing.assert_close(torch.compile(function, fullgraph=True)(ids), function(ids), equal_nan=True)


def test_vmap_adds_a_dimension() -> None:
    for K in (5, 40):
        module, ids = adapter.load("log", K, "harmonic", padding_id=0), torch.randint(0, 9, (4, 3, K))
        for kind in KINDS:
            expected = getattr(module, kind)(ids)
            torch.testing.assert_close(torch.func.vmap(getattr(module, kind))(ids), expected, equal_nan=True)


def test_sizes_without_a_table_score_nan_and_are_named() -> None:
    """power(2) has an exact table from K = 3 on only."""
    with pytest.warns(UserWarning, match="with 2 completions will score NaN"):
        module = adapter.load("power(2)", 4, padding_id=-1)
    got = module.rewards(torch.tensor([[1, 1, 1, -1], [1, 1, -1, -1]]))
    assert got.isnan().tolist() == [[False, False, False, True], [True] * 4]


def test_warnings_of_padding_are_raised_once_per_load() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lone = adapter.load("log", 6, "harmonic", padding_id=-1)(torch.tensor([1, -1, -1, -1, -1, -1]))
    assert lone.isnan().all()


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (torch.zeros(2, 4), "integer ids, got torch.float32"),
        (torch.zeros(2, 4, dtype=torch.bfloat16), "integer ids, got torch.bfloat16"),
        (torch.zeros(2, 4, dtype=torch.complex64), "integer ids, got torch.complex64"),
        (
            torch.ones(2, 4, dtype=torch.int64).to_sparse(),
            "dense tensor, got a Tensor of torch.sparse_coo.*use .to_dense",
        ),
        (np.zeros((2, 4), int), "torch tensor of integer ids, got ndarray"),
        ([["a", "b", "c", "d"]], "torch tensor of integer ids, got list"),
        (torch.zeros(2, 5, dtype=torch.int64), r"shape \(..., 4\).*group_size=4; got shape \(2, 5\)"),
        (torch.tensor(3), r"shape \(..., 4\).*got shape \(\)"),
        (torch.zeros(2, 4, dtype=torch.int64, device="meta"), "device cpu, got meta"),
    ],
)
def test_bad_answers_are_refused(answers: object, told: str) -> None:
    module = adapter.load("log", 4, "harmonic")
    for kind in KINDS:
        with pytest.raises(ArgumentError, match=f"`answers` must.*{told}"):
            getattr(module, kind)(answers)


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        (torch.ones(2, 4, dtype=torch.int64), "got torch.int64"),
        (np.ones((2, 4)), "got ndarray"),
        (torch.ones(4), r"shape \(2, 4\), got \(4,\)"),
        (torch.ones(2, 4, device="meta"), "device cpu, got meta"),
    ],
)
def test_bad_references_are_refused(reference: object, told: str) -> None:
    module = adapter.load("log", 4, "harmonic")
    for kind in KINDS:
        with pytest.raises(ArgumentError, match=f"`reference` must.*{told}"):
            getattr(module, kind)(torch.zeros(2, 4, dtype=torch.int64), reference)


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ArgumentError, match="`dtype`"):
        adapter.load("log", 4, "harmonic", dtype=torch.bfloat16)
    with pytest.raises(ArgumentError, match="`padding_id`"):
        adapter.load("log", 4, "harmonic", padding_id=0.5)
    with pytest.raises(ArgumentError, match="`target`"):
        adapter.load("lg", 4, "harmonic")
    with pytest.raises(TableNotFoundError, match="polyest solve"):
        adapter.load("log", 4, bias_budget=1.37)


def test_tables_for_trainers_that_centre_have_no_advantages() -> None:
    module, ids = adapter.load("log", 4, "harmonic", baseline="group_mean", padding_id=None), torch.tensor([1, 1, 2, 3])
    expected = polyest.load("log", 4, "harmonic", baseline="group_mean").rewards(ids.numpy())
    np.testing.assert_array_equal(module.double()(ids).numpy(), expected)
    with pytest.raises(ArgumentError, match="without baseline"):
        module.advantages(ids)


def test_without_torch_the_error_names_the_extra() -> None:
    code = "import sys; sys.modules['torch'] = None; import polyest.adapters.torch"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingDependencyError" in run.stderr
    assert "pip install 'polyest[torch]'" in run.stderr
