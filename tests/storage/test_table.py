"""Table files: round trip, schema, digest, and the store. Shipped tables are found and stand in their places."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest.closed_forms import closed_form
from polyest.errors import TableFileError, TableNotFoundError
from polyest.problems.budget import Budget
from polyest.problems.problem import Problem, make_problem
from polyest.storage import store
from polyest.storage.table import Certificate, Enclosure, Table, digest, from_json, to_json

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000)
SHIPPED = list(store.paths(store.shipped_folder()))


@st.composite
def enclosures(draw: st.DrawFn) -> Enclosure:
    lower, upper = sorted((draw(DECIMALS), draw(DECIMALS)))
    return Enclosure(str(lower), str(upper))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Any table that the format can hold, true or not."""
    K = draw(st.integers(2, 6))
    budget = Budget("bias_budget", Fraction(draw(st.integers(100, 10000)), 100))
    certificate = Certificate(draw(enclosures()), draw(enclosures()), draw(st.none() | enclosures()))
    proof = {name: tuple(draw(st.lists(FLOATS, max_size=3))) for name in ("points", "multipliers")}

    def section(size: int) -> Table:
        coefficients = tuple(draw(st.lists(FLOATS, min_size=size, max_size=size)))
        return Table(Problem("js(0.1)", size, "aqp", budget), coefficients, 247, certificate, proof)

    provenance = draw(st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2))
    return replace(section(K), leave_one_out=section(K - 1), provenance=provenance)


def example() -> Table:
    """A small table with every kind of field."""
    certificate = Certificate(Enclosure("0.1", "0.2"), Enclosure("Infinity", "Infinity"), Enclosure("0", "1e-3"))
    proof = {"points": (0.5, 1.0), "multipliers": (1.0, -0.25)}
    problem = make_problem("log", 3, bias_budget=2)
    inner = Table(replace(problem, group_size=2), (-1.5, -0.1), 200, certificate, proof)
    return Table(problem, (-2.0, -0.5, -0.05), 200, certificate, proof, inner, {"polyest": "0.1.0"})


@pytest.mark.slow
@given(tables())
def test_a_table_survives_its_file_to_the_bit(table: Table) -> None:
    again = from_json(to_json(table))
    assert again == table
    assert again.provenance == table.provenance
    assert [c.hex() for c in again.coefficients] == [c.hex() for c in table.coefficients]
    assert digest(again) == digest(table)


def test_the_file_is_readable_and_carries_its_digest() -> None:
    content = json.loads(to_json(example()))
    fields = "format_version key kappa coefficients certificate proof leave_one_out provenance digest"
    assert list(content) == fields.split()
    assert content["key"] == {"target": "log", "group_size": 3, "method": "aqp", "budget": {"bias_budget": "2"}}
    assert content["certificate"]["noise"] == ["Infinity", "Infinity"]
    assert content["digest"] == digest(example())


def test_the_digest_ignores_the_provenance_only() -> None:
    table = example()
    assert digest(replace(table, provenance={})) == digest(table)
    assert table.leave_one_out is not None
    inner = table.leave_one_out
    others = [
        replace(table, coefficients=(-2.0, -0.5, math.nextafter(-0.05, 0))),
        replace(table, kappa=201),
        replace(table, certificate=None),
        replace(table, proof={}),
        replace(table, leave_one_out=None),
        replace(table, leave_one_out=replace(inner, kappa=201)),
        replace(table, problem=replace(table.problem, target="js(0.1)")),
    ]
    assert len({digest(other) for other in [table, *others]}) == 8


def test_the_digest_is_what_it_was() -> None:
    # A regression: computed once by this code; a change would orphan every table that users have solved.
    assert digest(example()) == "sha256:7c92a2799f92b0c5be91faa0d7314de3a245ea5f12772419b635bcaf6aafef6b"


def edit(*path: Any, value: Any = None) -> Callable[[dict[str, Any]], None]:
    """Set one field of the JSON, or delete it where no value is given."""

    def apply(content: Any) -> None:
        for name in path[:-1]:
            content = content[name]
        if value is None:
            del content[path[-1]]
        else:
            content[path[-1]] = value

    return apply


