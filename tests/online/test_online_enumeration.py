"""Expected gradients by enumeration of every group: K ≤ 5, three answers, random policies and tables (theory.md §5).

A policy's parameter derivative is a vector dν with Σ_z dν(z) = 0; the score of answer z is dν(z)/ν(z). One group's
update is (1/K) Σ_i A_i dν(z_i)/ν(z_i), and Σ_z Q(ν(z)) dν(z) is the derivative of the surrogate Φ_Q.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from math import comb, prod

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.online import compiled, numpy_backend
from polyest.online.layout import Layout
from polyest.online.lookup import Lookup, Tables
from polyest.problems.problem import make_problem
from polyest.storage.table import Table

rationals = st.fractions(-3, 3, max_denominator=20)
policies = st.lists(st.integers(1, 9), min_size=3, max_size=3).map(lambda w: [Fraction(x, sum(w)) for x in w])
directions = st.lists(rationals, min_size=2, max_size=2).map(lambda d: [d[0], d[1], -d[0] - d[1]])
sizes = st.integers(2, 5)


def tables(size: int) -> st.SearchStrategy[list[Fraction]]:
    return st.lists(rationals, min_size=size, max_size=size)


def surrogate(c: Sequence[Fraction], p: Fraction) -> Fraction:
    """Q_c(p) = Σ_m c_m B_{m,K−1}(p)."""
    n = len(c) - 1
    return sum((c[m] * comb(n, m) * p**m * (1 - p) ** (n - m) for m in range(n + 1)), Fraction(0))


def expected(
    policy: Sequence[Fraction], direction: Sequence[Fraction], K: int, score: Callable[[tuple[int, ...]], Sequence]
):
    """E[(1/K) Σ_i A_i dν(z_i)/ν(z_i)] over all groups of K answers."""
    total = 0 * score((0,) * K)[0]
    for group in product(range(3), repeat=K):
        weight = prod((policy[z] for z in group), start=Fraction(1)) / K
        total += sum(a * type(a)(weight * direction[z] / policy[z]) for z, a in zip(group, score(group), strict=True))
    return total


def gradient(c: Sequence[Fraction], policy: Sequence[Fraction], direction: Sequence[Fraction]) -> Fraction:
    return sum((surrogate(c, p) * d for p, d in zip(policy, direction, strict=True)), Fraction(0))


def paid(c: Sequence[Fraction]) -> Callable[[tuple[int, ...]], list[Fraction]]:
    return lambda group: [c[m] for m in oracle.matches(group)]


def centred(c: Sequence[Fraction], divisor: int) -> Callable[[tuple[int, ...]], list[Fraction]]:
    """Rewards minus the group mean (divisor K), or the mean of the others (divisor K−1)."""

    def score(group: tuple[int, ...]) -> list[Fraction]:
        rewards = [c[m] for m in oracle.matches(group)]
        own = 0 if divisor == len(group) else 1
        return [r - (sum(rewards) - own * r) / divisor for r in rewards]

    return score


@pytest.mark.slow
@given(st.data(), sizes, policies, directions)
def test_rewards_and_advantages_have_the_surrogates_gradient(data, K: int, policy, direction) -> None:
    c, others = data.draw(tables(K)), data.draw(tables(K - 1))
    expectation = gradient(c, policy, direction)
    assert expected(policy, direction, K, paid(c)) == expectation
    assert expected(policy, direction, K, lambda group: oracle.exact_advantages(group, c, others)) == expectation


@pytest.mark.slow
@given(st.data(), sizes, policies, directions)
def test_the_formula_in_one_pass_is_the_definition(data, K: int, policy, direction) -> None:
    """theory.md §5: b_i = (T − c'[m] − m c'[m] + m c'[m−1])/(K−1), T = Σ_j c'[m_j], c'[K−1] = 0."""
    c, others = data.draw(tables(K)), [*data.draw(tables(K - 1)), Fraction(0)]
    for group in product(range(3), repeat=K):
        m = oracle.matches(group)
        T = sum(others[k] for k in m)
        b = [(T - others[k] - k * others[k] + (k * others[k - 1] if k else 0)) / (K - 1) for k in m]
        exact = oracle.exact_advantages(group, c, others[:-1])
        assert [c[k] - x for k, x in zip(m, b, strict=True)] == exact


@pytest.mark.slow
@given(st.data(), sizes, policies, directions)
def test_the_kernels_have_the_surrogates_gradient(data, K: int, policy, direction) -> None:
    c, others = ([float(x) for x in data.draw(tables(n))] for n in (K, K - 1))
    problem = make_problem("log", K, "aqp")
    lookup = Lookup.of(Table(problem, tuple(c), leave_one_out=Table(problem, tuple(others))))
    groups = np.array(list(product(range(3), repeat=K)))
    expectation = float(gradient([Fraction(x) for x in c], policy, direction))
    for kind, run in product(("rewards", "advantages"), (numpy_backend, compiled)):
        out = np.empty(groups.size)
        layout = Layout(groups.ravel(), np.arange(0, groups.size + 1, K), Tables.join({K: lookup}, kind), work=0)
        run.scores(layout, None, out)
        scores = dict(zip(map(tuple, groups.tolist()), out.reshape(groups.shape).tolist(), strict=True))
        assert expected(policy, direction, K, scores.__getitem__) == pytest.approx(expectation, abs=1e-13 * K * 60)


@pytest.mark.slow
@given(st.data(), sizes, policies, directions)
def test_subtracting_the_group_mean_plays_another_game(data, K: int, policy, direction) -> None:
    """theory.md §5: T[Q](p) = (1 − 1/K) Q(p) − (p/K) Q'(p) = (1 − 1/K) Q_{(c_0..c_{K−2})}(p); RLOO: K/(K−1) of it."""
    c = data.draw(tables(K))

    def transformed(p: Fraction) -> Fraction:
        n = K - 1
        slope = sum(
            (n * (c[m + 1] - c[m]) * comb(n - 1, m) * p**m * (1 - p) ** (n - 1 - m) for m in range(n)), Fraction(0)
        )
        return (1 - Fraction(1, K)) * surrogate(c, p) - p * slope / K

    theory = sum((transformed(p) * d for p, d in zip(policy, direction, strict=True)), Fraction(0))
    assert theory == (1 - Fraction(1, K)) * gradient(c[:-1], policy, direction)
    assert expected(policy, direction, K, centred(c, K)) == theory
    assert expected(policy, direction, K, centred(c, K - 1)) == theory * Fraction(K, K - 1)


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["group_mean", "leave_one_out_mean"])
@given(
    st.integers(3, 5),
    policies,
    directions,
    st.sampled_from([("log", "harmonic"), ("power(1)", "exact"), ("log", "plug_in")]),
)
def test_centring_proof_tables_survive_the_trainers_mean(baseline: str, K: int, policy, direction, which) -> None:
    target, method = which
    table = [Fraction(c) for c in polyest.load(target, K, method, baseline=baseline).coefficients.tolist()]
    plain = [Fraction(c) for c in polyest.load(target, K - 1, method).coefficients.tolist()]
    gradient_after = expected(policy, direction, K, centred(table, K if baseline == "group_mean" else K - 1))
    wanted = gradient(plain, policy, direction)
    if baseline == "group_mean":
        assert float(gradient_after) == pytest.approx(float(wanted), abs=1e-14)  # the table is rounded once
    else:
        assert gradient_after == wanted
