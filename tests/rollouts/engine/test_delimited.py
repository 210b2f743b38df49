"""CSV of any delimiter, and what is said of one that is damaged."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
ROWS = [
    ("prompt_id", "answer", "note"),
    ("p;q", "1,5", 'a "word"; and\nanother'),
    ("p;q", "2|3", "a\tb"),
    ("p;q", "1,5", ""),
]


def written(path: Path, delimiter: str) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(ROWS)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_first_line_says_what_stands_between_cells(delimiter: str, run: Run, tmp_path: Path) -> None:
    log = written(tmp_path / "log.csv", delimiter)
    out = tmp_path / "scored.jsonl"
    assert run("score", log, "--method", "plug_in", "--full", "--out", out)[0] == 0
    scored = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["prompt_id"], row["answer"]) for row in scored] == [row[:2] for row in ROWS[1:]]
    assert scored[0]["note"] == ROWS[1][2]
    assert scored[0]["reward"] == pytest.approx(-0.405465, abs=1e-6)  # log 2/3


@pytest.mark.slow
def test_a_name_in_quotes_counts_for_none(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text('"prompt_id";"answer";"a, b, c, d"\np;1;x\np;1;y\n')
    assert run("score", log)[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    ['"p;1\nq",answer', 'answer,"p;1;2\n;q"', '"a ""word"";\n;",answer', '5" pipe,answer', '"p,,\nq";answer'],
)
def test_names_may_have_quotes_and_ends_of_lines(head: str, run: Run, tmp_path: Path) -> None:
    delimiter = ";" if head.endswith(";answer") else ","
    (tmp_path / "log.csv").write_bytes(f"{head}\n1{delimiter}1\n1{delimiter}1\n".encode())
    name = next(name for name in next(csv.reader([head], delimiter=delimiter)) if name != "answer")
    code, out, _ = run("score", tmp_path / "log.csv", "--prompt-column", name, "--json")
    assert (code, json.loads(out)["completions"]) == (0, 2)


@pytest.mark.slow
def test_it_may_be_packed(run: Run, tmp_path: Path) -> None:
    plain = written(tmp_path / "log.csv", ";")
    packed = tmp_path / "log.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    told = [json.loads(run("score", path, "--json")[1]) for path in (plain, packed)]
    assert told[0]["methods"] == told[1]["methods"]


HEAD = "prompt_id,answer,note\n"
UNEVEN = {
    "too few": (HEAD + "p,1,a\np,2\np,3,c\n", "line 3: must have 3 cells, as the first line has; got 2 cells; mend it"),
    "too many": (HEAD + "p,1,a\np,2,b, or c\n", "line 3: must have 3 cells, as the first line has; got 4 cells; put"),
    "several widths": (HEAD + "p,1\np,2,3,4\np,1,1\n", "line 2: must have 3 cells, as the first line has; got 2 cells"),
    "after an end of a line": (HEAD + 'p,1,"a\nb\nc"\np,1\n', "line 5: must have 3 cells"),
    "an open quote": (HEAD + 'p,1,a\np,2,"b\np,3,c\n', "line 3: must have 3 cells, as the first line has; got a quote"),
    "whole, and short": (HEAD + "p,1,a\np,2\n", "line 3: must have 3 cells, as the first line has; got 2 cells"),
}


@pytest.mark.parametrize("case", UNEVEN)
def test_a_row_of_another_length_is_named(case: str, run: Run, tmp_path: Path) -> None:
    content, told = UNEVEN[case]
    (tmp_path / "log.csv").write_text(content)
    code, out, err = run("score", tmp_path / "log.csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"log.csv, {told}" in err


@pytest.mark.slow
@pytest.mark.parametrize("torn", ["q", "q,3", 'q,3,"abc'])
def test_a_torn_last_row_is_left_out_and_told(torn: str, run: Run, tmp_path: Path) -> None:
    whole, log = tmp_path / "whole.csv", tmp_path / "log.csv"
    whole.write_text(HEAD + 'p,1,"a\nb"\np,2,b\n')
    log.write_text(whole.read_text() + torn)
    told = [run("score", path, "--json") for path in (whole, log)]
    assert told[0][:2] == told[1][:2]
    assert "log.csv, line 5: the last line is torn" in told[1][2]


@pytest.mark.slow
@pytest.mark.parametrize("cell", ['5" pipe', '"a ""b"", c"', '"5"" pipe,\n"""'])
def test_quotes_within_a_cell_do_not_hide_a_torn_row(cell: str, run: Run, tmp_path: Path) -> None:
    whole, log = tmp_path / "whole.csv", tmp_path / "log.csv"
    whole.write_text(HEAD + f"p,1,{cell}\np,2,b\n")
    log.write_text(whole.read_text() + "p,3")
    told = [run("score", path, "--json") for path in (whole, log)]
    assert told[0][:2] == told[1][:2]
    assert "the last line is torn" in told[1][2]


def test_a_quote_that_swallows_the_rest_is_no_torn_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(HEAD + 'p,1,"a\np,2,b\np,3,c')
    code, _, err = run("score", tmp_path / "log.csv")
    assert (code, "line 2: must have 3 cells" in err) == (2, True)
