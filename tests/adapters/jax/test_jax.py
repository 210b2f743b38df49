"""The JAX adapter against the numpy runtime, with and without 64-bit numbers, eager, under jit and under vmap."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import polyest
from polyest.errors import ArgumentError, TableNotFoundError

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
adapter = pytest.importorskip("polyest.adapters.jax")

pytestmark = pytest.mark.filterwarnings("ignore:.*one completion, which nothing can be compared with")
SHAPES = [
    (np.dtype(kind), lead, size)
    for kind, lead, size in [
        ("i1", (), 33),
        ("i2", (1,), 17),
        ("i4", (0,), 3),
        ("i8", (4,), 16),
        ("u1", (2, 3), 5),
        ("u4", (), 2),
        ("u8", (2,), 4),
        ("?", (4,), 3),
    ]
]
KINDS = ("rewards", "advantages", "value")
QUESTIONS = [("log", "harmonic", None), ("log", "harmonic", 0)]
QUESTIONS += [(target, "plug_in", None) for target in ("power(-0.5)", "js(0.3)", "polynomial(1,-2,0.5)")]
unoptimised = pytest.mark.usefixtures("unoptimised")
both_widths = pytest.mark.parametrize("x64", [False, True])


@st.composite
def batches(draw: st.DrawFn) -> np.ndarray:
    """Ids of any width that fit 31 bits, any number of groups; of few shapes, each of which is compiled."""
    dtype, lead, size = draw(st.sampled_from(SHAPES))
    most = 1 if dtype == np.bool_ else min(np.iinfo(dtype).max, 2**31 - 1)
    few = st.integers(0, draw(st.integers(0, min(most, 20))))
    return draw(hnp.arrays(dtype, (*lead, size), elements=draw(st.sampled_from([few, st.integers(0, most)]))))


def few_ulp(est: polyest.Estimator, x64: bool) -> dict[str, float]:
    """Eight units in the last place of the largest number that is added up."""
    largest = max(np.abs(est.coefficients).max(), np.abs(est.leave_one_out_coefficients).max(), 1.0)
    return {"rtol": 0.0, "atol": 8 * float(np.spacing(largest if x64 else np.float32(largest)))}


@pytest.mark.slow
@both_widths
@settings(max_examples=20)
@given(batches(), st.just("harmonic"))
@example(np.arange(64).reshape(4, 16) // 5, "plug_in")
@example(np.arange(2000).reshape(2, 1000) % 13, "harmonic")
def test_scores_are_those_of_the_numpy_runtime(x64: bool, answers: np.ndarray, method: str) -> None:
    K = answers.shape[-1]
    est = polyest.load("log", K, method)
    with jax.enable_x64(x64):
        twin = adapter.load("log", K, method)
        rewards = twin.rewards(answers)
        assert rewards.dtype == (jnp.float64 if x64 else jnp.float32)
        np.testing.assert_array_equal(rewards, est.rewards(answers).astype(rewards.dtype))
        for kind in KINDS[1:]:
            np.testing.assert_allclose(getattr(twin, kind)(answers), getattr(est, kind)(answers), **few_ulp(est, x64))


@unoptimised  # weights have padding as users have it
@both_widths
@settings(max_examples=20)
@given(batches(), st.data())
@example(np.array([[255, 255, 1]], np.uint8), None)
@example(np.array([[-1, -1], [3, -1], [3, 3]]), None)
def test_padding_scores_like_the_numpy_runtime(x64: bool, answers: np.ndarray, data: st.DataObject | None) -> None:
    K = answers.shape[-1]
    present = st.sampled_from([*answers.ravel().tolist(), 0]) if data else None
    padding_id = -1 if data is None else data.draw(st.one_of(present, st.integers(-(2**70), 2**70)))
    integers = answers.astype(np.int8) if answers.dtype == np.bool_ else answers
    est = polyest.load("log", K, "harmonic")
    with jax.enable_x64(x64):
        twin = adapter.load("log", K, "harmonic", padding_id=padding_id)
        for kind in KINDS:
            expected = getattr(est, kind)(integers, padding_id=padding_id)
            np.testing.assert_allclose(getattr(twin, kind)(answers), expected, **few_ulp(est, x64))


@both_widths
@pytest.mark.parametrize(("target", "method", "padding_id"), QUESTIONS)
def test_jit_vmap_and_a_reference(target: str, method: str, padding_id: int | None, x64: bool) -> None:
    rng = np.random.default_rng(5)
    answers, q = rng.integers(0, 4, (5, 3, 6)), rng.uniform(1e-3, 1, (5, 3, 6)).astype(np.float32)
    est = polyest.load(target, 6, method)
    with jax.enable_x64(x64):
        twin = adapter.load(target, 6, method, padding_id=padding_id)
        ids = adapter.ids(answers)

        def scores(ids, q):
            return [getattr(twin, kind)(ids, q) for kind in KINDS]

        compiled = jax.jit(jax.vmap(jax.vmap(scores)))
        for function in (compiled,) if x64 else (compiled, scores):
            for kind, found in zip(KINDS, function(ids, q), strict=True):
                expected = getattr(est, kind)(answers, q, padding_id=padding_id)
                largest = np.nanmax(np.abs(expected))
                tolerance = 64 * np.spacing(largest if x64 else np.float32(largest))
                np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_permuting_completions_permutes_and_relabelling_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    answers, order, names = rng.integers(0, 8, (9, 16)), rng.permutation(16), rng.permutation(8) + 100
    twin, est = adapter.load("log", 16, "harmonic"), polyest.load("log", 16, "harmonic")
    for kind in KINDS:
        scores = np.asarray(getattr(twin, kind)(answers))
        np.testing.assert_array_equal(getattr(twin, kind)(names[answers]), scores)
        expected = scores if kind == "value" else scores[:, order]
        np.testing.assert_allclose(getattr(twin, kind)(answers[:, order]), expected, **few_ulp(est, x64=False))


@pytest.mark.parametrize("q", [-0.1, 1.5, float("nan"), float("inf"), 0.0])
def test_a_reference_that_is_no_probability_scores_nan(q: float) -> None:
    got = adapter.load("log", 2, "harmonic").rewards(jnp.array([[1, 1]]), jnp.array([[q, 0.5]]))
    assert np.isnan(got).tolist() == [[True, False]]


def test_no_gradient_flows_and_the_host_is_not_called() -> None:
    twin, ids, q = adapter.load("log", 4, "harmonic", padding_id=0), jnp.array([1, 1, 2, 3]), jnp.full(4, 0.5)
    for kind in KINDS:
        assert jax.grad(lambda q, kind=kind: getattr(twin, kind)(ids, q).sum())(q).tolist() == [0.0] * 4
        assert "callback" not in str(jax.make_jaxpr(getattr(twin, kind))(ids, q))


# Bad input

TOO_LARGE = [
    np.array([[1, 2**31]]),
    np.array([[1, -(2**31) - 1]]),
    np.array([[1, 2**32]], np.uint64),
    [[1, 2**40]],
    [[1, 2**62]],
]


@pytest.mark.parametrize("answers", TOO_LARGE)
def test_ids_that_do_not_fit_are_refused_and_not_wrapped(answers: object) -> None:
    twin = adapter.load("log", 2, "harmonic")
    with jax.enable_x64(False):
        for function in (*(getattr(twin, kind) for kind in KINDS), adapter.ids):
            with pytest.raises(ArgumentError, match=r"`answers` must fit u?int32.*jax_enable_x64"):
                function(answers)
    with jax.enable_x64(True):
        assert twin.rewards(answers).tolist() == [[-1.0, -1.0]]
        assert twin.rewards(adapter.ids(answers)[:, [1, 1]]).tolist() == [[0.0, 0.0]]


def test_ids_that_just_fit_are_accepted() -> None:
    with jax.enable_x64(False):
        assert adapter.ids(np.array([2**31 - 1, -(2**31)])).tolist() == [2**31 - 1, -(2**31)]
        assert adapter.ids(np.array([2**32 - 1, 0], np.uint64)).tolist() == [2**32 - 1, 0]
        assert adapter.ids(np.zeros((0, 3), np.int64)).shape == (0, 3)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (jnp.zeros((2, 4)), "integer ids, got float32"),
        (jnp.zeros((2, 4), jnp.bfloat16), "integer ids, got bfloat16"),
        (np.zeros((2, 4)), "integer ids, got float64"),
        (np.array([["a"] * 4]), "integer ids, got <U1"),
        ([[1, 2, 3, 2**70]], "integer ids, got object"),
        ([[1, 2, 3, 4], [1]], "lists of equal lengths"),
        (np.ma.array([7, 7, 2, 3], mask=[1, 1, 0, 0]), "not be a masked array; pass .*usable=~"),
        ([np.ma.array([7, 7, 2, 3], mask=[1, 1, 0, 0])], "lists of equal lengths of integers; got a masked array"),
        ([7, np.ma.masked, 2, 3], "lists of equal lengths of integers; got .*a masked"),
        (5, "JAX array, a numpy array or a list, got int"),
        (jnp.zeros((2, 5), int), r"shape \(..., 4\).*group_size=4; got shape \(2, 5\).*load\(…, padding_id=that\)"),
        (jnp.array(3), r"shape \(..., 4\).*got shape \(\)"),
    ],
)
def test_bad_answers_are_refused(answers: object, told: str) -> None:
    twin = adapter.load("log", 4, "harmonic")
    for kind in KINDS:
        with pytest.raises(ArgumentError, match=f"`answers` must.*{told}"):
            getattr(twin, kind)(answers)


def test_bad_answers_are_refused_under_jit() -> None:
    twin = adapter.load("log", 4, "harmonic")
    with pytest.raises(ArgumentError, match="integer ids"):
        jax.jit(twin.rewards)(jnp.zeros((2, 4)))
    with pytest.raises(ArgumentError, match="group_size=4"):
        jax.jit(twin.rewards)(jnp.zeros((2, 5), int))


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        (jnp.ones((2, 4), int), "got int32"),
        ([[0.5] * 4] * 2, "got list"),
        (jnp.ones(4), r"shape \(2, 4\), got \(4,\)"),
    ],
)
def test_bad_references_are_refused(reference: object, told: str) -> None:
    twin = adapter.load("log", 4, "harmonic")
    for kind in KINDS:
        with pytest.raises(ArgumentError, match=f"`reference` must.*{told}"):
            getattr(twin, kind)(jnp.zeros((2, 4), int), reference)


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ArgumentError, match="`padding_id`"):
        adapter.load("log", 4, "harmonic", padding_id=0.5)
    with pytest.raises(TableNotFoundError, match="polyest solve"):
        adapter.load("log", 4, bias_budget=1.37)
    with pytest.raises(ArgumentError, match="without baseline"):
        adapter.load("log", 4, "harmonic", baseline="group_mean").advantages([1, 2, 3, 4])


def test_sizes_without_a_table_score_nan_and_are_named() -> None:
    """power(2) has an exact table from K = 3 on only."""
    with pytest.warns(UserWarning, match="with 2 completions will score NaN"):
        twin = adapter.load("power(2)", 4, padding_id=-1)
    assert np.isnan(twin.rewards([[1, 1, 1, -1], [1, 1, -1, -1]])).tolist() == [[False, False, False, True], [True] * 4]


# In processes of their own


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


WIDTH = """
import numpy as np, polyest.adapters.jax as adapter
twin = adapter.load("log", 2, "harmonic")
print(twin.rewards(np.array([1, 1])).dtype, twin.coefficients.tolist())
try:
    print(twin.rewards(np.array([0, 2**32])).tolist())
except ValueError as error:
    print(type(error).__name__)
"""
DEVICES = """
import jax, jax.numpy as jnp
first, second = jax.devices()
ids, q = jax.device_put(jnp.array([1, 1]), second), jnp.array([0.5, 0.5])
print(twin.rewards(ids, q).devices() == twin.rewards(ids).devices() == {second})
twin.rewards(ids, jax.device_put(q, first))
"""


@pytest.mark.parametrize(
    ("x64", "told"), [("0", "float32 [-1.0, 0.0]\nArgumentError\n"), ("1", "float64 [-1.0, 0.0]\n[-1.0, -1.0]\n")]
)
def test_the_environment_chooses_the_width_and_arrays_on_different_devices_are_refused(x64: str, told: str) -> None:
    devices = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    got = run(WIDTH + DEVICES, JAX_ENABLE_X64=x64, **devices)
    assert got.stdout == f"{told}True\n", got.stderr
    assert "ArgumentError: `reference` must be on the answers'" in got.stderr


def test_without_jax_the_error_names_the_extra() -> None:
    got = run("import sys; sys.modules['jax'] = None; import polyest.adapters.jax")
    assert "MissingDependencyError" in got.stderr
    assert "pip install 'polyest[jax]'" in got.stderr
