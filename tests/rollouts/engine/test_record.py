"""However small the parts are in which a log is measured, the numbers are the same but for rounding."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from score_support import exit_code, write_lines

from polyest.rollouts.engine import parts


def numbers_of(found: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """What is at every place of JSON."""
    items = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else None
    if items is None:
        yield place, found
    for name, value in items or ():
        yield from numbers_of(value, f"{place}/{name}")


def assert_same(one: Any, other: Any) -> None:
    one, other = dict(numbers_of(one)), dict(numbers_of(other))
    assert [*one] == [*other]
    for place, value in one.items():
        assert other[place] == (pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value), place


def runs(folder: Path) -> list[Path]:
    """Two runs whose prompts, steps and sizes are not all the same; the second has no verdicts at its first step."""
    generator, found = random.Random(0), []
    for run in ("one", "two"):
        found.append(folder / run)
        found[-1].mkdir()
        rows = [
            {"step": step, "prompt_id": prompt, "level": prompt % 3, "answer": generator.choice(["a", "b", "c", None])}
            | {"correct": None if (run, step) == ("two", 0) else generator.random() < 0.4, "score": generator.random()}
            for step in (0, 5, 10)
            for prompt in generator.sample(range(20), 15)
            for _ in range(generator.choice([1, 3, 8]))
        ]
        write_lines(found[-1] / "log.jsonl", rows)
    return found


@pytest.fixture
def unrounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages have all digits of their numbers: rounded ones may differ by one of the last, by chance."""

    def digits(numbers: Any) -> list[float | None]:
        return [None if math.isnan(number) else number for number in numbers.tolist()]

    monkeypatch.setattr("polyest.report.content._numbers", digits)
    monkeypatch.setattr("polyest.report.figures._digits", digits)
    monkeypatch.setattr("polyest.report.prompts.decimals", lambda error: 15)


def read(page: Path) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


SMALL = (parts.SHARE, 2e-4, 4e-6)  # one part, some, and more than there are prompts


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--by", "step"), ("--by", "prompt"), ("--group-size", 4)])
def test_a_log_in_parts_has_the_measures_of_one(
    options: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found, logs = [], runs(tmp_path)
    for share in SMALL:
        monkeypatch.setattr(parts, "SHARE", share)
        assert exit_code("score", *logs, *options, "--json") == 0
        found.append(json.loads(capsys.readouterr().out))
    assert len(found[0]["differences"]) > 20
    for other in found[1:]:
        assert_same(found[0], other)


@pytest.mark.slow
def test_a_column_of_the_log_parts_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found, log = [], runs(tmp_path)[0] / "log.jsonl"
    for share in SMALL:
        monkeypatch.setattr(parts, "SHARE", share)
        assert exit_code("score", log, "--by", "level", "--json") == 0
        found.append(json.loads(capsys.readouterr().out))
    assert [row["level"] for row in found[0]["by"]] == [0, 1, 2]
    for other in found[1:]:
        assert_same(found[0], other)
    assert exit_code("score", log, "--by", "score", "--json") == 2
    assert "line 2; add it with --prompt-column" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("unrounded")
@pytest.mark.parametrize("most", [2000, 10])
def test_a_page_on_a_log_in_parts_is_that_of_one(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the same prompts where not all are shown; its figures, which show all of them anyhow, are drawn once."""
    monkeypatch.setattr("polyest.report.prompts.MOST", most)
    if most == 10:
        monkeypatch.setattr("polyest.report.curves.drawn", lambda *given: ("", {}))
    found, logs = [], runs(tmp_path)
    for share in SMALL if most == 10 else SMALL[::2]:
        monkeypatch.setattr(parts, "SHARE", share)
        assert exit_code("report", *logs, "--out", tmp_path / "page.html") == 0
        found.append(read(tmp_path / "page.html"))
    assert len(found[0]["prompts"]["answers"]) == min(most, found[0]["prompts"]["all"])
    for other in found[1:]:
        assert_same(found[0], other)


@pytest.mark.slow
def test_parts_without_rows_change_no_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a long log of few prompts."""
    rows = [{"prompt_id": i // 4, "answer": i * i % 3, "correct": i % 2} for i in range(12)]
    log, found = write_lines(tmp_path / "log.jsonl", rows), []
    for share in (parts.SHARE, 1e-6):
        monkeypatch.setattr(parts, "SHARE", share)
        assert exit_code("score", log, "--json") == 0
        found.append(json.loads(capsys.readouterr().out))
    assert_same(*found)


def measured_in_parts(
    log: Path, options: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[Any]:
    """Of one part, and of as many as there are prompts."""
    found = []
    for share in SMALL[::2]:
        monkeypatch.setattr(parts, "SHARE", share)
        assert exit_code("score", log, *options, "--json") == 0
        found.append(json.loads(capsys.readouterr().out))
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("unrounded")
def test_steps_that_are_no_integers_have_one_order_in_all_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That in which the log has them first, though half of the prompts have another one."""
    generator = random.Random(0)
    rows = [
        {"step": step, "prompt_id": prompt, "answer": generator.choice("xyz"[: 1 + "acb".index(step)])}
        for prompt in range(8)
        for step in ("cab" if prompt % 2 else "abc")
        for _ in range(4)
    ]
    log = write_lines(tmp_path / "log.jsonl", rows)
    one, other = measured_in_parts(log, (), monkeypatch, capsys)
    assert_same(one, other)
    pages = []
    for share in SMALL[::2]:
        monkeypatch.setattr(parts, "SHARE", share)
        assert exit_code("report", log, "--out", tmp_path / "page.html") == 0
        pages.append(read(tmp_path / "page.html"))
    assert_same(*pages)
    assert {*pages[1]["prompts"]["last_step"]} == {"c"}


@pytest.mark.slow
@pytest.mark.parametrize("names", [[f"p{i}" for i in range(6)], [["p", i] for i in range(6)]], ids=["texts", "lists"])
def test_a_prompt_may_be_called_run(
    names: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"run": names[i % 6], "step": step, "answer": i * i // 6 % 3, "correct": i % 2}
        for step in (0, 1)
        for i in range(24)
    ]
    log = write_lines(tmp_path / "log.jsonl", rows)
    one, other = measured_in_parts(log, ("--prompt-column", "run"), monkeypatch, capsys)
    assert one["measures"]["correct"]["prompts"] == 6
    assert_same(one, other)
