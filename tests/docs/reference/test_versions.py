"""The table of supported versions, held against what is declared and what is tested."""

from __future__ import annotations

import re
import tomllib
from itertools import chain

from pages import table_rows
from places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPTIONAL = PROJECT["optional-dependencies"]


def test_versions_are_those_of_the_project_and_of_the_constraints() -> None:
    floors = {}
    for requirement in chain(PROJECT["dependencies"], *OPTIONAL.values()):
        if match := re.match(r"([\w-]+)(?:\[.*?\])?>=([\d.]+)", requirement):
            floors[match[1].lower()] = match[2]
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    newest = {name.lower(): version for name, version in re.findall(r"(?m)^(\S+)==(\S+)$", text)}
    _, python, *rows = table_rows("reference/versions.md", "| oldest")
    assert PROJECT["requires-python"] == f">={python[1]}"
    assert all(
        f"Programming Language :: Python :: {name}" in PROJECT["classifiers"]
        for name in re.findall(r"3\.\d+", python[2])
    )
    assert {name.lower(): oldest for name, oldest, _, _ in rows} == {
        name.lower(): floors[name.lower()] for name, *_ in rows
    }
    for name, _, tested, _ in rows:
        assert f"{newest[name.lower()]}.".startswith(f"{tested}."), name
    assert {re.split("[<>]", one)[0] for one in PROJECT["dependencies"]} <= {row[0] for row in rows}


def test_extras_are_those_that_bring_the_package() -> None:
    for name, _, _, extras in table_rows("reference/versions.md", "| oldest")[2:]:
        for extra in re.findall(r"`(\w+)`", extras):
            assert name.lower() in _brought(extra), (name, extra)


def _brought(extra: str) -> set[str]:
    names: set[str] = set()
    for requirement in OPTIONAL[extra]:
        own = re.fullmatch(r"polyest\[(.*)\]", requirement)
        names |= set().union(*map(_brought, own[1].split(","))) if own else {re.split(r"[<>=\[]", requirement)[0]}
    return names
