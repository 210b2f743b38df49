"""One Protocol for every kind of number, and what solver and proof share."""

from __future__ import annotations

import ast
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flint
import numpy as np
import pytest

import polyest.numbers.protocol
from polyest.certify.balls import BallContext
from polyest.certify.means import _ComplexContext
from polyest.closed_forms.plug_in import DecimalContext
from polyest.numbers.conversion import exact
from polyest.numbers.float64 import NumpyContext
from polyest.numbers.jets import JetContext
from polyest.numbers.long_double import Extended
from polyest.numbers.mpfr import Mpfr
from polyest.numbers.multiprecision import Multiprecision
from polyest.problems.formal import Formal, _FormalContext
from polyest.problems.smoothness import _Recorder

if TYPE_CHECKING:
    from polyest.numbers.protocol import Functions

    # mypy holds the contexts to the Protocol here
    NUMPY: Functions[Any] = NumpyContext
    RECORDER: Functions[Any] = _Recorder()
    DECIMAL: Functions[Any] = DecimalContext()
    FORMAL: Functions[Formal] = _FormalContext()
    LONG: Functions[Any] = Extended()
    MPFR: Functions[Any] = Mpfr(30)
    MPMATH: Functions[Any] = Multiprecision(30)
    JET: Functions[Any] = JetContext(NumpyContext)
    BALL: Functions[Any] = BallContext
    COMPLEX: Functions[flint.acb] = _ComplexContext(False)

PACKAGE = Path(polyest.numbers.protocol.__file__).parents[1]
CONTEXTS = [
    NumpyContext,
    _Recorder(),
    DecimalContext(),
    _FormalContext(),
    Extended(),
    Mpfr(30),
    Multiprecision(30),
    JetContext(NumpyContext),
    BallContext,
    _ComplexContext(False),
]


def name_of(ctx: object) -> str:
    return ctx.__name__ if isinstance(ctx, type) else type(ctx).__name__


@pytest.mark.parametrize("ctx", CONTEXTS, ids=name_of)
def test_every_context_has_the_functions_of_the_protocol_and_a_row_in_its_documentation(ctx: Any) -> None:
    half = ctx.rational(Fraction(1, 2))
    for function in (ctx.log, ctx.exp, ctx.sqrt):
        function(half)
    ctx.power(half, Fraction(1, 3))
    assert f".{name_of(ctx)}`" in (polyest.numbers.protocol.__doc__ or "")


def test_no_context_of_the_package_is_missing_from_the_list() -> None:
    found = {
        node.name
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef) and _methods(node) >= {"power", "rational"} and node.name != "Functions"
    }
    assert found == {name_of(ctx) for ctx in CONTEXTS}


def _methods(node: ast.ClassDef) -> set[str]:
    assigned = {
        t.id
        for s in node.body
        if isinstance(s, ast.Assign)
        for x in s.targets
        for t in ast.walk(x)
        if isinstance(t, ast.Name)
    }
    return assigned | {item.name for item in node.body if isinstance(item, ast.FunctionDef)} | _own(node)


def _own(node: ast.ClassDef) -> set[str]:
    """Attributes that `__init__` sets."""
    return {t.attr for t in ast.walk(node) if isinstance(t, ast.Attribute) and isinstance(t.ctx, ast.Store)}


def imported(folder: str) -> dict[str, set[str]]:
    """What the modules of a package import from polyest, by module, with the names."""
    found: dict[str, set[str]] = {}
    for file in (PACKAGE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.setdefault(node.module, set()).update(alias.name for alias in node.names)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    found.setdefault(alias.name, set())
    return found


def test_solver_and_proof_share_the_bernstein_basis_and_nothing_else() -> None:
    offline, certify = imported("offline"), imported("certify")
    assert not [module for module in certify if module.startswith(("polyest.offline", "gmpy2", "mpmath"))]
    shared = {module: names for module, names in offline.items() if module.startswith("polyest.certify")}
    # build.py, which asks for the proof of a finished table and keeps to what that allows, solves nothing itself
    assert shared.pop("polyest.certify.certificate") == {"worst_noise"}
    assert shared.pop("polyest.certify.key") == {"EXCESS", "MOST_ROUNDING", "ROUNDING"}
    assert not shared


@pytest.mark.parametrize("numerator", [1, -3, 2**53 - 1])
def test_numbers_change_kind_through_fractions_and_without_loss(numerator: int) -> None:
    value = Fraction(numerator, 2**70)
    mpfr = Mpfr(40)
    with mpfr.precision():
        numbers = [ctx.rational(value) for ctx in (mpfr, Multiprecision(40), Extended())]
        assert [exact(number) for number in [*numbers, *mpfr.array(numbers)]] == [value] * 6
    assert exact(flint.arb((numerator, -70))) == value
    assert exact(float(np.float64(0.1))) == Fraction(0.1)
