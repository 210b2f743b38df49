"""Loading estimators: the tables behind them, centring-proof ones included."""

from __future__ import annotations

import pickle
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.errors import ArgumentError, TableNotFoundError
from polyest.problems.problem import make_problem
from polyest.storage import store
from polyest.storage.centring import centring_proof
from polyest.storage.table import Certificate, Enclosure, Table, to_json

# theory.md §3 and §5: K = 8, κ = 4
KAPPA_4 = (-3.123043049872042, -1.672358370939686, -1.123265478624008, -0.8000645837777301, -0.547293871815438,
           -0.3338102645119713, -0.1665358916318860, -0.02016834345263001)  # fmt: skip
GROUP_MEAN_8 = (-3.2653458430930707, -1.7827075800125528, -1.1430802408236707, -0.7553124330007773, -0.4639378844149491,
                -0.22488664535375017, -0.03018186776937926, 0.0)  # fmt: skip


def stored(
    folder: Path, coefficients: tuple[float, ...], others: tuple[float, ...] | None, target: str = "log"
) -> Table:
    """A table file, as if solved by the user for κ = 4."""
    problem = make_problem(target, len(coefficients), "aqp", bias_budget=4)
    claims = Certificate(Enclosure("0.1", "0.2"), Enclosure("0.3", "0.4"))
    inner = None if others is None else Table(replace(problem, group_size=len(others)), others, 400, claims)
    proof = {"points": (1.0,), "multipliers": (0.0,)}
    inner = inner and replace(inner, proof=proof)
    table = Table(problem, coefficients, 400, claims, proof, leave_one_out=inner)
    store.write(table, folder)
    return table


def test_arrays_and_properties() -> None:
    est = polyest.load("log", group_size=16, method="harmonic")
    assert est.coefficients.shape == (16,)
    assert est.leave_one_out_coefficients.shape == (15,)
    for array in (est.coefficients, est.leave_one_out_coefficients):
        assert array.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    np.testing.assert_array_equal(est.leave_one_out_coefficients, polyest.load("log", 15, "harmonic").coefficients)
    assert est.problem == make_problem("log", 16, "harmonic")
    assert est.table.coefficients == tuple(est.coefficients)
    assert repr(est) == "Estimator(log K=16 harmonic)"


def test_the_certificate_of_a_computed_table_is_proved_when_asked() -> None:
    pytest.importorskip("flint")
    # theory.md §3: β(harmonic) = 0.03645385118613845 at K = 8
    bias = polyest.load("log", 8, "harmonic").certificate.worst_case_bias
    assert bias.lower <= 0.03645385118613845 <= bias.upper
    with_baseline = polyest.load("log", 8, "harmonic", baseline="group_mean").certificate
    assert with_baseline == polyest.load("log", 7, "harmonic").certificate


def test_defaults_and_budgets() -> None:
    assert polyest.load("power(2)", 3).problem.method == "exact"
    np.testing.assert_array_equal(polyest.load("power(1)", 5).coefficients, np.arange(5) / 4)
    with pytest.raises(ArgumentError, match="exclude each other"):
        polyest.load("log", 16, bias_budget=4, groups=8)


def test_the_users_tables_come_first_and_are_read_again_when_they_change(user_folder: Path) -> None:
    stored(user_folder, KAPPA_4, None)
    est = polyest.load("log", 8, bias_budget=4)
    np.testing.assert_array_equal(est.coefficients, KAPPA_4)
    assert est.certificate.worst_case_bias.upper == 0.2
    stored(user_folder, tuple(c - 1 for c in KAPPA_4), None)
    np.testing.assert_array_equal(polyest.load("log", 8, bias_budget=4).coefficients, np.array(KAPPA_4) - 1)
    np.testing.assert_array_equal(est.coefficients, KAPPA_4)


def test_a_table_without_its_leave_one_out_table_has_no_advantages(user_folder: Path) -> None:
    stored(user_folder, KAPPA_4, None)
    est = polyest.load("log", 8, bias_budget=4)
    with pytest.raises(TableNotFoundError, match=r"lacks; .*polyest solve .*--force"):
        est.advantages([1] * 8)
    with pytest.raises(TableNotFoundError, match="lacks"):
        polyest.load("log", 8, bias_budget=4, baseline="group_mean")


def test_estimators_can_be_pickled() -> None:
    est = polyest.load("log", 5, "harmonic")
    copy = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(copy.advantages([1, 1, 2, 3, 4]), est.advantages([1, 1, 2, 3, 4]))


@pytest.mark.slow
def test_centring_proof_tables_of_theory(user_folder: Path) -> None:
    """theory.md §5, K = 8, κ = 4: K/(K−1) times the table of K−1, or once, and r(1)'s multiple at the end."""
    pytest.importorskip("cvxpy")
    build = pytest.importorskip("polyest.offline.build")
    table = build.solve(make_problem("log", 8, bias_budget=4))
    store.write(table, user_folder)
    assert table.leave_one_out is not None
    seventh = table.leave_one_out.coefficients
    expected = {"group_mean": GROUP_MEAN_8, "leave_one_out_mean": [*seventh, 0.0]}
    for baseline, coefficients in expected.items():
        est = polyest.load("log", 8, bias_budget=4, baseline=baseline)
        np.testing.assert_allclose(est.coefficients, coefficients, rtol=4e-16, atol=0)
        assert est.problem.baseline == baseline
        assert est.certificate == table.leave_one_out.certificate
        for refused in (partial(est.advantages, [1] * 8), partial(getattr, est, "leave_one_out_coefficients")):
            with pytest.raises(ArgumentError, match="a trainer that subtracts the mean itself"):
                refused()


