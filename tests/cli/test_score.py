"""`polyest score`: results against the library and a slow twin, formats, and every kind of bad input."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import SHARED
from pyarrow import parquet
from score_support import HARMONIC, exit_code, read_lines, write_lines

import polyest
from polyest import rollouts
from polyest.rollouts.answers import read_answers
from polyest.rollouts.grouping import group_rows, read_prompts
from polyest.rollouts.scoring import score

DATA = SHARED / "data"
ROWS = [
    {"prompt_id": "x", "answer": "4", "correct": True, "text": "two é twos"},
    {"prompt_id": "y", "answer": 7, "correct": False, "text": ""},
    {"prompt_id": "x", "answer": "5", "correct": False, "text": None},
    {"prompt_id": "x", "answer": "4", "correct": True, "nested": {"a": [1, 2.50]}},
    {"prompt_id": "y", "answer": None, "correct": False},
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "log.jsonl", ROWS)


@pytest.mark.slow
def test_rows_come_back_in_order_with_reward_and_advantage(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.jsonl"
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == 0
    rows = read_lines(out)
    assert [{k: v for k, v in row.items() if k not in ("reward", "advantage")} for row in rows] == ROWS
    # K = 3: c = −3/2, −1/2, 0 and c' = −1, 0; K = 2: c = −1, 0 and c' = (0), by hand from theory.md §3 and §5
    assert [row["reward"] for row in rows] == [-0.5, -1.0, -1.5, -0.5, -1.0]
    assert [row["advantage"] for row in rows] == [0.5, -1.0, -1.5, 0.5, -1.0]


def test_what_was_in_a_line_stays_to_the_byte(tmp_path: Path) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "out.jsonl"
    lines = ['{ "answer":1, "prompt_id":"p",\t"x": 1.50e+3, "y":"\\u00e9"  }', '{"prompt_id":"p","answer":1,"z":1E400}']
    log.write_text("\ufeff" + "\r\n\r\n".join(lines) + "\r\n", encoding="utf-8")
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == 0
    scored = out.read_text(encoding="utf-8").splitlines()
    assert [line.partition(', "reward"')[0].rstrip("} ") for line in scored] == [line.rstrip("} ") for line in lines]


@pytest.mark.slow
def test_half_a_character_is_passed_on(tmp_path: Path) -> None:
    log, out, values = tmp_path / "log.jsonl", tmp_path / "out.jsonl", tmp_path / "values.jsonl"
    log.write_text('{"prompt_id": "\\ud83d", "answer": "\\ud83d"}\n' * 2)
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out, "--values", values) == 0
    assert [row["prompt_id"] for row in read_lines(out) + read_lines(values)] == ["\ud83d"] * 3
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.parquet") == 2


@pytest.mark.slow
def test_summary(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("score", log, "--target", "log", "--method", "harmonic", "--method", "plug_in", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["groups"] == [{"size": 2, "count": 1}, {"size": 3, "count": 1}]
    assert (summary["completions"], summary["prompts"], summary["correct"]) == (5, 2, 0.4)
    harmonic, plug_in = summary["methods"]
    assert harmonic["mean_value"] == pytest.approx((-1.0 - 2.5 / 3) / 2)
    assert harmonic["difference_to_plug_in"] == pytest.approx(harmonic["mean_value"] - plug_in["mean_value"])
    assert plug_in["difference_to_plug_in"] == 0
    assert exit_code("score", log, *HARMONIC) == 0
    text = capsys.readouterr().out
    assert "5 completions of 2 prompts in 2 groups: 1 of 2, 1 of 3" in text
    assert f"{harmonic['mean_value']:.6f}" in text
    assert f"{harmonic['difference_to_plug_in']:+.6f}" in text


@pytest.mark.slow
def test_several_methods_get_columns_of_their_own(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.jsonl"
    methods = ("--method", "plug_in", "--method", "harmonic", "--method", "plug_in")
    assert exit_code("score", log, "--target", "log", *methods, "--full", "--out", out) == 0
    added = [name for name in read_lines(out)[0] if name not in ROWS[0]]
    assert added == ["reward_plug_in", "advantage_plug_in", "reward_harmonic", "advantage_harmonic"]


def test_values_of_prompts(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "values.jsonl"
    assert exit_code("score", log, *HARMONIC, "--group-size", 2, "--values", out) == 0
    assert read_lines(out) == [
        {"prompt_id": "x", "completions": 3, "groups": 2, "value": -1.0},  # (4, 5) and a remainder of one
        {"prompt_id": "y", "completions": 2, "groups": 1, "value": -1.0},
    ]


def test_values_name_a_prompt_by_its_column(tmp_path: Path) -> None:
    log, out = write_lines(tmp_path / "log.jsonl", [{"question": 7, "answer": 1}] * 2), tmp_path / "values.jsonl"
    assert exit_code("score", log, *HARMONIC, "--prompt-column", "question", "--values", out) == 0
    assert read_lines(out) == [{"question": 7, "completions": 2, "groups": 1, "value": 0.0}]


def test_a_remainder_of_one_is_null_and_said_so(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scored.jsonl"
    assert exit_code("score", log, *HARMONIC, "--group-size", 2, "--full", "--out", out) == 0
    assert [row["reward"] for row in read_lines(out)] == [-1.0, -1.0, -1.0, None, -1.0]
    captured = capsys.readouterr()
    assert "1 group has one completion" in captured.err
    assert "1 of 1, 2 of 2" in captured.out


@pytest.mark.slow
def test_the_default_method_follows_the_target(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("score", log, "--target", "power(1)", "--json") == 0
    assert [row["method"] for row in json.loads(capsys.readouterr().out)["methods"]] == ["exact"]


def test_reference_and_no_answer(tmp_path: Path) -> None:
    rows = [{"prompt_id": 1, "answer": a, "q": q} for a, q in [("a", 0.5), ("a", 0.5), (None, 1.0)]]
    log, out = write_lines(tmp_path / "log.jsonl", rows), tmp_path / "out.jsonl"
    options = ("--reference-column", "q", "--no-answer-reward", -9)
    assert exit_code("score", log, *HARMONIC, *options, "--full", "--out", out) == 0
    expected = polyest.rewards(
        ["a", "a", None], [1, 1, 1], "log", "harmonic", reference=[0.5, 0.5, 1.0], no_answer_reward=-9
    )
    assert [row["reward"] for row in read_lines(out)] == expected.tolist()


ANSWERS = st.none() | st.integers(-2, 2) | st.sampled_from(["", "a", "1"])


@given(st.lists(st.tuples(st.integers(0, 3), ANSWERS), min_size=1, max_size=40), st.sampled_from([None, 2, 3]))
def test_any_order_of_lines_agrees_with_a_slow_twin(rows: list[tuple[int, Any]], cut: int | None) -> None:
    groups = group_rows([prompt for prompt, _ in rows], cut)
    answers = [answer for _, answer in rows]
    scored = score(answers, groups, "log", "harmonic")
    assert groups.sizes == [groups.of_row.tolist().count(g) for g in range(len(groups.sizes))]
    for group, prompt in enumerate(groups.prompts[number] for number in groups.prompt_of):
        members = [i for i, g in enumerate(groups.of_row) if g == group]
        assert {rows[i][0] for i in members} == {prompt}
        assert len(members) <= (cut or len(rows))
        if len(members) == 1:
            assert str(scored.rewards[members[0]]) == str(scored.values[group]) == "nan"
            continue
        counts = Counter(answers[i] for i in members)
        table = polyest.load("log", len(members), "harmonic").coefficients
        slow = [table[0 if answers[i] is None else counts[answers[i]] - 1] for i in members]
        assert scored.rewards[members].tolist() == slow
        assert scored.values[group] == pytest.approx(sum(slow) / len(slow))


@pytest.mark.slow
def test_lines_may_come_in_any_order(tmp_path: Path) -> None:
    rows = [{"prompt_id": f"p{i % 7}", "answer": i * i % 5, "i": i} for i in range(60)]
    results = []
    for seed in range(3):
        shuffled = random.Random(seed).sample(rows, len(rows))
        out = tmp_path / f"{seed}.jsonl"
        assert exit_code("score", write_lines(tmp_path / "log.jsonl", shuffled), *HARMONIC, "--full", "--out", out) == 0
        results.append({row["i"]: (row["reward"], row["advantage"]) for row in read_lines(out)})
    assert results[0] == results[1] == results[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.parquet", "out.pq"])
def test_parquet_there_and_back(log: Path, tmp_path: Path, name: str) -> None:
    rows = [{k: v for k, v in row.items() if k != "nested"} | {"answer": str(row["answer"])} for row in ROWS]
    first, second, third = tmp_path / name, tmp_path / "second.parquet", tmp_path / "third.jsonl"
    assert exit_code("score", write_lines(log, rows), *HARMONIC, "--full", "--out", first) == 0
    table = parquet.read_table(first)
    assert table.column_names == ["prompt_id", "answer", "correct", "text", "reward", "advantage"]
    other = ("--reward-column", "r", "--advantage-column", "a")
    assert exit_code("score", first, *HARMONIC, *other, "--full", "--out", second) == 0
    again = parquet.read_table(second)
    assert again.column("r").to_pylist() == table.column("reward").to_pylist()
    assert again.drop_columns(["r", "a"]).equals(table)
    assert exit_code("score", first, *HARMONIC, *other, "--full", "--out", third) == 0
    assert [row["r"] for row in read_lines(third)] == table.column("reward").to_pylist()
    assert [row["text"] for row in read_lines(third)] == [row.get("text") for row in rows]


@pytest.mark.slow
def test_nulls_in_parquet(tmp_path: Path) -> None:
    log, out = tmp_path / "log.parquet", tmp_path / "out.parquet"
    parquet.write_table(pa.table({"prompt_id": [1, 1, 2], "answer": ["a", None, "a"]}), log)
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == 0
    assert parquet.read_table(out).column("reward").to_pylist() == [-1.0, -1.0, None]


def line(**changes: Any) -> str:
    return json.dumps({"prompt_id": "x", "answer": "a"} | changes) + "\n"


BAD_FILES = {
    "empty": ("", "at least one completion"),
    "blank": ("\n  \n", "at least one completion"),
    "prose": ("This is no log.\nAt all.\n", "line 1: must be one JSON object"),
    "csv": ("prompt_id,answer\nx,a\n", "line 1: must be one JSON object"),
    "pretty json": (json.dumps({"prompt_id": "x", "answer": "a"}, indent=1), "line 1: must be one JSON object"),
    "broken in the middle": (line() + line() + '{"prompt_id": "x", "an\n' + line(), "line 3: must be one JSON object"),
    "broken after a blank line": (line() + "\n" + "{]\n", "line 3: must be one JSON object"),
    "no answer column": ('{"prompt_id": "x", "anwser": "a"}\n', "a column 'answer'; got 'prompt_id', 'anwser'; did"),
    "no prompt column": ('{"prompt": "x", "answer": "a"}\n', "a column 'prompt_id'; got 'prompt', 'answer'"),
    "a row without": (line() + '{"answer": "x"}\n', "line 2: there must be a column 'prompt_id'; got 'answer'"),
    "an empty row": (line() + "{}\n", "line 2: there must be a column 'prompt_id'; got none"),
    "list answer": (line() + line(answer=[1]), "line 2: 'answer' must be a string, a number, true, false, null"),
    "object answer": (line(answer={"x": 1}), "line 1: 'answer' must be a string, a number, true, false, null"),
    "float prompt": (line(prompt_id=1.0), "line 1: 'prompt_id' must be a string or an integer, got the float 1.0"),
    "null prompt": (line() + line(prompt_id=None), "line 2: 'prompt_id' must be a string or an integer, got null"),
    "groups of one": (line() + line(prompt_id="y"), "groups of one only"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_input_gets_one_clear_line_exit_code_2_and_no_output(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, message = BAD_FILES[case]
    log = tmp_path / "log.jsonl"
    log.write_text(content, encoding="utf-8")
    assert (
        exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.jsonl", "--values", tmp_path / "v.jsonl")
        == 2
    )
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == [log]


BAD_OPTIONS = {
    "group size 0": (("--group-size", 0), "`--group-size` must be at least 2, got 0"),
    "group size 1": (("--group-size", 1), "`--group-size` must be at least 2, got 1"),
    "group size in words": (("--group-size", "two"), "invalid int value: 'two'"),
    "unknown target": (("--target", "lgo"), "did you mean 'log'"),
    "unknown method": (("--method", "harmonc"), "did you mean 'harmonic'"),
    "budget of another method": (("--bias-budget", 4), "`bias_budget` belongs to method='aqp'"),
    "two budgets": (("--bias-budget", 4, "--groups", 8), "not allowed with"),
    "no such table": (("--method", "aqp", "--bias-budget", 77), "solve with: polyest solve --target log --method aqp"),
    "taken column": (("--reward-column", "text"), "must name new columns, each its own; got text"),
    "one column twice": (("--reward-column", "a", "--advantage-column", "a"), "must name new columns, each its own"),
    "column that is not there": (("--correct-column", "right"), "a column 'right'; got"),
    "answers in another column": (("--answer-column", "nasted"), "a column 'nasted'; got"),
    "no reference": (("--reference-column", "correct"), "`--reference-column` must be probabilities"),
    "no number": (("--no-answer-reward", "nan"), "`no_answer_reward` must be a finite number"),
    "typo": (("--grup-size", 2), "did you mean '--group-size'"),
    "output in no folder": (("--out", "nowhere/out.jsonl"), "there is no"),
    "output of unknown kind": (("--out", "out.csv"), "`--out` must end in"),
    "output is a folder": (("--out", "folder.jsonl"), "something else"),
    "table of unknown kind": (("--csv", "out.jsonl"), "`--csv` must end in .csv"),
    "table in no folder": (("--csv", "nowhere/out.csv"), "there is no"),
    "part that is not there": (("--by", "stepp"), "a column 'stepp'"),
    "part of a log without steps": (("--by", "step"), "`--by` step needs a log with steps; got one with prompt_id"),
    "part of pooled steps": (("--by", "step", "--pool-steps"), "leave out --pool-steps"),
    "unknown unit": (("--unit", "bit"), "did you mean 'bits'"),
    "values in no folder": (("--values", "nowhere/out.jsonl"), "there is no"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options_get_one_clear_line_exit_code_2_and_no_output(
    case: str, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options, message = BAD_OPTIONS[case]
    (tmp_path / "folder.jsonl").mkdir()
    monkeypatch.chdir(tmp_path)
    usual = {"--target": "log", "--method": "harmonic", "--out": "out.jsonl"}
    others = [word for option in usual.items() if option[0] not in options for word in option]
    assert exit_code("score", log, *others, *options) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.jsonl", "log.jsonl"]


@pytest.mark.slow
def test_a_group_larger_than_any_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_lines(tmp_path / "log.jsonl", [{"prompt_id": "x", "answer": i % 3} for i in range(5000)])
    assert exit_code("score", log, "--target", "log", "--full", "--out", tmp_path / "out.jsonl") == 2
    message = capsys.readouterr().err
    assert "no table for groups of 5000 completions" in message
    assert "; cut the groups with --group-size; or solve with: " in message
    assert "polyest solve --target log --method aqp -k 5000" in message
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_damaged_parquet_is_refused(tmp_path: Path, damage: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.parquet"
    parquet.write_table(pa.table({"prompt_id": [1, 1], "answer": ["a", "b"]}), log)
    log.write_bytes(log.read_bytes()[:40] + damage)
    assert exit_code("score", log, *HARMONIC) == 2
    assert "must be a whole parquet file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"prompt_id": [1, 1], "answer": [["a"], ["b"]]}, "row 1: 'answer' must be a string, a number, true, false"),
        ({"prompt_id": [1, 1], "answers": ["a", "b"]}, "a column 'answer'; got 'prompt_id', 'answers'; did you mean"),
        ({"prompt_id": pa.array([], pa.int64()), "answer": pa.array([], pa.string())}, "at least one completion"),
    ],
)
def test_bad_parquet(tmp_path: Path, columns: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.parquet"
    parquet.write_table(pa.table(columns), log)
    assert exit_code("score", log, *HARMONIC, "--full", "--out", tmp_path / "out.parquet") == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [log]


@pytest.mark.slow
def test_what_a_format_cannot_hold_is_refused_and_leaves_the_old_output(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("old")
    assert exit_code("score", log, *HARMONIC, "--full", "--out", out) == 2  # answers "4" and 7 in one Arrow column
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "out.parquet"]
    other = tmp_path / "log.parquet"
    parquet.write_table(pa.table({"prompt_id": [1, 1], "answer": ["a", "b"], "raw": [b"\xff", b""]}), other)
    assert exit_code("score", other, *HARMONIC, "--full", "--out", tmp_path / "out.jsonl") == 2
    assert not (tmp_path / "out.jsonl").exists()


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("score", tmp_path / "none.jsonl", *HARMONIC) == 2
    assert "must be a file that can be read" in capsys.readouterr().err
    assert exit_code("score", tmp_path, *HARMONIC) == 2
    assert "must hold rollouts" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the real rollouts in ../shared/data")
@pytest.mark.parametrize(
    ("name", "options", "groups"),
    [
        ("game24_gpt4_cot_k100.jsonl", (), [{"size": 100, "count": 100}]),
        ("game24_gpt4_cot_k100.jsonl", ("--group-size", 16), [{"size": 4, "count": 100}, {"size": 16, "count": 600}]),
        ("cruxeval_output_codellama7b_k10.jsonl", (), [{"size": 10, "count": 800}]),
    ],
)
@pytest.mark.parametrize("method", ["harmonic", "aqp"])
def test_real_rollouts(
    name: str, options: tuple[Any, ...], groups: Any, method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    arguments = (
        "score",
        DATA / name,
        "--target",
        "log",
        "--method",
        method,
        *options,
        "--full",
        "--out",
        out,
        "--json",
    )
    assert exit_code(*arguments) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["groups"] == groups
    log = rollouts.read(DATA / name)
    answers, of_row = read_answers(log, "answer"), group_rows(read_prompts(log, ["prompt_id"]), *options[1:]).of_row
    assert [row["reward"] for row in read_lines(out)] == polyest.rewards(answers, of_row, "log", method).tolist()
    assert summary["methods"][0]["mean_value"] == pytest.approx(polyest.value(answers, of_row, "log", method)[1].mean())
    assert summary["methods"][0]["difference_to_plug_in"] < 0  # less entropy is missed
