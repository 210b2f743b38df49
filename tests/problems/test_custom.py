"""Targets of one's own: what they may be, their names, their tables, and how `verify` gets the function."""

from __future__ import annotations

import importlib
import itertools
import json
import math
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest import certify
from polyest.certify.growth import prove_growth
from polyest.cli import main
from polyest.errors import ArgumentError, SolveError, TableNotFoundError
from polyest.numbers.formal import trace
from polyest.offline.build import solve
from polyest.polynomials import bernstein
from polyest.polynomials.worst_case import extremes
from polyest.problems.problem import make_problem
from polyest.problems.targets import Target
from polyest.storage import store
from polyest.storage.table import from_json, to_json

LOG_GROWTH = (1.5, 0.25)  # |log p| ≤ (4/e)·p^(−1/4)
TENTH = Fraction(1, 10)


def my_log(p: Any, ctx: Any) -> Any:
    return ctx.log(p)


def my_js(p: Any, ctx: Any) -> Any:
    return ctx.log(2 * p / (p + ctx.rational(TENTH)))


def steep(p: Any, ctx: Any) -> Any:
    return -1 / ctx.power(p, Fraction(3, 5)) - p


def own(function: Any, growth: Any = None) -> Target:
    return polyest.custom(function, growth)


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes this process one that has never seen a custom function."""
    return lambda: monkeypatch.setattr(sys.modules["polyest.problems.targets"], "_registered", {})


fresh = itertools.count()


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a module that can be imported by the name returned."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text: str) -> str:
        name = f"own_targets_{next(fresh)}"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        return name

    return write


@pytest.fixture
def module(write_module: Callable[[str], str]) -> Callable[[str], ModuleType]:
    return lambda text: importlib.import_module(write_module(text))


# --- tables --------------------------------------------------------------------------------------------------------


CASES = [(my_log, "log", 4, "aqp"), (my_log, "log", 8, "aqp"), (my_js, "js(0.1)", 2, "aqp")]
CASES += [(f, name, K, m) for f, name, _, _ in CASES[1:] for K in (4, 8) for m in ("minimax", "plug_in")]


@pytest.mark.slow
@pytest.mark.parametrize(("function", "name", "K", "method"), CASES)
def test_a_copy_has_the_same_bytes_as_the_row(function: Any, name: str, K: int, method: str) -> None:
    copy, row = (solve(make_problem(target, K, method)) for target in (own(function, LOG_GROWTH), name))
    assert copy.coefficients == row.coefficients
    assert copy.certificate == row.certificate
    assert (copy.kappa, copy.proof) == (row.kappa, row.proof)
    assert replace(copy.leave_one_out, problem=None) == replace(row.leave_one_out, problem=None)
    assert certify.verify(copy) == []


def test_a_power_or_polynomial_becomes_what_it_is() -> None:
    def collision(p: Any, ctx: Any) -> Any:
        return ctx.rational(Fraction(3, 2)) * p * (1 - p) ** 2 - 1 / (1 / p) ** 4 + ctx.sqrt(p) * ctx.sqrt(p)

    def root(p: Any, ctx: Any) -> Any:
        return ctx.sqrt(p)

    target = own(collision)
    assert target.name == "polynomial(0,2.5,-3,1.5,-1)"
    assert make_problem(target, 5).method == "exact"
    assert make_problem(target, 4).method == "aqp"
    assert own(root).name == "power(0.5)"


@pytest.mark.slow
@given(st.lists(st.fractions(max_denominator=50), min_size=1, max_size=6), st.integers(0, 4))
def test_the_coefficients_of_a_traced_polynomial(a: list[Fraction], n: int) -> None:
    """Σ a_j (1−p)^j · p^n, against its values in rational arithmetic."""

    def r(p: Any, ctx: Any) -> Any:
        return sum(ctx.rational(x) * (1 - p) ** j for j, x in enumerate(a)) * p**n

    found = trace(r).polynomial
    assert found is not None
    assert found[-1] != 0 or len(found) == 1
    for p in (Fraction(0), Fraction(1, 3), Fraction(1), Fraction(-2)):
        assert sum(c * p**j for j, c in enumerate(found)) == sum(x * (1 - p) ** j for j, x in enumerate(a)) * p**n


@pytest.mark.slow
def test_what_is_a_polynomial_in_disguise_is_refused_by_the_solver() -> None:
    def disguised(p: Any, ctx: Any) -> Any:
        return ctx.exp(2 * ctx.log(p))

    with pytest.raises(SolveError, match="agrees with a polynomial of degree ≤ K−1 = 3 to 40 digits"):
        solve(make_problem(own(disguised, (2, 0)), 4))


@pytest.mark.slow
def test_nothing_is_claimed_about_the_noise_where_the_declared_growth_does_not_bound_it() -> None:
    """V is finite for r = log p; a bound with α = 0.6 does not show it and must not claim the contrary."""
    target = own(my_log, (2, 0.6))
    with pytest.raises(ArgumentError, match=r"`bias_budget` is required for custom.my_log.*α < ½"):
        make_problem(target, 4)
    table = solve(make_problem(target, 4, "minimax"))
    assert table.coefficients == solve(make_problem("log", 4, "minimax")).coefficients
    assert str(table.certificate.noise) == "[0, Infinity]"
    assert certify.verify(from_json(to_json(table))) == []
    for claim in ("Infinity", "1"):
        lying = replace(
            table, certificate=replace(table.certificate, noise=replace(table.certificate.noise, lower_text=claim))
        )
        assert certify.verify(lying)
    assert extremes(target.name, table.coefficients).noise == math.inf


@pytest.mark.slow
def test_a_steep_target_that_is_no_power() -> None:
    target = own(steep, (3, "0.6"))
    table = solve(make_problem(target, 4, "minimax"))
    p = np.geomspace(1e-12, 1, 100_001)
    bias = np.abs(bernstein.bias(target, table.coefficients, p)).max()
    assert table.certificate.worst_case_bias.lower * (1 - 1e-6) <= bias <= table.certificate.worst_case_bias.upper


# --- what is refused -----------------------------------------------------------------------------------------------


def inverse(p: Any, ctx: Any) -> Any:
    return -1 / p


def hidden_inverse(p: Any, ctx: Any) -> Any:
    return ctx.log(p) - 1 / p


def square(p: Any, ctx: Any) -> Any:
    return p * p


def with_math(p: Any, ctx: Any) -> Any:
    return math.log(p)


def with_numpy(p: Any, ctx: Any) -> Any:
    return np.log(p)


def with_float(p: Any, ctx: Any) -> Any:
    return 0.5 * ctx.log(p)


def with_complex(p: Any, ctx: Any) -> Any:
    return 1j * ctx.log(p)


def with_branch(p: Any, ctx: Any) -> Any:
    return p if p > 0 else 0


def with_absolute(p: Any, ctx: Any) -> Any:
    return abs(ctx.log(p))


def not_real(p: Any, ctx: Any) -> Any:
    return ctx.log(p - ctx.rational(Fraction(1, 3)))


def infinite_at_one(p: Any, ctx: Any) -> Any:
    return ctx.log(1 - p)


def overflowing(p: Any, ctx: Any) -> Any:
    return ctx.exp(1 / p)


def constant(p: Any, ctx: Any) -> Any:
    return ctx.log(ctx.rational(2))


def one_argument(p: Any) -> Any:
    return p


def nothing(p: Any, ctx: Any) -> Any:
    return None


@pytest.mark.parametrize(
    ("function", "growth", "message"),
    [
        (inverse, None, r"p\^\(-1\) at 0: p·r\(p\) does not tend to 0 at p = 0, so no table can estimate it"),
        (inverse, (2, 0.5), "no table can estimate it"),
        (hidden_inverse, (9, 0.9), "it seems that p·r.* does not tend to 0 at p = 0, so no table can estimate it"),
        (my_log, (1, 1), "needs alpha < 1.*no table can estimate it"),
        (with_math, LOG_GROWTH, "ctx.log instead of math.log"),
        (with_numpy, LOG_GROWTH, "TypeError.*ctx.log instead of numpy"),
        (with_float, LOG_GROWTH, "0.5 is none of these; write a constant as ctx.rational"),
        (with_complex, LOG_GROWTH, "1j is none of these"),
        (with_branch, LOG_GROWTH, "it compared p.*one formula"),
        (with_absolute, LOG_GROWTH, "absolute value.*one formula"),
        (not_real, (9, 0.5), "must give a real number on all of .*InvalidOperation at p = 0.328125"),
        (infinite_at_one, (9, 0.5), "-Infinity at p = 1"),
        (overflowing, (9, 0.5), "Overflow at p ="),
        (constant, (1, 0), "is constant.*nothing to estimate"),
        (one_argument, LOG_GROWTH, "TypeError: one_argument.. takes 1 positional argument"),
        (nothing, LOG_GROWTH, "None is none of these"),
        (my_log, None, "`growth` is needed for my_log"),
        (my_log, (1, 0), r"`growth` must bound r.*\|r\| = 1.02339 at p = 0.359 with C = 1, α = 0; give a larger C"),
        (my_log, (100, 0), r"\|r\| = 147.365 at p = 1e-64"),  # 64·log 10
        (my_log, (1.5, -1), "needs C > 0 and alpha ≥ 0"),
        (my_log, (1.5,), "must be two numbers"),
        (my_log, "nonsense", "must be two numbers"),
        (my_log, (math.nan, 0), "must be two numbers"),
        (square, "ab", "must be two numbers"),
        (square, (1, 2), "needs alpha < 1"),
        ("log", LOG_GROWTH, "must be a function r.p, ctx. defined by def; got 'log'"),
        (math.log, LOG_GROWTH, "must be a function r.p, ctx. defined by def"),
        (lambda p, ctx: ctx.log(p), LOG_GROWTH, "must be defined by def in a file"),
    ],
)
def test_what_is_no_target_is_refused_with_the_reason(function: Any, growth: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        own(function, growth)


def test_a_function_without_source_is_refused() -> None:
    space: dict[str, Any] = {}
    exec("def r(p, ctx):\n    return ctx.log(p)\n", space)
    with pytest.raises(ArgumentError, match="must be defined by def in a file"):
        own(space["r"], LOG_GROWTH)


@pytest.mark.slow
def test_a_bound_that_samples_do_not_refute_is_still_to_be_proved() -> None:
    """A spike of height 4 and width 1e-14 at 1/3, where no sample is: |r| ≤ 1.5·p^(−1/4) fails nowhere else."""

    def spiked(p: Any, ctx: Any) -> Any:
        return ctx.log(p) - 4 / (10**28 * (p - ctx.rational(Fraction(1, 3))) ** 2 + 1)

    target = own(spiked, LOG_GROWTH)
    with pytest.raises(SolveError, match=r"could not be proved near p = 0.66\d*·2\^\(−1\)"):
        prove_growth(target)
    with pytest.raises(SolveError, match="could not be proved near p"):
        certify.certificate(
            replace(solve(make_problem("log", 4, "minimax")), problem=make_problem(target, 4, "minimax"))
        )


# --- names ---------------------------------------------------------------------------------------------------------

SOURCE = """
from fractions import Fraction
HALF = Fraction(1, 2)
UNUSED = 1

