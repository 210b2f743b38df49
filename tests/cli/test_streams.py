"""Standard output and error that are closed or full, and warnings."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from verify_support import Run

from polyest.cli.streams import warnings_as_lines

FULL = Path("/dev/full")  # takes nothing: null(4)


@pytest.fixture
def run_full(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """As `run`, with a standard output on a disk without room."""
    if not FULL.exists():
        pytest.skip("a system without /dev/full")
    stream = FULL.open("w", encoding="utf-8")

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdout", stream)
        return run(*arguments)

    yield command
    with suppress(OSError):
        stream.close()


@pytest.mark.parametrize("arguments", [("show", "log", "-k", 2, "--json"), ("show", "--help")])
def test_nothing_is_done_where_standard_output_is_closed(
    arguments: tuple[object, ...], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    code, _, err = run(*arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert "polyest: standard output must be open, as results go there; it is closed" in err


def test_what_is_said_on_a_closed_standard_error_is_not_among_the_results(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    code, out, _ = run("show", "log", "-k", 1)
    assert (code, out) == (2, "")
    sys.stderr.close()


@pytest.mark.parametrize(
    "arguments", [("show", "log", "-k", 400, "--method", "harmonic", "--format", "csv"), ("show", "--help")]
)
def test_an_output_without_room_is_named(arguments: tuple[object, ...], run_full: Run) -> None:
    code, _, err = run_full(*arguments)
    assert code == 2
    assert err == (
        "polyest: standard output must take the results; got No space left on device; send it elsewhere, or make room\n"
    )


def test_what_is_wrong_first_is_told_where_the_output_has_no_room(run_full: Run) -> None:
    assert "`group_size` must be at least 2" in run_full("show", "log", "-k", 1)[2]


def test_warnings_are_lines_without_source(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with warnings_as_lines():
            warnings.warn("slow:\n take another", stacklevel=1)
    assert capsys.readouterr().err == "polyest: slow: take another\n"
