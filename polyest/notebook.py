"""What a notebook shows of estimators, tables and certificates: numbers with their meaning, and a small plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from polyest.storage.table import Certificate, Table

    Array = NDArray[np.float64]

__all__ = ["certificate_html", "table_html"]

WIDTH, HEIGHT, MARGIN = 360, 140, 18
COLOURS = ("#D55E00", "#0072B2")  # plug_in's and another's, of Okabe and Ito, as in `polyest.plot`
SHOWN = 6  # coefficients at either end


def certificate_html(certificate: Certificate) -> str:
    """The claims as a table, each with its meaning.

    >>> import polyest
    >>> "sup p·|Q(p) − r(p)|" in certificate_html(polyest.load("log", 8).certificate)
    True
    """
    claims = [
        ("worst-case bias", "sup p·|Q(p) − r(p)|", certificate.worst_case_bias),
        ("noise", "sup V(p), of one group", certificate.noise),
        ("optimality", "no table can do better than", certificate.optimality),
    ]
    rows = [
        (name, meaning, f"≥ {claim.lower:.6g}" if name == "optimality" else f"≤ {claim.upper:.6g}")
        for name, meaning, claim in claims
        if claim is not None
    ]
    return _rows("Certificate", rows)


def table_html(table: Table) -> str:
    """The question, the coefficients, what is proved, and the bias over p beside plug-in's.

    >>> import polyest
    >>> html = table_html(polyest.load("log", 8).table)
    >>> html.count("<svg"), html.count("<polyline")
    (1, 2)
    """
    problem = table.problem
    rows = [("coefficients", "paid at 0, 1, … matches", _numbers(table.coefficients))]
    if table.kappa:
        rows.append(("κ", "bias as a multiple of the least possible", f"{table.kappa / 100:.2f}"))
    proved = certificate_html(table.certificate) if table.certificate else ""
    drawn = "" if problem.method == "graded" or problem.baseline else _plot(table)
    return _rows(str(problem), rows) + proved + drawn


def _rows(title: str, rows: Iterable[tuple[str, str, str]]) -> str:
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(meaning)}</td>"
        f"<td style='text-align:right'>{escape(value)}</td></tr>"
        for name, meaning, value in rows
    )
    return f"<table><caption style='text-align:left'><b>{escape(title)}</b></caption>{cells}</table>"


def _numbers(coefficients: Sequence[float]) -> str:
    texts = [f"{c:.4g}" for c in coefficients]
    return ", ".join(texts if len(texts) <= 2 * SHOWN else [*texts[:SHOWN], "…", *texts[-SHOWN:]])


def _plot(table: Table) -> str:
    """p·(Q(p) − r(p)) over p, logarithmic, as SVG; no library is needed."""
    import numpy as np

    from polyest.closed_forms import plug_in
    from polyest.polynomials import bernstein
    from polyest.problems.targets import get_target

    p, problem = np.geomspace(0.01 / table.group_size, 1, 400), table.problem
    curves = {
        "plug_in": bernstein.bias(
            problem.target, plug_in.coefficients(get_target(problem.target), problem.group_size), p
        )
    }
    curves[problem.method] = bernstein.bias(problem.target, table.coefficients, p)
    top = max(float(np.abs(curve).max()) for curve in curves.values()) or 1.0
    drawn = "".join(_curve(k, name, p, curves[name] / top) for k, name in enumerate(curves))
    said = escape(f"bias p·(Q(p) − r(p)) over p = {p[0]:.1g} … 1, up to ±{top:.3g}: {', '.join(curves)}")
    axis = f"<path d='M0 {HEIGHT / 2}h{WIDTH}' stroke='currentColor' stroke-opacity='0.3'/>"
    size = f"width='{WIDTH}' height='{HEIGHT + MARGIN}'"
    return f"<svg {size} role='img' aria-label='{said}'><title>{said}</title>{axis}{drawn}</svg>"


def _curve(number: int, name: str, p: Array, heights: Array) -> str:
    """A line and its name below; heights are from −1 to 1."""
    import numpy as np

    x = WIDTH * (1 - np.log(p) / np.log(p[0]))
    y = HEIGHT / 2 - heights * (HEIGHT / 2 - 2)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    place = f"x='{90 * number}' y='{HEIGHT + MARGIN - 4}'"
    return (
        f"<polyline points='{points}' fill='none' stroke='{COLOURS[number]}' stroke-width='1.6'/>"
        f"<text {place} font-size='12' fill='{COLOURS[number]}'>{name}</text>"
    )
