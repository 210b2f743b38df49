"""`polyest report`: what is refused, with one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from report_support import write_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path / "log.jsonl")


@pytest.mark.slow
def test_the_file_is_named_on_standard_output(run: Any, log: Path, tmp_path: Path) -> None:
    code, out, _ = run("report", log, "--out", tmp_path / "page.html", "--title", "My <run>", "--unit", "bits")
    assert (code, out) == (0, f"{(tmp_path / 'page.html').resolve()}\n")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<title>My &lt;run&gt;</title>" in text
    assert "Entropy (bits)" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "page.pdf"), "`--out` must end in .html"),
        (("--out", "none/page.html"), "there is no"),
        ((), "the following arguments are required: --out"),
        (("--out", "page.html", "--unit", "bit"), "did you mean 'bits'"),
        (("--out", "page.html", "--extract", "boxes"), "`--extract`"),
        (("--out", "page.html", "--prompt-column", "prompt"), "a column 'prompt'"),
    ],
)
def test_bad_options_are_one_line(
    run: Any, log: Path, tmp_path: Path, options: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("report", log, *options)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_the_log_is_not_overwritten(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.html"
    path.write_text("".join(json.dumps({"prompt_id": 1, "answer": 1}) + "\n" for _ in range(2)))
    code, _, err = run("report", path, "--out", path)
    assert code == 2
    assert "must be another file" in err
