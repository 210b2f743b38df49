"""The published JSON Schema against the reader of tables."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from polyest.errors import TableFileError
from polyest.storage.table import from_json

jsonschema = pytest.importorskip("jsonschema")
SCHEMA = json.loads((ROOT / "docs" / "reference" / "table.schema.json").read_text(encoding="utf-8"))
FILES = sorted((ROOT / "coeffs").rglob("*.json"))
EXAMPLES = [ROOT / "coeffs" / name for name in ("log/aqp/noise_budget-1.5/k4.json", "log/minimax/k4.json")]
STRANGE = [
    None,
    True,
    0,
    1,
    -1,
    1.5,
    "",
    "1",
    "-2.50",
    "1e-3",
    "1e99999",
    "NaN",
    "01",
    [],
    ["1"],
    ["1", "2"],
    [1.0],
    {},
    {"a": "b"},
]


@cache
def validator() -> Any:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def is_read(content: object) -> bool:
    """Whether the reader has nothing against it but the digest, which no schema can know."""
    try:
        from_json(json.dumps(content))
    except TableFileError as error:
        return "that of the content" in str(error)
    return True


@pytest.mark.slow
def test_every_shipped_file_keeps_it() -> None:
    assert len(FILES) > 700
    for path in FILES:
        assert validator().is_valid(json.loads(path.read_text(encoding="utf-8"))), path


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a value may be changed: every field, and the first entry of every list."""
    items = (
        content.items()
        if isinstance(content, dict)
        else [(0, content[0])]
        if isinstance(content, list) and content
        else []
    )
    return [found for key, value in items for found in [(*path, key), *places(value, (*path, key))]]


@given(st.data(), st.sampled_from(EXAMPLES))
def test_what_the_reader_takes_keeps_the_schema(data: st.DataObject, path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    *way, last = data.draw(st.sampled_from(places(content)))
    inner = content
    for key in way:
        inner = inner[key]
    match data.draw(st.sampled_from(["change", "remove", "add"])):
        case "change":
            inner[last] = data.draw(st.sampled_from(STRANGE))
        case "remove":
            del inner[last]
        case "add" if isinstance(inner, dict):
            inner[data.draw(st.sampled_from(["comment", "kappa", "certificate", "budget"]))] = data.draw(
                st.sampled_from(STRANGE)
            )
    if is_read(content) and content.get("digest", "").startswith("sha256:"):
        assert validator().is_valid(content), content


@pytest.mark.parametrize("field", ["format_version", "key", "coefficients", "proof", "provenance", "digest"])
def test_neither_takes_a_file_without_a_field(field: str) -> None:
    content = json.loads(EXAMPLES[0].read_text(encoding="utf-8"))
    del content[field]
    assert not validator().is_valid(content)
    assert not is_read(content)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("comment",), "hi"),
        (("key", "seed"), 1),
        (("key", "budget"), {"luck": "1"}),
        (("key", "budget"), {"bias_budget": 2}),
        (("key", "method"), "magic"),
        (("leave_one_out", "method"), "aqp"),
        (("proof", "code"), [1.0]),
        (("certificate", "noise"), ["1"]),
        (("certificate", "noise"), ["1", "Infinity"]),
        (("coefficients", 0), "1"),
        (("kappa",), 2),
        (("provenance", "x"), 1),
    ],
)
def test_neither_takes(way: tuple[Any, ...], value: object) -> None:
    content = json.loads(EXAMPLES[0].read_text(encoding="utf-8"))
    inner = content
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = value
    assert not validator().is_valid(content)
    assert not is_read(content)
