"""Expressions of sympy in a form that is equal only where their values are proved equal.

An expression is a rational function of generators: symbols, π, e, and functions of arguments in this form. Generators
are taken for independent, but for sin² + cos² = 1, sums of angles, and logarithms of products. A coefficient that is an
algebraic number is written by its minimal polynomial: as a fraction, a square root, a root of a fraction, or else as
the place of the number among the polynomial's roots.
"""

from __future__ import annotations

from functools import reduce
from operator import mul

import sympy
from sympy import Add, Basic, Expr, I, Mul, Poly, Pow, Rational, Symbol

__all__ = ["monic", "normal", "written"]

MOST_DEGREE = 24  # of an algebraic number, at most: the product of the indices of its roots
LARGEST_POWER = 64  # that is multiplied out
DIGITS = 60
QUOTIENTS = {
    sympy.tan: lambda u: sympy.sin(u) / sympy.cos(u),
    sympy.cot: lambda u: sympy.cos(u) / sympy.sin(u),
    sympy.sec: lambda u: 1 / sympy.cos(u),
    sympy.csc: lambda u: 1 / sympy.sin(u),
}


def normal(expr: Basic) -> Expr:
    """The normal form of an expression.

    >>> x = sympy.Symbol("x")
    >>> normal((x + 1) ** 2 / sympy.sqrt(3 + 2 * sympy.sqrt(2)) * (1 + sympy.sqrt(2)))
    x**2 + 2*x + 1

    Raises:
        ValueError: it has no value (division by zero), holds floats, or is too large to be multiplied out.
    """
    if expr in (sympy.oo, -sympy.oo):
        return expr
    if expr.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.Float):
        raise ValueError(f"{expr} has no value")
    if any(power.exp.is_Integer and abs(power.exp) > LARGEST_POWER and power.has(Add) for power in expr.atoms(Pow)):
        raise ValueError("too large to be multiplied out")
    for function, quotient in QUOTIENTS.items():
        expr = expr.replace(function, quotient)
    expr = expr.replace(_is_odd_root_of_negative, _real_root)
    kernels: dict[Expr, Symbol] = {}
    body = sympy.expand(_body(sympy.expand(sympy.expand_log(expr, factor=True), trig=True), kernels))
    n, d = (body, sympy.S.One) if _is_polynomial(body) else sympy.fraction(sympy.cancel(sympy.together(body)))
    top, bottom = _terms(_reduced(n, kernels)), _terms(_reduced(d, kernels))
    if not bottom:
        raise ValueError("division by zero")
    leading = bottom[max(bottom, key=sympy.default_sort_key)]
    result = _sum(top, leading) / _sum(bottom, leading)
    return result.xreplace({symbol: kernel for kernel, symbol in kernels.items()})


def monic(expr: Expr) -> tuple[Expr, bool | None]:
    """An expression in normal form over the coefficient of its highest term, and whether that is positive, if real."""
    n, d = sympy.fraction(sympy.together(expr))
    terms = _terms(sympy.expand(n))
    leading = terms[max(terms, key=sympy.default_sort_key)] / (d if d.is_number else 1)
    return normal(expr / leading), leading.is_positive if leading.is_real else None


def written(expr: Expr) -> str:
    """As a string; e and i are in lower case, as E and I may be symbols."""
    return str(expr.xreplace({sympy.E: Symbol("e"), I: Symbol("i")}))


def _body(expr: Expr, kernels: dict[Expr, Symbol]) -> Expr:
    """With a symbol in place of every kernel: what is no sum, product or whole power, and no algebraic number."""
    if expr.is_Symbol or expr.is_NumberSymbol or _is_algebraic(expr):
        return expr
    if isinstance(expr, Add | Mul):
        return expr.func(*(_body(part, kernels) for part in expr.args))
    if isinstance(expr, Pow) and expr.exp.is_Integer:
        return _body(expr.base, kernels) ** expr.exp
    if isinstance(expr, Pow) and expr.exp.is_Rational:
        root = Pow(normal(expr.base), Rational(1, expr.exp.q))
        return _symbol(root, kernels) ** expr.exp.p
    if not isinstance(expr, Expr) or not expr.args:
        raise ValueError(f"{expr} has no normal form")
    return _symbol(expr.func(*map(normal, expr.args)), kernels)


def _symbol(kernel: Expr, kernels: dict[Expr, Symbol]) -> Expr:
    if _is_algebraic(kernel) or kernel.is_Symbol or kernel.is_NumberSymbol:
        return kernel
    if isinstance(kernel, Add | Mul) or (isinstance(kernel, Pow) and kernel.exp.is_Integer):
        return _body(kernel, kernels)  # sympy wrote it otherwise
    return kernels.setdefault(kernel, Symbol(f"kernel {kernel}"))