def helper(p, ctx):
    return ctx.log(p)

def other(p, ctx):
    return 2 * p

def r(p, ctx):
    return ctx.rational(HALF) * helper(p, ctx)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("ctx.rational(HALF) * helper", "3 * ctx.rational(HALF) / 3 * helper", True),
        ("HALF = Fraction(1, 2)", "HALF = Fraction(1, 3)", True),
        ("return ctx.log(p)", "return 2 * ctx.log(p) / 2", True),
        ("return 2 * p", "return 3 * p", False),
        ("UNUSED = 1", "UNUSED = 2", False),
        ("UNUSED = 1", "UNUSED = 1  # at other lines\n\n\n", False),
    ],
)
def test_the_name_changes_with_what_the_function_is_made_of(
    module: Callable[[str], ModuleType], old: str, new: str, changes: bool
) -> None:
    assert old in SOURCE
    before, after = (own(module(text).r, LOG_GROWTH).name for text in (SOURCE, SOURCE.replace(old, new)))
    assert before.startswith("custom(r,1.5,0.25,")
    assert (before != after) is changes
    assert own(module(SOURCE).r, ("1.5", Fraction(1, 3))).name.rsplit(",", 1)[1] != before.rsplit(",", 1)[1]


@pytest.mark.slow
def test_closures_and_defaults_are_part_of_the_name() -> None:
    def make(q: Fraction, scale: int) -> Any:
        def r(p: Any, ctx: Any, scale: int = scale) -> Any:
            return ctx.log(2 * p / (p + ctx.rational(q))) / scale

        return r

    names = {own(make(q, scale), LOG_GROWTH).name for q in (TENTH, Fraction(1, 5)) for scale in (1, 2)}
    assert len(names) == 4
    assert own(make(TENTH, 1), LOG_GROWTH).name == own(make(TENTH, 1), LOG_GROWTH).name


