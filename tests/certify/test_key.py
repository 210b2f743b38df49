"""`verify` and the key of a table: every word of it is proved or said not to be."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import brute
import key_attacks
import pytest
from verify_support import Run, copied, shipped

from polyest import certify
from polyest.certify.least_bias import least_bias
from polyest.cli.verify import judge
from polyest.offline import build
from polyest.problems.budget import Budget
from polyest.problems.problem import Problem, make_problem
from polyest.problems.targets import get_target
from polyest.storage.table import Enclosure, Table, to_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path / "tables")


# --- the key -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", key_attacks.FORGERIES)
def test_no_file_passes_whose_key_or_claim_is_false(kind: str, tmp_path: Path) -> None:
    rng = random.Random(kind)
    for case in range(3):
        file = key_attacks.forged(kind, rng)
        path = tmp_path / str(case) / (file.place or "x.json")
        path.parent.mkdir(parents=True)
        path.write_text(to_json(file.table))
        proved = judge(path, tmp_path / str(case) if file.place else None, ()).kind == "proved"
        assert not (proved and file.falsehood())
        assert proved or kind not in key_attacks.HARMLESS


def test_a_table_just_solved_is_held_to_its_key_as_verify_holds_it() -> None:
    """From the claims alone, for both tables of a file: what `solve` refuses to hand out."""
    table = shipped(8)
    inner = table.leave_one_out
    assert inner is not None
    assert table.kappa is not None
    assert certify.broken_promises(table) == []
    for kappa in (table.kappa - 1, table.kappa + 1):
        [broken] = certify.broken_promises(replace(table, kappa=kappa))
        assert broken.startswith("worst_case_bias must be kappa times the least")
        assert broken in certify.verify(replace(table, kappa=kappa, leave_one_out=replace(inner, kappa=kappa)))
        assert certify.broken_promises(replace(table, leave_one_out=replace(inner, kappa=kappa)))


@pytest.mark.slow
def test_the_minimax_table_is_not_the_default_one() -> None:
    """The attack of the issue: K = 16, nested too, with empty claims and no proof."""
    minimax, host = shipped(16, "minimax"), shipped(16)
    wide = Enclosure("0", "1e300")

    def disguised(table: Table, K: int) -> Table:
        assert table.certificate is not None
        problem = Problem("log", K, "aqp", Budget("noise_budget", Fraction(3, 2)))
        return replace(
            table, problem=problem, kappa=247, proof={}, certificate=replace(table.certificate, optimality=wide)
        )

    assert minimax.leave_one_out is not None
    inner = disguised(minimax.leave_one_out, 15)
    outer = replace(disguised(minimax, 16), leave_one_out=inner)
    assert any(failure.startswith("worst_case_bias must be kappa times") for failure in certify.verify(outer))
    nested = certify.verify(replace(host, leave_one_out=inner))
    assert any(failure.startswith("leave_one_out.worst_case_bias must be kappa times") for failure in nested)


WORDS = {
    "a budget below 0": ({"budget": Budget("noise_budget", Fraction(-5))}, "must be a positive decimal"),
    "aqp without a budget": ({"budget": None}, "key must be written as that of log K=4 aqp noise_budget=1.5"),
    "a budget for minimax": ({"method": "minimax"}, "`noise_budget` belongs to method='aqp'"),
    "harmonic for another target": (
        {"method": "harmonic", "target": "js(0.1)", "budget": None},
        "for the target log only",
    ),
    "a target written otherwise": ({"target": "log()"}, "key must be written as that of log K=4"),
    "a target that is none": ({"target": "power(-1)"}, "needs a > −1"),
    "another target": ({"target": "power(0.5)"}, "worst_case_bias must be kappa times the least there is"),
    "a noise budget that is exceeded": (
        {"budget": Budget("noise_budget", Fraction(7, 5))},
        "must keep the noise_budget",
    ),
    "another bias budget": ({"budget": Budget("bias_budget", Fraction(2))}, "kappa must be the bias_budget, 2"),
}


@pytest.mark.parametrize("case", WORDS)
def test_every_word_of_the_key_is_proved(case: str) -> None:
    key, message = WORDS[case]
    failures = certify.verify(key_attacks.renamed(shipped(4), **key))
    assert any(message in failure for failure in failures)


def test_kappa_is_proved_from_both_sides() -> None:
    for kappa in (227, 229):  # 2.28 is that of the file
        failures = certify.verify(key_attacks.with_kappa(shipped(4), kappa))
        assert any(failure.startswith("worst_case_bias must be kappa times the least there is") for failure in failures)


def test_parts_that_solve_writes_must_be_there() -> None:
    table = shipped(4)
    assert table.certificate is not None
    assert certify.verify(replace(table, leave_one_out=None)) == ["leave_one_out is missing"]
    assert "certificate.optimality is missing" in certify.verify(
        replace(table, certificate=replace(table.certificate, optimality=None))
    )
    unproved = replace(table, proof={}, certificate=replace(table.certificate, optimality=Enclosure("0", "1")))
    assert any(failure.startswith("optimality is proved to nothing only") for failure in certify.verify(unproved))


def test_what_no_proof_covers_is_said(run: Run, folder: Path) -> None:
    code, out, _ = run("verify", folder)
    assert code == 0
    assert out.splitlines() == [
        "not proved, of 2 of the tables: that kappa is the smallest that keeps the noise budget",
        "2 proved",
    ]
    rows = json.loads(run("verify", folder, "--json")[1])
    assert [row["not_proved"] for row in rows] == [["that kappa is the smallest that keeps the noise budget"]] * 2
    assert certify.unproved(shipped(8, groups=8)) == ["that kappa is the best for that many groups"]
    assert certify.unproved(shipped(8, "minimax")) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "K", "budget"),
    [("power(3)", 3, "1.2"), ("power(7.5)", 6, "2"), ("js(0.001)", 5, "3"), ("polynomial(0,1,0,-2,1)", 4, "1.5")],
)
def test_tables_of_other_targets_are_proved_too(target: str, K: int, budget: str) -> None:
    assert certify.verify(build.solve(make_problem(target, K, bias_budget=budget))) == []


def test_an_exact_table_whose_leave_one_out_table_is_plug_in_is_proved() -> None:
    assert certify.verify(build.solve(make_problem("power(3)", 4))) == []


@pytest.mark.parametrize(
    ("target", "K", "value"),
    [  # theory.md §3
        ("log", 1, 0.2784645427610738),
        ("log", 2, 0.07720199246676033),
        ("log", 7, 0.006602283574551713),
        ("log", 32, 0.0003173949164165504),
        ("power(0.5)", 8, 0.0001917668235268684),
        ("power(-0.5)", 8, 0.02812474569457400),
        ("js(0.1)", 8, 0.004934946685455988),
    ],
)
def test_the_least_bias_is_enclosed(target: str, K: int, value: float) -> None:
    low, high = least_bias(get_target(target), K)
    assert low <= high <= low * (1 + Fraction(1, 10**10))
    assert float(low) == pytest.approx(value, rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["log", "power(0.5)", "power(3)", "js(0.1)"])
def test_the_least_bias_lies_below_that_of_any_table(target: str) -> None:
    low, high = least_bias(get_target(target), 3)
    table = build.solve(make_problem(target, 3, "minimax"))
    assert low <= Fraction(str(brute.worst_case_bias(target, table.coefficients))) <= high * (1 + Fraction(1, 10**3))