def _is_algebraic(expr: Expr) -> bool:
    if expr.is_Rational or expr == I or _turn(expr):
        return True
    if isinstance(expr, Pow):
        return expr.exp.is_Rational and _is_algebraic(expr.base)
    return isinstance(expr, Add | Mul) and all(map(_is_algebraic, expr.args))


def _turn(expr: Expr) -> int:
    """The n of sin(kπ/n), cos(kπ/n) and exp(ikπ/n), which are algebraic; 0 for anything else."""
    if not isinstance(expr, sympy.sin | sympy.cos | sympy.exp):
        return 0
    share = expr.args[0] / (sympy.pi * I if isinstance(expr, sympy.exp) else sympy.pi)
    return int(share.q) if share.is_Rational and share.q <= MOST_DEGREE else 0


def _real_root(power: Expr) -> Expr:
    """The real one of the odd roots of a negative number, as √[3]{−8} = −2, instead of the principal one."""
    p, q = power.exp.p, power.exp.q
    return (-1) ** p * Pow(-power.base, Rational(p, q))


def _is_odd_root_of_negative(expr: Expr) -> bool:
    return isinstance(expr, Pow) and expr.exp.is_Rational and expr.exp.q % 2 == 1 < expr.exp.q and expr.base.is_negative


def _is_polynomial(body: Expr) -> bool:
    return not any(power.exp.is_negative and not _is_algebraic(power) for power in body.atoms(Pow))


def _reduced(expr: Expr, kernels: dict[Expr, Symbol]) -> Expr:
    """With at most first powers of every sine: sin² = 1 − cos²."""
    for kernel, symbol in [*kernels.items()]:
        if isinstance(kernel, sympy.sin):
            cosine = _symbol(sympy.cos(*kernel.args), kernels)
            expr = sympy.expand(expr).replace(
                lambda e, s=symbol: isinstance(e, Pow) and e.base == s and e.exp.is_Integer and e.exp >= 2,
                lambda e, s=symbol, c=cosine: (1 - c**2) ** (e.exp // 2) * s ** (e.exp % 2),
            )
    return sympy.expand(expr)


def _terms(expr: Expr) -> dict[Expr, Expr]:
    """The coefficient of every monomial; none is zero."""
    found: dict[Expr, Expr] = {}
    for term in Add.make_args(expr):
        factors = Mul.make_args(term)
        monomial = Mul(*(factor for factor in factors if not _is_algebraic(factor)))
        found[monomial] = found.get(monomial, sympy.S.Zero) + Mul(*filter(_is_algebraic, factors))
    return {monomial: number for monomial, number in found.items() if _number(number) != 0}


def _sum(terms: dict[Expr, Expr], leading: Expr) -> Expr:
    return Add(*(_number(number / leading) * monomial for monomial, number in terms.items()))


def _number(number: Expr) -> Expr:
    """An algebraic number in its normal form."""
    if number.is_Rational:
        return number
    if number.has(sympy.zoo, sympy.nan):
        raise ValueError("division by zero")
    roots = [power.exp.q for power in number.atoms(Pow) if power.exp.is_Rational]
    roots += filter(None, map(_turn, number.atoms(sympy.sin, sympy.cos, sympy.exp)))
    if reduce(mul, roots, 2 if number.has(I) else 1) > MOST_DEGREE:
        return sympy.expand(number)
    x = Symbol("x")
    polynomial = Poly(sympy.minimal_polynomial(number, x), x)
    if polynomial.degree() == 1:
        return -polynomial.coeff_monomial(1) / polynomial.LC()
    return _root(polynomial, number.evalf(DIGITS, maxn=10 * DIGITS))


def _place(value: Expr, values: list[Expr]) -> int:
    distances = [abs(other - value) for other in values]
    place = min(range(len(values)), key=distances.__getitem__)
    size = max(1, abs(value))
    if not distances[place] < size * 10**-30 < size * 10**-10 < min(distances[:place] + distances[place + 1 :]):
        raise ValueError("roots too close to be told apart")
    return place


def _root(polynomial: Poly, value: Expr) -> Expr:
    """The root that is nearest to a value, exactly."""
    coefficients, degree = polynomial.all_coeffs(), polynomial.degree()
    if degree == 2:
        a, b, c = coefficients
        roots = [sympy.expand((-b + sign * sympy.sqrt(b**2 - 4 * a * c)) / (2 * a)) for sign in (1, -1)]
        return roots[_place(value, [root.evalf(DIGITS) for root in roots])]
    values = polynomial.nroots(n=DIGITS, maxsteps=500)
    place = _place(value, values)
    if values[place].is_real and not any(coefficients[1:-1]):
        size = abs(Rational(coefficients[-1], coefficients[0]))
        return sympy.sign(values[place]) * Pow(size, Rational(1, degree))
    return Symbol(f"root {place} of ({polynomial.as_expr()})", real=values[place].is_real)