BROKEN = {
    "a later version": (edit("format_version", value=2), "`format_version` must be 1; got 2; a newer polyest"),
    "version as text": (edit("format_version", value="1"), "`format_version` must be a whole number"),
    "no version": (edit("format_version"), "`format_version` is required"),
    "no digest": (edit("digest"), "`digest` is required"),
    "wrong digest": (edit("digest", value="sha256:00"), "`digest` must be sha256"),
    "a changed coefficient": (edit("coefficients", 0, value=-2.5), "`digest` must be sha256"),
    "a changed inner coefficient": (edit("leave_one_out", "coefficients", 0, value=-9.0), "`digest` must be sha256"),
    "too few coefficients": (edit("coefficients", value=[1.0]), "`coefficients` must have group_size = 3 .*; got 1"),
    "no coefficients": (edit("coefficients"), "`coefficients` is required"),
    "text among coefficients": (edit("coefficients", 1, value="0.5"), r"`coefficients\[1\]` must be a finite number"),
    "bool among coefficients": (edit("coefficients", 1, value=True), r"`coefficients\[1\]` must be a finite number"),
    "huge integer": (edit("coefficients", 1, value=10**400), r"`coefficients\[1\]` must be a finite number"),
    "unknown field": (edit("comment", value="hi"), "`comment` is unknown"),
    "unknown key field": (edit("key", "seed", value=1), "`key.seed` is unknown"),
    "unknown proof field": (edit("proof", "code", value=[1.0]), "`proof.code` is unknown"),
    "unknown inner field": (edit("leave_one_out", "method", value="aqp"), "`leave_one_out.method` is unknown"),
    "unknown method": (edit("key", "method", value="magic"), "`key.method` must be one of"),
    "unknown budget": (edit("key", "budget", value={"luck": "1"}), "`key.budget.` must hold exactly one of"),
    "budget as number": (edit("key", "budget", value={"bias_budget": 2}), "`key.budget.bias_budget` must be a string"),
    "budget as expression": (edit("key", "budget", value={"bias_budget": "1+1"}), "must be a finite decimal"),
    "group size as bool": (edit("key", "group_size", value=True), "`key.group_size` must be a whole number"),
    "group size as float": (edit("key", "group_size", value=3.0), "`key.group_size` must be a whole number"),
    "group size zero": (edit("key", "group_size", value=0), "`coefficients` must have group_size = 0"),
    "wrong inner size": (edit("leave_one_out", "group_size", value=3), "`leave_one_out.coefficients` must have"),
    "kappa too fine": (edit("kappa", value="2.005"), "`kappa` must be a multiple of 0.01"),
    "kappa too small": (edit("kappa", value="0.99"), "`kappa` must be a multiple of 0.01, at least 1"),
    "interval upside down": (edit("certificate", "noise", value=["1", "0"]), "`certificate.noise` .* lower ≤ upper"),
    "half an interval": (edit("certificate", "noise", value=["1"]), "list of two decimal strings"),
    "interval of numbers": (edit("certificate", "noise", value=[1, 2]), "list of two decimal strings"),
    "half infinite": (edit("certificate", "noise", value=["1", "Infinity"]), "noise` must be a finite decimal"),
    "nan in an interval": (edit("certificate", "noise", value=["NaN", "NaN"]), "must be a finite decimal"),
    "provenance as list": (edit("provenance", value=[]), "`provenance` must be an object"),
    "provenance of numbers": (edit("provenance", "x", value=1), "`provenance.x` must be a string"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_with_the_path_to_the_field(case: str) -> None:
    apply, message = BROKEN[case]
    content = json.loads(to_json(example()))
    apply(content)
    with pytest.raises(TableFileError, match=message) as caught:
        from_json(json.dumps(content), "some/file.json")
    assert str(caught.value).startswith("some/file.json: ")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-0.05\n", "NaN\n", "the number NaN"),
        ("-0.05\n", "-Infinity\n", "the number -Infinity"),
        ("-0.05\n", "1e999\n", "finite number"),
        ('"kappa": "2"', '"kappa": "2", "kappa": "2"', "a field given twice"),
        ("{", "[{", "JSON"),
    ],
)
def test_text_that_json_libraries_wave_through_is_refused(old: str, new: str, message: str) -> None:
    text = to_json(example())
    assert old in text
    with pytest.raises(TableFileError, match=message):
        from_json(text.replace(old, new, 1))


@given(st.integers(0, 10**6))
def test_a_truncated_file_is_refused(cut: int) -> None:
    text = to_json(example()).rstrip("\n")
    with pytest.raises(TableFileError):
        from_json(text[: cut % len(text)])


@pytest.mark.parametrize("text", ["", "null", "[]", '"table"', "\ufeff{}", "[" * 100_000])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(TableFileError):
        from_json(text)


