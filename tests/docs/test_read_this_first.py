"""docs/read-this-first.md: every block runs, in order, and prints what the page says."""

from __future__ import annotations

import doctest
import re
import shlex

import pytest
from places import ROOT

from polyest import cli
from polyest.offline import build
from polyest.problems.problem import make_problem
from polyest.storage import store

PAGE = ROOT / "docs" / "read-this-first.md"
TEXT = PAGE.read_text(encoding="utf-8")
OPTIONS = doctest.ELLIPSIS | doctest.REPORT_NDIFF


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", TEXT)


def test_the_page_has_blocks_of_two_kinds_only() -> None:
    assert len(blocks("pycon")) + len(blocks("sh")) == TEXT.count("\n```") / 2


@pytest.mark.slow
def test_what_python_says() -> None:
    session = doctest.DocTestParser().get_doctest("\n".join(blocks("pycon")), {}, PAGE.name, str(PAGE), 0)
    assert len(session.examples) > 30
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(session, out=report.append)
    assert result.failed == 0, "".join(report)


@pytest.mark.slow
@pytest.mark.parametrize("command", "".join(blocks("sh")).splitlines())
def test_what_the_shell_runs(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *arguments = shlex.split(command)
    if "solve" not in arguments:
        store.write(build.solve(make_problem("log", 4, bias_budget=2)), store.user_folder())
    monkeypatch.chdir(ROOT)
    assert program == "polyest"
    assert cli.main(arguments) == 0


def test_the_files_are_there() -> None:
    rows = re.findall(r"(?m)^\| [\w-]+ \| (`.*`) \|", TEXT)
    assert len(rows) == 11
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert [name for name in names if not (ROOT / "polyest" / name).exists()] == []


def test_it_is_read_in_ten_minutes() -> None:
    assert len(TEXT.split()) < 1500
