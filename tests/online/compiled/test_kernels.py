"""The numba kernels where they are tricky: collisions of the hash, ends of arrays, mixed sizes, no cache folder."""

from __future__ import annotations

import numba
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.online import compiled, numpy_backend
from polyest.online.backend import Backend
from polyest.online.compiled import hashing
from polyest.online.compiled.jit import jit
from polyest.online.layout import Layout
from polyest.online.lookup import Lookup, Tables, fixed_point

INVERSE = pow(int(hashing.GOLDEN), -1, 1 << 64)


def layout_of(codes: np.ndarray, sizes: list[int], kind: str, is_weighted: bool = False) -> Layout:
    found = {n: Lookup.of(polyest.load("log", n, "harmonic").table) for n in set(sizes) if n > 1}
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Layout(codes, starts, Tables.join(found, kind, is_weighted), work=0)


@pytest.mark.slow
@given(
    st.lists(st.sampled_from([0, 1, 2, 3, 7, 8, 9, 16, 31, 32, 33, 40, 200, 300]), min_size=1, max_size=12), st.data()
)
def test_both_backends_agree_on_any_layout(sizes: list[int], data: st.DataObject) -> None:
    total, alphabet = sum(sizes), data.draw(st.sampled_from([1, 3, 40, 10**6]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    codes, w = rng.integers(-alphabet, alphabet, total), rng.normal(size=total)
    w[:: data.draw(st.integers(1, 9))] *= data.draw(st.sampled_from([0.0, 1e-310, 1e-9, 1e9, 1e200])) / 10
    for kind in ("rewards", "advantages", "values"):
        plain, weighted = layout_of(codes, sizes, kind), layout_of(codes, sizes, kind, is_weighted=True)
        found = [both_ways(kind, run, plain, weighted, w) for run in (numpy_backend, compiled)]
        for one, other in zip(*found, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("last", [0, 1, 2, 7, 8, 70])
@pytest.mark.parametrize("kind", ["rewards", "advantages", "values"])
def test_groups_of_mixed_sizes_get_their_own_scores_and_no_others(kind: str, last: int) -> None:
    rng = np.random.default_rng(last)
    sizes = [*rng.permutation([0, 1, *range(2, 15), 64, 65, 100] * 20).tolist(), last]
    codes, w = rng.integers(-3, 3, sum(sizes)), rng.normal(size=sum(sizes))
    layout = layout_of(codes, sizes, kind)
    for weights in (None, w) if kind == "rewards" else (None,):
        expected, found = (np.full(len(sizes) if kind == "values" else len(codes), -9.0) for _ in range(2))
        for run, out in ((numpy_backend, expected), (compiled, found)):
            (run.values if kind == "values" else run.scores)(layout, weights, out)
        np.testing.assert_array_equal(found, expected)


def both_ways(kind: str, run: Backend, plain: Layout, weighted: Layout, w: np.ndarray) -> list[np.ndarray]:
    """Scores without weights and with them."""
    found = []
    for layout, weights in ((plain, None), (weighted, w)):
        found += [np.full(len(layout.starts) - 1 if kind == "values" else len(w), -9.0)]
        (run.values if kind == "values" else run.scores)(layout, weights, found[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("K", [65, 100, 1000])
def test_answers_that_all_share_a_slot_are_counted_all_the_same(K: int) -> None:
    """Times the factor of the hash, these ids are 0, 1, 2, …: their leading bits, the slot, are all 0."""
    ids = np.array([j * INVERSE % (1 << 64) for j in range(K // 2)], np.uint64)
    rng = np.random.default_rng(0)
    answers, w = rng.choice(ids, (9, K)).view(np.int64), rng.normal(size=(9, K))
    est = polyest.load("log", K, "harmonic")
    c, others = est.coefficients.tolist(), est.leave_one_out_coefficients.tolist()
    with oracle.using("compiled"):
        rewards, advantages = est.rewards(answers), est.advantages(answers)
    np.testing.assert_array_equal(rewards, [oracle.rewards(row, c) for row in answers.tolist()])
    np.testing.assert_array_equal(advantages, [oracle.advantages(row, c, others) for row in answers.tolist()])
    weighted = []
    for backend in ("compiled", "numpy"):
        with oracle.using(backend):
            weighted.append(est.advantages(answers, weights=w))
    np.testing.assert_array_equal(*weighted)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=40))
def test_fixed_point_is_as_fine_as_sums_allow(values: list[float]) -> None:
    fixed, largest, K = fixed_point(values), max(map(abs, values)), len(values)
    assert max(abs(n) for n in fixed.integers.tolist()) * K <= 1 << 62
    finest = K * largest * 2.0**-60 + 2.0**-1000
    np.testing.assert_allclose(fixed.integers * fixed.scale, values, rtol=2**-52, atol=finest)


def test_read_only_and_unaligned_answers() -> None:
    answers = np.random.default_rng(1).integers(0, 5, (50, 16))
    est = polyest.load("log", 16, "harmonic")
    expected = est.rewards(answers)
    frozen = answers.copy()
    frozen.setflags(write=False)
    shifted = np.frombuffer(b"\0" + answers.tobytes(), np.uint8)[1:].view(np.int64).reshape(answers.shape)
    with oracle.using("compiled"):
        np.testing.assert_array_equal(est.rewards(frozen), expected)
        np.testing.assert_array_equal(est.rewards(shifted), expected)


def test_kernels_compile_where_no_folder_can_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_function = numba.njit

    def refuse(*arguments: object, cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return compile_function(*arguments, **options)

    monkeypatch.setattr(numba, "njit", refuse)
    assert jit(_double)(4) == 8


def _double(x: int) -> int:
    return 2 * x
