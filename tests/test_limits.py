"""Small input never means a long wait: texts become numbers, and numbers become work, only within stated limits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import polyest
from polyest import success
from polyest.cli import main
from polyest.errors import ArgumentError
from polyest.numbers.formal import trace
from polyest.numbers.rationals import bounded_rational
from polyest.problems.custom import custom
from polyest.problems.problem import make_problem
from polyest.problems.targets import get_target
from polyest.storage import store

SECONDS = 20.0  # each of these took minutes, or all memory, or ended in an error of Python's own
HUGE: list[Any] = ["1e999999999", "1e-999999999", "9" * 5000, "1/" + "3" * 5000, "0." + "0" * 5000 + "1", 10**5000]
HUGE += [-(10**5000), Fraction(10**5000), Fraction(1, 10**5000), Decimal("1e999999"), "1e1001", "1e-99999999999999"]


@pytest.fixture(autouse=True)
def _in_time() -> Any:
    start = time.perf_counter()
    yield
    assert time.perf_counter() - start < SECONDS


@pytest.mark.parametrize("value", HUGE, ids=[f"{type(v).__name__}{i}" for i, v in enumerate(HUGE)])
def test_numbers_of_too_many_digits_are_refused_before_they_are_built(value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`here` must be a finite number of at most 1000 digits when written out"):
        bounded_rational(value, "here")
    for kind in ("noise_budget", "bias_budget"):
        with pytest.raises(ArgumentError, match=f"`{kind}`.*at most 1000 digits") as caught:
            make_problem("log", 4, **{kind: value})
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", "7" * 5000, "1/" + "7" * 5000])
@pytest.mark.parametrize("family", ["power", "js", "polynomial", "custom(mine,1.5,{},0123456789ab)"])
def test_parameters_of_targets_have_the_limit_too(family: str, text: str) -> None:
    name = family.format(text) if "{}" in family else f"{family}({text})"
    if "{}" in family and "e" in text:
        return  # the name of a custom target has no exponents
    with pytest.raises(ArgumentError, match=r"`target`.*at most 1000 digits"):
        get_target(name)


@pytest.mark.parametrize(
    "name",
    ["power(1e8)", "power(1e30)", "power(1e100)", "power(257)", f"polynomial({','.join(['1'] * 2000)})", "power(1e5)"],
)
def test_polynomials_have_a_largest_degree(name: str) -> None:
    with pytest.raises(ArgumentError, match=r"`target` may be a polynomial of degree 256 at most, got degree"):
        make_problem(name, 8)


@pytest.mark.parametrize("name", ["polynomial(0,1e999)", "polynomial(1,-1e101)", "power(1e999)"])
def test_parameters_that_no_float_can_hold_are_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=r"`target` must have parameters between −1e100 and 1e100"):
        polyest.load(name, 4)


def test_the_largest_degree_is_allowed() -> None:
    assert get_target("power(256)").degree == 256
    assert get_target(f"polynomial({','.join(['1'] * 3 + ['0'] * 2000)})").degree == 2
    assert get_target("power(100000000.5)").exponent == Fraction(200000001, 2)


def high_power(p: Any, ctx: Any) -> Any:
    return p ** (10**8)


def scaled_high_power(p: Any, ctx: Any) -> Any:
    return (2 * p) ** (10**9)


def test_high_powers_in_functions_of_ones_own_are_not_expanded() -> None:
    with pytest.raises(ArgumentError, match="degree 256 at most, got degree 100000000"):
        custom(high_power)
    assert trace(scaled_high_power).polynomial is None


@pytest.mark.parametrize("growth", [("1e999999999", 0), (1, "1e-999999999"), (10**5000, 0), ("9" * 5000, 0)])
def test_the_growth_of_a_function_of_ones_own_has_the_limit_too(growth: Any) -> None:
    def r(p: Any, ctx: Any) -> Any:
        return ctx.log(p)

    with pytest.raises(ArgumentError, match=r"`growth` must be two numbers .*at most 1000 digits"):
        custom(r, growth)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 10**5000}, "`groups` must be at most 1000000000000, got a number of type int"),
        ({"groups": 10**12 + 1}, "`groups` must be at most 1000000000000"),
        ({"bias_budget": "1e999"}, "`bias_budget` must be at most 1000000000000, got '1e999'"),
        ({"noise_budget": 1e300}, "`noise_budget` must be at most 1000000000000"),
        ({"noise_budget": "1e-999"}, "`noise_budget` must be a positive decimal such as 1.5, at least 1e-12"),
    ],
)
def test_budgets_have_limits(options: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make_problem("log", 4, **options)


@pytest.mark.parametrize(
    "call",
    [
        lambda K: polyest.load("log", K, "plug_in"),
        lambda K: polyest.load("power(2)", K),
        lambda K: success.variance(K),
        lambda K: success.pass_at(2, K),
    ],
)
@pytest.mark.parametrize("K", [10**9, 10**5000], ids=["long", "unprintable"])
def test_groups_have_a_largest_size(call: Callable[[int], Any], K: int) -> None:
    with pytest.raises(ArgumentError, match=r"`group_size` must be at most 65536, got"):
        call(K)


@pytest.mark.parametrize(
    "call",
    [
        lambda: success.pass_at(10**7, 8),
        lambda: success.pass_at(10**5000, 8),
        lambda: success.majority_at(10**7 + 1, 10**4),
        lambda: success.truncated_log(10**7, 8),
        lambda: success.polynomial(["1e999999999"], 8),
        lambda: success.polynomial([10**5000], 8),
        lambda: success.polynomial([Decimal("1e999999")], 8),
    ],
)
def test_objectives_are_checked_before_they_are_expanded(call: Callable[[], Any]) -> None:
    with pytest.raises(ArgumentError, match=r"at most (1024|1000 digits)|`group_size` must be at least"):
        call()


LONG_FUNCTION = f"def {'r' * 300}(p, ctx):\n    return ctx.log(p)\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["solve", "--target", "power(1e8)", "-k", "4"], "degree 256 at most"),
        (["solve", "--target", "js(1e-999999999)", "-k", "4"], "at most 1000 digits"),
        (["solve", "--target", "log", "-k", "4", "--bias-budget", "1e999999999"], "at most 1000 digits"),
        (["solve", "--target", "log", "-k", "4", "--noise-budget", "1e-9999"], "at most 1000 digits"),
        (["solve", "--target", "js(1)", "-k", "3", "--digits", "1000000000"], "`digits` must be at most 1000"),
        (["solve", "--target", "js(1)", "-k", "3", "--digits", "0"], "`digits` must be at least 1"),
        (["show", "log", "-k", "1000000000"], "`--group-size` must be at most 2048"),
        (["show", "log", "-k", "1000000000", "--method", "plug_in"], "`--group-size` must be at most 2048"),
        (["solve", "--target", "js(1e-300)", "-k", "4"], "`target` must make the name of a folder, 255 bytes at most"),
        (["solve", "--target", "js(1e-300)", "-k", "4", "--force"], "`target` must make the name of a folder"),
        (
            ["solve", "--target", "log", "-k", "4", "--noise-budget", "1." + "1" * 300],
            "`noise_budget` must make the name",
        ),
        (["solve", "--target", f"polynomial({','.join(['1'] * 120)})", "-k", "4"], "`target` must make the name"),
    ],
)
def test_the_command_line_says_so_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("POLYEST_COEFFS", str(tmp_path))
    assert main([*arguments, *(["--jobs", "1"] if arguments[0] == "solve" else [])]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_long_names_of_functions_are_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "long_names.py").write_text(LONG_FUNCTION, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import long_names  # type: ignore[import-not-found]

    target = custom(getattr(long_names, "r" * 300), (1.5, 0.25))
    with pytest.raises(ArgumentError, match=r"`target` must make the name of a folder.*shorter name"):
        store.relative_path(make_problem(target, 4))
    with pytest.raises(ArgumentError, match=r"`target` must make the name of a folder"):
        polyest.load(target, 4)
    with pytest.raises(ArgumentError, match=r"`target` must make the name of a folder"):
        polyest.load("js(1e-300)", 4)
    assert math.isfinite(polyest.load("js(1e-300)", 4, "plug_in").coefficients[0])


@pytest.mark.slow
def test_folders_with_such_names_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = "js%281e-999999999%29/aqp/noise_budget-1.5", "log/aqp/noise_budget-1e-9999", "log/aqp/groups-1e99999999"
    for name in names:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "k4.json").touch()
    monkeypatch.setenv("POLYEST_COEFFS", str(tmp_path))
    assert all(problem.target != "js(1e-999999999)" for problem in polyest.tables())