@pytest.mark.slow
@given(st.integers(3, 40), st.sampled_from(["log", "power(-0.5)", "js(0.3)", "power(2)", "polynomial(1,0.5)"]))
def test_centring_proof_tables_are_rounded_once(K: int, target: str) -> None:
    method = "plug_in"
    inner = polyest.load(target, K, method).leave_one_out_coefficients.tolist()
    top = {
        "log": 0.0,
        "power(-0.5)": -1.0,
        "js(0.3)": float(np.log(2 / 1.3)),
        "power(2)": 1.0,
        "polynomial(1,0.5)": 1.5,
    }
    for baseline, scale in (("group_mean", Fraction(K, K - 1)), ("leave_one_out_mean", Fraction(1))):
        coefficients = polyest.load(target, K, method, baseline=baseline).coefficients
        np.testing.assert_array_equal(coefficients[:-1], [float(scale * Fraction(c)) for c in inner])
        assert coefficients[-1] == pytest.approx(float(scale) * top[target], rel=1e-15)


def test_no_centring_proof_table_where_the_target_is_exact_at_k_only() -> None:
    with pytest.raises(ArgumentError, match=r"exact table of K−1 = 2, and power\(2\) has none"):
        polyest.load("power(2)", 3, baseline="group_mean")
    assert polyest.load("power(2)", 4, baseline="group_mean").problem.method == "exact"
    with pytest.raises(ArgumentError, match="at least 3 completions, got 2"):
        polyest.load("log", 2, "harmonic", baseline="group_mean")


def test_centring_proof_needs_the_inner_table() -> None:
    with pytest.raises(TableNotFoundError, match="K−1 = 2"):
        centring_proof(Table(make_problem("log", 3, "minimax"), (0.0, 0.0, 0.0)), "group_mean")


@pytest.mark.slow
def test_listing(user_folder: Path) -> None:
    assert polyest.targets() == ("log", "power(a)", "polynomial(a_0,…)", "best_of(n)", "js(q)")
    assert set(polyest.methods()) == {"plug_in", "harmonic", "exact", "minimax", "aqp", "graded"}
    before = polyest.tables()
    table = stored(user_folder, KAPPA_4, None)
    js = stored(user_folder, (0.0, 0.0), None, target="js(0.3)")
    (user_folder / "log" / "k5.json").write_text("not a table's place")
    (user_folder / "log" / "nonsense" / "x").mkdir(parents=True)
    (user_folder / "log" / "nonsense" / "x" / "k7.json").write_text("{}")
    listed = polyest.tables()
    assert set(listed) - set(before) <= {table.problem, js.problem}
    assert {table.problem, js.problem} <= set(listed)
    assert len(set(listed)) == len(listed)
    assert all(store.find(problem) for problem in listed)


@pytest.mark.slow
def test_every_listed_table_loads_and_scores() -> None:
    rng = np.random.default_rng(6)
    for problem in polyest.tables():
        budget = {} if problem.budget is None else {problem.budget.kind: problem.budget.value}
        est = polyest.load(problem.target, problem.group_size, problem.method, **budget)
        answers = rng.integers(0, 4, (3, problem.group_size))
        assert np.isfinite(est.rewards(answers)).all()
        if est.table.leave_one_out is None:
            with pytest.raises(TableNotFoundError, match=r"those of polyest\.graded do without it"):
                est.advantages(answers)
        else:
            assert np.isfinite(est.advantages(answers)).all()


def test_equal_loads_are_equal_and_hash_alike() -> None:
    for arguments in (("log", 16), ("log", 4, "harmonic"), ("power(2)", 4)):
        assert polyest.load(*arguments) == polyest.load(*arguments)
        assert hash(polyest.load(*arguments)) == hash(polyest.load(*arguments))
    assert len({polyest.load("log", 16), polyest.load("log", group_size=16, noise_budget="1.50")}) == 1


def test_different_questions_or_tables_are_unequal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    est = polyest.load("log", 16)
    others = [polyest.load("log", 16, "minimax"), polyest.load("log", 16, groups=64), polyest.load("log", 15)]
    others += [polyest.load("log", 16, baseline=baseline) for baseline in ("group_mean", "leave_one_out_mean")]
    assert len({est, *others}) == 6
    assert est != est.table
    path = tmp_path / store.relative_path(est.problem)
    changed = replace(est.table, coefficients=(est.table.coefficients[0] - 1, *est.table.coefficients[1:]))
    monkeypatch.setenv("POLYEST_COEFFS", str(tmp_path))
    path.parent.mkdir(parents=True)
    path.write_text(to_json(changed), encoding="utf-8")
    assert polyest.load("log", 16) != est


@pytest.mark.parametrize("budget", [{"groups": 64}, {"noise_budget": 1.5}])
def test_padded_groups_take_the_table_of_their_size_with_the_same_budget(budget: dict[str, Any]) -> None:
    """Whole numbers of averaged groups are whole numbers again when the question is asked for another size."""
    padded = polyest.load("log", 8, **budget).rewards([[1, 1, 2, 3, -1, -1, -1, -1]], padding_id=-1)[0]
    np.testing.assert_array_equal(padded[:4], polyest.load("log", 4, **budget).rewards([1, 1, 2, 3]))