def test_what_the_name_cannot_cover_is_refused(module: Callable[[str], ModuleType]) -> None:
    outside = module("class Half:\n    pass\nhalf = Half()\ndef r(p, ctx):\n    half\n    return ctx.log(p)\n")
    with pytest.raises(ArgumentError, match=r"got half = .*whose source polyest cannot follow"):
        own(outside.r, LOG_GROWTH)
    inner = module("def r(p, ctx):\n    import numpy\n    return ctx.log(p)\n")
    with pytest.raises(ArgumentError, match="must not import within itself; got import numpy"):
        own(inner.r, LOG_GROWTH)


# --- use -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_custom_targets_in_the_library(user_folder: Path, forget: Callable[[], None]) -> None:
    target = own(my_log, LOG_GROWTH)
    with pytest.raises(
        TableNotFoundError, match=r"polyest solve --target MODULE:my_log --growth 1.5,0.25 --method aqp -k 4"
    ):
        polyest.load(target, 4)
    store.write(solve(make_problem(target, 4)), user_folder)
    answers, q = [["a", "b", "a", "a"]], [[0.5, 0.25, 0.5, 0.5]]
    mine, rows = polyest.load(target, 4), polyest.load("log", 4)
    assert (mine.rewards(answers, reference=q) == rows.rewards(answers, reference=q)).all()
    assert (mine.advantages(answers) == rows.advantages(answers)).all()
    assert (polyest.rewards([1, 1, 2, 1], [0] * 4, target) == rows.rewards([1, 1, 2, 1])).all()
    assert make_problem(target, 4) in polyest.tables()
    forget()  # the table is enough, as long as r itself is not asked for
    unknown = polyest.load(target.name, 4)
    assert (unknown.rewards(answers) == rows.rewards(answers)).all()
    assert make_problem(target.name, 4) in polyest.tables()
    with pytest.raises(ArgumentError, match=r"call polyest.custom\(my_log, growth=\(1.5, 0.25\)\) first"):
        unknown.rewards(answers, reference=q)
    polyest.load(pickle.loads(pickle.dumps(target)), 4).rewards(answers, reference=q)


