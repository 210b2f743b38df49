"""One Protocol for every kind of number, and what solver and proof share."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest

import polyest.numbers
from polyest.adapters.lookup import ArrayFunctions
from polyest.numbers.balls import BallContext
from polyest.numbers.complex_balls import ComplexContext
from polyest.numbers.conversion import to_fraction
from polyest.numbers.decimals import DecimalContext
from polyest.numbers.float64 import NumpyContext
from polyest.numbers.formal import FormalContext
from polyest.numbers.jets import JetContext
from polyest.numbers.mpfr import Mpfr
from polyest.numbers.multiprecision import Multiprecision
from polyest.numbers.recorder import Recorder

PACKAGE = Path(polyest.numbers.__file__).parents[1]
PROTOCOL = PACKAGE / "numbers" / "protocol.py"  # states what they have in common
CONTEXTS = [
    NumpyContext,
    Recorder(),
    DecimalContext(),
    FormalContext(),
    Mpfr(30),
    Multiprecision(30),
    JetContext(NumpyContext),
    BallContext,
    ComplexContext(False),
    ArrayFunctions(np.log, np.exp, np.sqrt),  # as those of torch and jax.numpy
]
QUESTION_AND_ANSWER = {
    "polyest.errors",
    "polyest.problems.budget",
    "polyest.problems.moments",
    "polyest.problems.objective",
    "polyest.problems.problem",
    "polyest.problems.target_names",
    "polyest.problems.targets",
    "polyest.problems.unit",
    "polyest.storage.schema",
    "polyest.storage.table",
}
MATHEMATICS = {"polyest.polynomials.basis"}
# what neither question nor answer is made with: how formulas are written and numbers are read and printed; and tables
# and peaks in float64, of which a proof takes the place of a peak only, what plug_in's table is, how one is shown
IN_PASSING = {
    "polyest.closed_forms.plug_in",
    "polyest.notebook",
    "polyest.numbers.conversion",
    "polyest.numbers.decimals",
    "polyest.numbers.float64",
    "polyest.numbers.formal",
    "polyest.numbers.protocol",
    "polyest.numbers.rationals",
    "polyest.polynomials.bernstein",
}
ASKS_FOR_PROOFS = "polyest.offline.build"  # of finished tables; it solves nothing itself
OF_SOLVERS = {f"polyest.numbers.{kind}" for kind in ("jets", "mpfr", "multiprecision")}
OF_PROOFS = {f"polyest.numbers.{kind}" for kind in ("balls", "complex_balls")}


def type_of(ctx: object) -> type:
    return ctx if isinstance(ctx, type) else type(ctx)


def name_of(ctx: object) -> str:
    return type_of(ctx).__name__


@pytest.mark.parametrize("ctx", CONTEXTS, ids=name_of)
def test_every_context_has_the_functions_of_the_protocol_and_a_row_in_its_documentation(ctx: Any) -> None:
    half = ctx.rational(Fraction(1, 2))
    for function in (ctx.log, ctx.exp, ctx.sqrt):
        function(half)
    ctx.power(half, Fraction(1, 3))
    place = type_of(ctx).__module__.removeprefix("polyest.").removeprefix("numbers.")
    assert f"| `{place}.{name_of(ctx)}` |" in (polyest.numbers.__doc__ or "")


@pytest.mark.slow
def test_no_context_of_the_package_is_missing_from_the_list() -> None:
    found = {
        node.name
        for file in PACKAGE.rglob("*.py")
        if file != PROTOCOL
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef) and _methods(node) >= {"power", "rational"}
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


def file_of(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported(module: str) -> set[str]:
    """The modules of polyest that one imports, anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse(file_of(module).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("polyest"):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if file_of(name).exists() else str(node.module) for name in names}
    return found


def reached(folder: str, without: str = "") -> set[str]:
    """What the modules of a folder import, and what those import in turn."""
    files = (PACKAGE / folder).rglob("*.py")
    seen: set[str] = set()
    left = {".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in files} - {without}
    while left:
        module = left.pop().removesuffix(".__init__")
        seen.add(module)
        left |= imported(module) - seen
    return seen


@pytest.mark.slow
def test_solver_and_proof_share_the_bernstein_basis_and_nothing_else() -> None:
    solver, proof = reached("offline", without=ASKS_FOR_PROOFS), reached("certify")
    assert solver & proof == QUESTION_AND_ANSWER | MATHEMATICS | IN_PASSING
    assert solver >= OF_SOLVERS
    assert proof >= OF_PROOFS


@pytest.mark.parametrize("folder", ["certify", "numbers/balls.py", "numbers/complex_balls.py"])
def test_no_proof_loads_what_solvers_compute_with(folder: str) -> None:
    path = PACKAGE / folder
    for file in path.rglob("*.py") if path.is_dir() else [path]:
        assert not {"gmpy2", "mpmath", "scipy", "cvxpy"} & set(
            re.findall(r"(?m)^\s*(?:import|from) (\w+)", file.read_text())
        )


@pytest.mark.slow
def test_a_proof_loads_no_kind_of_the_solvers() -> None:
    code = (
        "import sys; from polyest.certify.least_bias import least_bias; from polyest.problems.targets import get_target"
    )
    code += "; least_bias(get_target('log'), 4); print(*{'gmpy2', 'mpmath'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.slow
def test_the_package_loads_no_library() -> None:
    modules = ", ".join(f"polyest.numbers.{name}" for name in ("conversion", "decimals", "float64", "formal", "jets"))
    heavy = {"flint", "gmpy2", "mpmath"}
    code = f"import sys, {modules}; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("numerator", [1, -3, 2**53 - 1])
def test_numbers_change_kind_through_fractions_and_without_loss(numerator: int) -> None:
    value = Fraction(numerator, 2**70)
    mpfr = Mpfr(40)
    with mpfr.precision():
        numbers = [ctx.rational(value) for ctx in (mpfr, Multiprecision(40))]
        assert [to_fraction(number) for number in [*numbers, *mpfr.array(numbers)]] == [value] * 4
    assert to_fraction(flint.arb((numerator, -70))) == value
    assert to_fraction(float(np.float64(0.1))) == Fraction(0.1)