@given(DECIMALS)
def test_the_float_ends_of_an_enclosure_lie_outside_its_decimal_ends(value: Decimal) -> None:
    enclosure = Enclosure(str(value), str(value))
    assert Decimal(enclosure.lower) <= value <= Decimal(enclosure.upper)


def test_an_infinite_enclosure_has_infinite_ends() -> None:
    assert Enclosure("Infinity", "Infinity").lower == Enclosure("Infinity", "Infinity").upper == math.inf


def test_what_is_written_is_found_and_loaded(user_folder: Path) -> None:
    table = example()
    assert store.find(table.problem) is None
    path = store.write(table, user_folder)
    assert path == user_folder / "log" / "aqp" / "bias_budget-2" / "k3.json"
    assert store.find(table.problem) == path
    assert store.load(table.problem) == table
    assert list(store.paths(user_folder)) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_table_solved_again_is_read_again(user_folder: Path) -> None:
    table = example()
    store.write(table, user_folder)
    assert store.load(table.problem) == table
    other = replace(table, coefficients=(-2.0, -0.5, -0.04999))
    store.write(other, user_folder)
    assert store.load(table.problem) == other


def test_the_users_table_comes_before_the_shipped_one(user_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = example()
    shipped = user_folder / "shipped"
    monkeypatch.setattr(store, "shipped_folder", lambda: shipped)
    store.write(replace(table, kappa=201), shipped)
    assert store.load(table.problem).kappa == 201
    store.write(table, user_folder)
    assert store.load(table.problem).kappa == 200


def test_a_missing_table_names_the_command_that_solves_it() -> None:
    with pytest.raises(
        TableNotFoundError, match=r"polyest solve --target 'power\(0.5\)' --method aqp -k 5 --groups 64$"
    ):
        store.load(make_problem("power(0.5)", 5, groups=64))


def test_a_table_in_the_place_of_another_is_refused(user_folder: Path) -> None:
    path = store.write(example(), user_folder)
    path.rename(path.with_name("k4.json"))
    with pytest.raises(TableFileError, match="it holds that of log K=3"):
        store.load(make_problem("log", 4, bias_budget=2))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "k3.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TableFileError, match="cannot be read as text"):
        store.read(tmp_path / "k3.json")
    with pytest.raises(TableFileError, match="cannot be read as text"):
        store.read(tmp_path / "none.json")


def test_targets_become_safe_folder_names() -> None:
    path = store.relative_path(make_problem("polynomial(1/3,1)", 4))
    assert path.as_posix() == "polynomial%281%2F3%2C1%29/exact/k4.json"


def test_paths_are_sorted_by_group_size_and_strangers_are_left_out(tmp_path: Path) -> None:
    for K in (2, 16, 4):
        store.write(closed_form(make_problem("log", K, "harmonic")), tmp_path)
    (tmp_path / "log" / "kappa.json").write_text("{}")
    assert [path.stem for path in store.paths(tmp_path)] == ["k2", "k4", "k16"]


def test_a_failed_write_leaves_the_old_table_and_no_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store.write(example(), tmp_path)

    def full(descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.write(replace(example(), kappa=300), tmp_path)
    assert store.read(path) == example()
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208


@pytest.mark.slow
@pytest.mark.parametrize("folder", sorted({p.parent for p in SHIPPED}), ids=lambda path: "-".join(path.parts[-3:]))
def test_a_shipped_table_reads_stands_in_its_place_and_has_its_leave_one_out_table(folder: Path) -> None:
    for path in [path for path in SHIPPED if path.parent == folder]:
        table = store.read(path)
        problem = table.problem
        assert store.shipped_folder() / store.relative_path(problem) == path
        assert path.read_text(encoding="utf-8") == to_json(table), path
        assert make_problem(problem.target, problem.group_size, problem.method, **_budget(table)) == problem
        assert table.certificate is not None, path
        if table.leave_one_out is None:  # no five completions tell the best of twelve within 0.02
            assert problem == make_problem("best_of(12)", 6, worst_case_bias="0.02")
        else:
            assert table.leave_one_out.kappa == table.kappa, path


def _budget(table: Table) -> dict[str, Any]:
    budget = table.problem.budget
    if budget is None:
        return {}
    return {budget.kind: int(budget.value) if budget.kind == "groups" else budget.value}


def test_the_tables_that_are_promised_are_shipped() -> None:
    shipped = {path.relative_to(store.shipped_folder()) for path in SHIPPED}
    promised = [make_problem("log", K) for K in range(2, 129)]
    promised += [make_problem("log", K, "minimax") for K in range(2, 33)]
    assert {store.relative_path(problem) for problem in promised} <= shipped
