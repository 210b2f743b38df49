"""The parts of the package import each other in one direction, counting what is imported lazily or for types alone."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter

import pytest
from places import ROOT

BACKWARD = {  # one import against the direction, inside functions and for types alone, and why it stays
    (
        "command",
        "cli",
    ): "an interrupt is answered also while the commands load, which take their exit code from there",
    ("rollouts", "adapters"): "the extraction of mathematics is an adapter, loaded where a user asks for it",
    ("estimator", "plot"): "an estimator draws itself, which loads matplotlib, and figures are drawn of estimators",
    ("notebook", "storage"): "a table shows itself in a notebook, which names the type",
    ("notebook", "closed_forms"): "beside the table that it shows it draws plug_in",
    ("success", "estimator"): "integral loads a table; errors of an estimator's values lie with those of success rates",
}


def modules(node: ast.AST) -> list[str]:
    """What an import names, of this package."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return []
    return [name for name in names if name.startswith("polyest.")]


@functools.cache
def parts() -> list[tuple[str, str, bool]]:
    """Who imports whom, by the names right under `polyest`, and whether already when it is loaded; all names there are
    the facade's, which is the package itself, so what is imported from that is left out."""
    folder, found = ROOT / "polyest", list[tuple[str, str, bool]]()
    there = {path.stem for path in folder.iterdir()} - {"__init__", "__main__"}
    for path in folder.rglob("*.py"):
        tree, part = ast.parse(path.read_text(encoding="utf-8")), path.relative_to(folder).parts[0].removesuffix(".py")
        for node in ast.walk(tree) if part in there else ():
            for name in modules(node):
                other = name.split(".")[1]
                if other in there - {part}:
                    found.append((part, other, node in tree.body))
    return found


@pytest.mark.slow
def test_parts_import_in_one_direction() -> None:
    graph = defaultdict(set)
    for part, other, _ in parts():
        if (part, other) not in BACKWARD:
            graph[part].add(other)
    assert graph["cli"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these import each other, maybe inside functions: {' ← '.join(error.args[1])}")


@pytest.mark.slow
@pytest.mark.parametrize("pair", BACKWARD, ids="→".join)
def test_an_import_against_the_direction_is_not_made_at_loading(pair: tuple[str, str]) -> None:
    kinds = [early for part, other, early in parts() if (part, other) == pair]
    assert kinds
    assert not any(kinds), "break this cycle"
