"""Functions of one's own with a kink or a root on (0, 1] are refused at once, with the reason; smooth ones are not."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from polyest import certify
from polyest.cli import main
from polyest.errors import ArgumentError
from polyest.offline.build import solve
from polyest.problems.custom import custom
from polyest.problems.problem import make_problem

THIRD, HALF = Fraction(1, 3), Fraction(1, 2)


def root_at_one(p: Any, ctx: Any) -> Any:
    return ctx.sqrt(1 - p)


def power_at_one(p: Any, ctx: Any) -> Any:
    return ctx.power(1 - p, Fraction(3, 2))


def product_with_root(p: Any, ctx: Any) -> Any:
    return (1 - p) * ctx.sqrt(1 - p)


def nested_root(p: Any, ctx: Any) -> Any:
    return ctx.power(1 - ctx.sqrt(p), HALF)


def kink(p: Any, ctx: Any) -> Any:
    return ctx.sqrt((p - ctx.rational(HALF)) ** 2)


def expanded_kink(p: Any, ctx: Any) -> Any:
    return ctx.sqrt(p * p - 2 * p / 3 + ctx.rational(THIRD**2))


def cusp(p: Any, ctx: Any) -> Any:
    return ctx.power((p - ctx.rational(Fraction(123457, 1000003))) ** 2, THIRD)


def logarithm_times_zero(p: Any, ctx: Any) -> Any:
    return (1 - p) * ctx.log(1 - p)


def disguised_power(p: Any, ctx: Any) -> Any:
    return ctx.exp(ctx.log((1 - p) ** 2) * 2)


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (root_at_one, "takes ctx.sqrt of what is 0 at p = 1;"),
        (power_at_one, "takes ctx.power of what is 0 at p = 1;"),
        (product_with_root, "takes ctx.sqrt of what is 0 at p = 1;"),
        (nested_root, "takes ctx.power of what is 0 at p = 1;"),
        (kink, r"takes ctx.sqrt of what is 0 at p = 0\.5;"),
        (expanded_kink, r"takes ctx.sqrt of what is 0 at p = 0\.33333\d;"),
        (cusp, r"takes ctx.power of what is 0 at p = 0\.123457;"),
        (logarithm_times_zero, "must give a real number .* at p = 1;"),
        (disguised_power, "takes ctx.log of what is 0 at p = 1;|must give a real number"),
    ],
)
def test_a_kink_or_a_root_is_refused_with_what_would_do(function: Callable[..., Any], what: str) -> None:
    with pytest.raises(ArgumentError, match=f"`function` {function.__name__} {what}.* analytic on .0, 1.") as caught:
        custom(function, (2, 0))
    assert "\n" not in str(caught.value)


def test_the_command_line_says_so_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rooted.py").write_text("def r(p, ctx):\n    return ctx.sqrt(1 - p)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["solve", "--target", "rooted:r", "--growth", "2,0", "-k", "4", "--out", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "takes ctx.sqrt of what is 0 at p = 1" in err


def smoothed_root(p: Any, ctx: Any) -> Any:  # the one that the message recommends
    return ctx.sqrt(1 - p + ctx.rational(Fraction(1, 100)))


def smoothed_kink(p: Any, ctx: Any) -> Any:
    return ctx.sqrt((p - ctx.rational(HALF)) ** 2 + ctx.rational(Fraction(1, 100)))


def root_at_zero(p: Any, ctx: Any) -> Any:
    return ctx.sqrt(p * (1 + p))


def logarithm_that_vanishes(p: Any, ctx: Any) -> Any:
    return ctx.log((1 + p) / (2 - p))


def sharp_bump(p: Any, ctx: Any) -> Any:
    return ctx.log(1 + 10**6 * (p - ctx.rational(HALF)) ** 2) / 10


@pytest.mark.slow
@pytest.mark.parametrize("function", [smoothed_root, smoothed_kink, root_at_zero, logarithm_that_vanishes])
def test_smooth_functions_are_solved_and_proved(function: Callable[..., Any]) -> None:
    target = custom(function, (2, 0))
    for method in ("minimax", "aqp"):
        assert certify.verify(solve(make_problem(target, 3, method))) == []


@pytest.mark.slow
def test_what_only_comes_close_to_zero_is_no_root() -> None:
    assert custom(sharp_bump, (2, 0)).is_custom
