"""Figures (extra ``plot``): `panels` draw on axes of yours, `figures` are whole ones; `labels` finds places for words.

>>> import polyest
>>> from matplotlib.figure import Figure
>>> axes = polyest.plot.bias([polyest.load("log", 8), polyest.load("log", 8, "harmonic")], axes=Figure().subplots())
>>> [line.get_label() for line in axes.get_lines()][:2]
['aqp (κ = 2.20)', 'harmonic']
"""

from __future__ import annotations

from polyest.errors import MissingDependencyError

try:
    from polyest.plot.panels import bias, frontier, noise
except ModuleNotFoundError as error:
    raise MissingDependencyError.for_extra(error.name or "matplotlib", "plot", "polyest.plot") from None

__all__ = ["bias", "frontier", "noise"]