@pytest.mark.slow
def test_verify_asks_for_the_function(forget: Callable[[], None], module: Callable[[str], ModuleType]) -> None:
    own_module = module("def r(p, ctx):\n    return ctx.log(p)\n")
    other = module("def r(p, ctx):\n    return 1 * ctx.log(p)\n")
    table = solve(make_problem(own(own_module.r, LOG_GROWTH), 2, "minimax"))
    forget()
    with pytest.raises(ArgumentError, match=r"stands for a function of yours.*--custom MODULE:r"):
        certify.verify(table)
    with pytest.raises(ArgumentError, match=r"`custom` must hold the function of custom.r.*got my_js"):
        certify.verify(table, [my_js])
    assert certify.verify(table, [other.r]) != []
    assert "its source or its growth has changed" in certify.verify(table, [other.r])[0]
    assert certify.verify(table, [own(own_module.r, (2, 0.25))]) != []
    forget()
    assert certify.verify(table, [my_js, other.r, own_module.r]) == []
    forget()
    assert certify.verify(table, [own(own_module.r, LOG_GROWTH)]) == []


def test_a_name_in_a_file_is_never_imported(
    write_module: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Not even where the name of the function is that of a module that could be imported."""
    trap = write_module(f"open({str(tmp_path / 'sprung')!r}, 'w').close()\ndef r(p, ctx):\n    return ctx.log(p)\n")
    table = solve(make_problem("log", 2, "minimax"))
    for name in (f"custom({trap},1.5,0.25,0123456789ab)", f"custom({trap}:r,1.5,0.25,0123456789ab)", f"{trap}:r"):
        path = tmp_path / "k2.json"
        path.write_text(to_json(replace(table, problem=replace(table.problem, target=name))), encoding="utf-8")
        code = main(["verify", str(path)])
        assert code in (1, 2)
        assert "proved" not in capsys.readouterr().out.replace("0 proved", "").replace("re-proved", "")
        assert not (tmp_path / "sprung").exists()
    assert importlib.import_module(trap).r
    assert (tmp_path / "sprung").exists()


@pytest.mark.slow
def test_the_command_line_with_module_and_function(
    write_module: Callable[[str], str], user_folder: Path, tmp_path: Path, forget: Callable[[], None], capsys: Any
) -> None:
    name = write_module("def r(p, ctx):\n    return ctx.log(p)\ndef s(p, ctx):\n    return 2 * ctx.log(p)\n")
    target, growth = f"{name}:r", ("--growth", "1.5,0.25")
    assert main(["solve", "--target", target, *growth, "--method", "minimax", "-k", "3,4", "--jobs", "2"]) == 0
    assert len(list(user_folder.rglob("k*.json"))) == 2
    forget()
    capsys.readouterr()
    assert main(["show", target, "-k", "4", "--method", "minimax", *growth, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["coefficients"] == list(solve(make_problem("log", 4, "minimax")).coefficients)
    forget()
    assert main(["verify", str(user_folder)]) == 2
    assert "--custom MODULE:r" in capsys.readouterr().out
    assert main(["verify", str(user_folder), "--custom", f"{name}:s"]) == 2
    assert main(["verify", str(user_folder), "--custom", target]) == 0
    assert "2 proved" in capsys.readouterr().out
    changed = write_module("def r(p, ctx):\n    return ctx.log(p) + p\n")
    assert main(["verify", str(user_folder), "--custom", f"{changed}:r"]) == 1
    assert "source or its growth has changed" in capsys.readouterr().out
    rows = tmp_path / "rollouts.jsonl"
    rows.write_text("".join(json.dumps({"prompt_id": 0, "answer": a}) + "\n" for a in "aaba"), encoding="utf-8")
    assert main(["score", str(rows), "--target", target, *growth, "--method", "minimax"]) == 0
    forget()
    assert main(["plot", target, "-k", "4", *growth, "--out", str(tmp_path / "own.png")]) == 0


@pytest.mark.parametrize(
    ("target", "growth", "message"),
    [
        ("no_such_module:r", None, "ModuleNotFoundError"),
        ("math:nothing", None, "AttributeError"),
        ("math:log", None, "must be a function r(p, ctx), or a target"),
        ("{name}:r", None, "`growth` is needed for r"),
        ("{name}:r", "1.5", "`growth` must be two numbers"),
        ("{name}:target", "1.5,0.25", "`--growth` belongs to a function"),
        ("log", "1.5,0.25", "`--growth` belongs to a function"),
        ("{name}:exact", None, "has a closed form and needs no file"),
    ],
)
def test_wrong_use_of_the_command_line(
    write_module: Callable[[str], str], capsys: Any, target: str, growth: str | None, message: str
) -> None:
    name = write_module(
        "import polyest\n"
        "def r(p, ctx):\n    return ctx.log(p)\n"
        "def exact(p, ctx):\n    return p * p\n"
        "target = polyest.custom(r, growth=(2, 0.25))\n"
    )
    options = ["--growth", growth] if growth else []
    assert main(["solve", "--target", target.format(name=name), "-k", "4", *options]) == 2
    assert message in capsys.readouterr().err
