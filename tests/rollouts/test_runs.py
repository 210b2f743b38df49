"""`polyest score` on runs: files, folders, patterns, layouts; steps are never pooled unless that is asked for."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from places import SHARED

from polyest.rollouts.measures import UNITS

LOGS = SHARED / "data" / "logs"


def harmonic_value(answers: list[Any]) -> float:
    """The mean of −Σ_{j=m+1}^{K−1} 1/j over the group (theory.md §3)."""
    counts, K = Counter(answers), len(answers)
    return sum(-sum(1 / j for j in range(counts[answer], K)) for answer in answers) / K


def dump(folder: Path, step: int, answers: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{step}.jsonl"
    records = [
        {"input": "q", "output": f"so \\boxed{{{a}}}", "gts": "4", "score": 1.0, "step": step, "uid": f"u_{i}_0"}
        for i, a in enumerate(answers)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


FIRST, SECOND = ["4", "4", "5", "6"], ["4", "4", "4", "4"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dump(tmp_path / "run", 1, FIRST)
    dump(tmp_path / "run", 2, SECOND)
    return tmp_path / "run"


def summary(run: Any, *arguments: object) -> dict[str, Any]:
    code, out, err = run("score", *arguments, "--target", "log", "--method", "harmonic", "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.slow
def test_a_folder_is_scored_step_by_step(run: Any, folder: Path) -> None:
    found = summary(run, folder, "--extract", "boxed")
    assert found["groups"] == [{"size": 4, "count": 2}]
    expected = (harmonic_value(FIRST) + harmonic_value(SECOND)) / 2
    assert found["methods"][0]["mean_value"] == pytest.approx(expected, rel=1e-14)


@pytest.mark.slow
def test_steps_are_pooled_when_asked_for(run: Any, folder: Path) -> None:
    found = summary(run, folder, "--extract", "boxed", "--pool-steps")
    assert found["groups"] == [{"size": 8, "count": 1}]
    assert found["methods"][0]["mean_value"] == pytest.approx(harmonic_value(FIRST + SECOND), rel=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize(
    "pick", [lambda f: [f / "1.jsonl", f / "2.jsonl"], lambda f: [f / "*.jsonl"], lambda f: [f, f / "1.jsonl"]]
)
def test_files_patterns_and_folders_are_the_same_run_and_no_file_counts_twice(
    run: Any, folder: Path, pick: Any
) -> None:
    assert summary(run, *pick(folder), "--extract", "boxed") == summary(run, folder, "--extract", "boxed")


@pytest.mark.slow
def test_two_runs_are_kept_apart(run: Any, folder: Path) -> None:
    other = dump(folder.parent / "other", 1, SECOND).parent
    assert summary(run, folder, other, "--extract", "boxed")["groups"] == [{"size": 4, "count": 3}]


@pytest.mark.slow
def test_a_plain_file_with_steps_is_scored_step_by_step(run: Any, tmp_path: Path) -> None:
    rows = [
        {"prompt_id": "p", "step": step, "answer": a} for step, answers in ((1, FIRST), (2, SECOND)) for a in answers
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert summary(run, path)["groups"] == [{"size": 4, "count": 2}]
    assert summary(run, path, "--pool-steps")["groups"] == [{"size": 8, "count": 1}]
    assert summary(run, path, "--prompt-column", "prompt_id")["groups"] == [{"size": 4, "count": 2}]


@pytest.mark.slow
def test_means_by_step_with_errors(run: Any, folder: Path) -> None:
    whole = summary(run, folder, "--extract", "boxed", "--by", "step")
    found = whole["by"]
    assert [part["step"] for part in found] == [1, 2]
    value = {"mean": harmonic_value(FIRST), "se_random": None, "se_fixed": None, "prompts": 1}
    assert found[0]["value_harmonic"] == pytest.approx(value)
    assert found[0]["entropy_harmonic"]["mean"] == pytest.approx(-harmonic_value(FIRST))
    assert found[0]["entropy_harmonic"]["se_fixed"] > 0  # one prompt: no error over prompts, but one over completions
    assert [part["distinct"]["mean"] for part in found] == [3.0, 1.0]
    assert found[1]["drift"]["mean"] == pytest.approx(
        1 + 1 / 6 - 2 * 2 * 4 / 16
    )  # collisions 1 and 2/12; 2 of 4 common
    assert "drift" in whole["measures"]
    assert "pass@1" not in found[0]  # this layout has scores and no verdicts
    code, out, _ = run("score", folder, "--target", "log", "--extract", "boxed", "--by", "step")
    assert code == 0
    assert out.splitlines()[-4].split()[:2] == ["step", "value_aqp"]
    assert "\nwarning: groups of at most 8: the bias of an entropy is larger than its error" in out
    assert whole["warnings"][0].startswith("groups of at most 8")


@pytest.mark.slow
def test_scores_give_the_best_of_n(run: Any, folder: Path) -> None:
    measures = summary(run, folder, "--extract", "boxed")["measures"]
    assert [measures[f"best_of({n})"]["mean"] for n in (1, 2, 4)] == [1.0] * 3
    assert measures["best_of(2)"]["estimates"].startswith("the expected best score")


@pytest.mark.slow
def test_csv_has_the_numbers_of_the_json_and_the_keys(run: Any, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "means.csv"
    found = summary(run, folder, "--extract", "boxed", "--by", "step", "--csv", path)["by"]
    with path.open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    assert [row["step"] for row in rows] == ["1", "2"]
    for row, part in zip(rows, found, strict=True):
        assert float(row["entropy_plug_in"]) == part["entropy_plug_in"]["mean"]
        assert float(row["entropy_plug_in_se_fixed"]) == part["entropy_plug_in"]["se_fixed"]
        assert row["entropy_plug_in_se_random"] == ""
        assert row["entropy_plug_in_prompts"] == "1"


@pytest.mark.slow
def test_bits_and_prompts(run: Any, folder: Path) -> None:
    nats, bits = (summary(run, folder, "--extract", "boxed", "--by", "prompt", "--unit", unit) for unit in UNITS)
    assert bits["unit"] == "bits"
    (one,), (other,) = nats["by"], bits["by"]
    assert (one["prompt"], one["collapse_rank"]) == ("u", 1)
    assert other["entropy_aqp"]["mean"] == pytest.approx(one["entropy_aqp"]["mean"] / math.log(2))
    assert other["value_harmonic"] == one["value_harmonic"]


@pytest.mark.slow
def test_two_runs_are_compared_prompt_by_prompt(run: Any, folder: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    for path, prompt in product(folder.glob("*"), "uvw"):
        text = path.read_text().replace('"u_', f'"{prompt}_')
        path.with_stem(f"{path.stem}{prompt}").write_text(text)
        (other / f"{path.stem}{prompt}.jsonl").write_text(text.replace("{5}", "{4}"))
    found = summary(run, folder, other, "--extract", "boxed")["differences"]
    (distinct,) = [one for one in found if one["measure"] == "distinct"]
    assert (distinct["run"], distinct["paired_prompts"]) == (str(other), 3)
    assert distinct["difference"] == -0.5  # step 1: 4 4 5 6 → 4 4 4 6; step 2: none
    code, out, _ = run("score", folder, other, "--extract", "boxed", "--target", "log")
    assert code == 0
    assert "minus the first run" in out


def test_by_a_column_that_differs_within_a_group_is_refused(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"prompt_id": "p", "answer": "1", "seed": 1}\n{"prompt_id": "p", "answer": "1", "seed": 2}\n')
    code, _, err = run("score", path, "--target", "log", "--method", "harmonic", "--by", "seed")
    assert code == 2
    assert "'seed' differs within that of" in err


@pytest.mark.slow
def test_rows_come_out_with_file_row_and_keys(run: Any, folder: Path, tmp_path: Path) -> None:
    out, values = tmp_path / "out.jsonl", tmp_path / "values.jsonl"
    summary(run, folder, "--extract", "boxed", "--out", out, "--values", values)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(Path(row["file"]).name, row["row"], row["step"], row["prompt"]) for row in rows[:5]] == [
        *(("1.jsonl", i, 1, "u") for i in (1, 2, 3, 4)),
        ("2.jsonl", 1, 2, "u"),
    ]
    assert [row["answer"] for row in rows[:4]] == ['"4"', '"4"', '"5"', '"6"']
    prompts = [json.loads(line) for line in values.read_text().splitlines()]
    assert [(row["step"], row["prompt"], row["completions"]) for row in prompts] == [(1, "u", 4), (2, "u", 4)]
    assert prompts[0]["value"] == pytest.approx(harmonic_value(FIRST))


@pytest.mark.slow
def test_lost_completions_are_left_out_and_named(run: Any, tmp_path: Path) -> None:
    def episode(said: str | None) -> dict[str, Any]:
        node = {"message": {"role": "assistant", "content": said}, "sampled": True}
        errors = [] if said else [{"type": "Timeout"}]
        return {"task": {"key": "t"}, "errors": errors, "traces": [{"nodes": [node]}] if said else []}

    path = tmp_path / "traces.jsonl"
    path.write_text("".join(json.dumps(episode(s)) + "\n" for s in ("#### 1", "#### 2", None, "#### 1")))
    code, out, err = run("score", path, "--target", "log", "--method", "harmonic", "--extract", "hash4")
    assert code == 0
    assert "left out: 1 lost completion: Timeout" in err
    assert "3 completions of 1 prompt in 1 group: 1 of 3" in out


def test_texts_without_a_rule_are_refused_with_the_rules(run: Any, folder: Path) -> None:
    code, out, err = run("score", folder, "--target", "log")
    assert (code, out) == (2, "")
    assert "--extract" in err
    assert "last-number" in err


def test_a_rule_that_finds_nothing_is_refused(run: Any, folder: Path) -> None:
    code, _, err = run("score", folder, "--target", "log", "--extract", "hash4")
    assert code == 2
    assert "must find an answer in some text" in err


@pytest.mark.slow
def test_other_files_of_a_folder_are_left_out_and_counted(run: Any, folder: Path) -> None:
    (folder / "config.json").write_text('{"lr": 1}\n')
    code, _, err = run("score", folder, "--target", "log", "--method", "harmonic", "--extract", "boxed")
    assert code == 0
    assert "left out: 1 file in no known layout: config.json" in err


@pytest.mark.slow
def test_where_no_file_is_known_the_largest_one_says_what_is_there(run: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text('{"lr": 1}\n')
        (tmp_path / name / "log.jsonl").write_text('{"q": "x", "a": 1}\n' * 4)
    code, _, err = run("score", tmp_path / "one", tmp_path / "two")
    assert (code, err.count("\n")) == (2, 1)
    assert "log.jsonl: must say which column names the prompt" in err
    assert "got 'a', 'q'; add --prompt-column NAME" in err
    named = ("--prompt-column", "q", "--answer-column", "a")
    code, _, err = run("score", tmp_path / "one", tmp_path / "two", *named)
    assert (code, "left out: 2 files in no known layout: config.json, config.json" in err) == (0, True)


def test_an_empty_folder_is_an_error(run: Any, tmp_path: Path) -> None:
    code, _, err = run("score", tmp_path, "--target", "log")
    assert code == 2
    assert "`ROLLOUTS` must" in err


@pytest.mark.slow
def test_a_function_of_ones_own_extracts(
    run: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_rule.py").write_text("def last(text):\n    return text.rstrip('}')[-1]\n")
    monkeypatch.chdir(tmp_path)
    assert summary(run, folder, "--extract", "own_rule:last") == summary(run, folder, "--extract", "boxed")


@pytest.mark.slow
@pytest.mark.skipif(not LOGS.is_dir(), reason="no samples of logs")
@pytest.mark.parametrize("layout", ["verl_validation", "inspect", "plain_steps"])
def test_samples_against_a_count_by_hand(run: Any, layout: str) -> None:
    groups: dict[Any, list[Any]] = defaultdict(list)
    if layout == "inspect":
        from polyest.rollouts import readers

        (path,) = (LOGS / layout).glob("*.eval")
        for row in readers.named("inspect").rows(readers.Source(path)):
            groups[row.prompt].append(str(row.completion).split()[-1])  # "Let me think. ANSWER: 6"
    else:
        for path in sorted((LOGS / layout).glob("*.jsonl")):
            for line in path.read_text().splitlines():
                row = json.loads(line)
                key = row["uid"][:36] if "uid" in row else (row["step"], row["prompt_id"])
                groups[key].append(row.get("pred", row.get("answer")))
    values = []
    for answers in groups.values():
        named = [answer if answer is not None else object() for answer in answers]  # no answer matches nothing
        values.append(harmonic_value(named))
    found = summary(run, LOGS / layout)
    assert found["methods"][0]["mean_value"] == pytest.approx(math.fsum(values) / len(values), rel=1e-12)


def plain(folder: Path, name: str = "log", **columns: Any) -> Path:
    folder.mkdir(exist_ok=True)
    rows = [{"question": "q", "answer": a} | columns for a in FIRST]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.slow
def test_a_folder_is_read_by_the_prompts_column_that_is_named(run: Any, tmp_path: Path) -> None:
    folder = plain(tmp_path / "run")
    for given in (folder, f"{folder}/*.jsonl"):
        found = summary(run, given, "--prompt-column", "question")
        assert found["methods"][0]["mean_value"] == pytest.approx(harmonic_value(FIRST), rel=1e-14)
    code, _, err = run("score", folder, "--target", "log", "--prompt-column", "quesion")
    assert (code, err.count("\n")) == (2, 1)
    assert "a column 'quesion'; got 'question', 'answer'" in err


NAMED = ["--step-column", "--epoch", "--answer-column", "--correct-column", "--policy-column", "--reference-column"]


@pytest.mark.slow
@pytest.mark.parametrize("option", NAMED)
def test_a_column_that_is_named_is_there_or_refused(option: str, run: Any, tmp_path: Path) -> None:
    folder = plain(tmp_path / "run")
    for given in (folder, folder / "log.jsonl"):
        code, out, err = run("score", given, "--target", "log", "--prompt-column", "question", option, "nosuch")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "a column 'nosuch'; got 'question', 'answer'" in err


@pytest.mark.slow
def test_a_column_that_is_named_may_be_in_some_files_only(run: Any, tmp_path: Path) -> None:
    folder = plain(plain(tmp_path / "run", "b", right=True), "a")
    assert summary(run, folder, "--prompt-column", "question", "--correct-column", "right")["correct"] == 1


@pytest.mark.parametrize("option", NAMED)
def test_a_column_is_not_named_for_layouts_that_have_their_own(option: str, run: Any, folder: Path) -> None:
    code, out, err = run("score", folder, "--target", "log", option, "score")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"`{option}` names a column of files with one row per completion" in err


@pytest.mark.slow
def test_means_by_run(run: Any, folder: Path) -> None:
    other = dump(folder.parent / "other", 1, SECOND).parent
    found = summary(run, folder, other, "--extract", "boxed", "--by", "run")["by"]
    assert [row["run"] for row in found] == [str(folder), str(other)]
    assert found[1]["value_harmonic"]["mean"] == pytest.approx(harmonic_value(SECOND))


@pytest.mark.parametrize("option", ["--out", "--values"])
@pytest.mark.parametrize("pick", [lambda f: f, lambda f: f.parent, lambda f: f"{f}/*.jsonl", lambda f: f"{f}/**"])
@pytest.mark.parametrize("name", ["log.jsonl", "./log.jsonl"])
def test_nothing_is_written_onto_what_is_read(option: str, pick: Any, name: str, run: Any, tmp_path: Path) -> None:
    folder = plain(tmp_path / "run")
    before = (folder / "log.jsonl").read_bytes()
    options = ("--target", "log", "--prompt-column", "question", option, folder / name)
    code, out, err = run("score", pick(folder), *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"`{option}` must be" in err
    assert (folder / "log.jsonl").read_bytes() == before


@pytest.mark.parametrize("name", ["new.jsonl", "below/new.parquet"])
def test_nothing_is_written_where_it_would_be_read_as_a_log(name: str, run: Any, tmp_path: Path) -> None:
    folder = plain(tmp_path / "run")
    (folder / "below").mkdir()
    options = ("--target", "log", "--prompt-column", "question", "--full", "--out", folder / name)
    code, _, err = run("score", folder, *options)
    assert (code, err.count("\n")) == (2, 1)
    assert "where it would be read as a log" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--full",), "`--full` says what `--out` writes"),
        (("--correct-if", ">0.5"), "`--correct-if` compares verdicts"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    options: tuple[str, ...], message: str, run: Any, tmp_path: Path
) -> None:
    folder = plain(tmp_path / "run")
    code, out, err = run("score", folder, "--target", "log", "--prompt-column", "question", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_groups_of_one_are_refused_with_a_remedy(run: Any, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"prompt_id": 1, "answer": "a"}\n')
    code, out, err = run("score", tmp_path / "log.jsonl", "--target", "log")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "name the column that they share" in err


def test_standard_input_is_called_so(run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"a": 1}\n')))
    code, out, err = run("score", "-", folder, "--target", "log")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("polyest: -: must say which column names the prompt; got 'a'; add --prompt-column")


@pytest.mark.slow
@pytest.mark.parametrize(("value", "shown"), [([1, 2], "[1, 2]"), ({"a": 1}, '{"a": 1}'), (None, None), (1.5, 1.5)])
def test_means_by_a_column_of_any_values(value: Any, shown: Any, run: Any, tmp_path: Path) -> None:
    found = summary(run, plain(tmp_path / "run", c=value), "--prompt-column", "question", "--by", "c")["by"]
    assert [row["c"] for row in found] == [shown]


OPTIONS = ("--target", "log", "--prompt-column", "question", "--method", "harmonic")


@pytest.mark.parametrize("names", [("one", "other"), ("run1", "run2"), ("seed-0", "seed-1"), ("a/step_1", "b/step_1")])
@pytest.mark.parametrize(
    "above", ["outputs", *(pytest.param(above, marks=pytest.mark.slow) for above in ("", "outputs/experiment"))]
)
def test_runs_below_one_folder_are_kept_apart(run: Any, above: str, names: tuple[str, ...], tmp_path: Path) -> None:
    below = tmp_path / above
    folders = [below / name.partition("/")[0] for name in names]
    for name in names:
        (below / name).mkdir(parents=True)
        plain(below / name)
    apart, named = (run("score", *given, *OPTIONS, "--by", "run", "--json") for given in ([tmp_path], folders))
    assert apart == named
    assert [row["run"] for row in json.loads(apart[1])["by"]] == [str(folder) for folder in folders]


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [("rank0", "rank1"), ("node_0", "node_1"), ("train", "eval"), ("0", "1"), ("", "other"), ("shard-0", "a")],
)
def test_parts_of_a_run_are_one_run_and_groups_in_several_folders_are_noted(
    run: Any, names: tuple[str, ...], tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).mkdir(exist_ok=True)
        plain(tmp_path / name)
    _, output, notes = run("score", tmp_path, *OPTIONS, "--by", "run", "--json")
    assert [row["run"] for row in json.loads(output)["by"]] == [str(tmp_path)]
    assert "1 group has completions from several of 2 folders; if those are runs, name each" in notes


@pytest.mark.slow
@pytest.mark.parametrize("values", [(True, 1), (1, 1.0), ("1", 1), (False, 0)])
def test_values_that_are_read_as_different_are_different_parts(
    run: Any, values: tuple[Any, Any], tmp_path: Path
) -> None:
    for value, name in zip(values, ("a", "b"), strict=True):
        plain(tmp_path / "run", name, c=value, prompt=name)
    _, out, _ = run("score", tmp_path / "run", *OPTIONS, "--prompt-column", "prompt", "--by", "c", "--json")
    assert [json.dumps(row["c"]) for row in json.loads(out)["by"]] == [*map(json.dumps, values)]


@pytest.mark.slow
@pytest.mark.parametrize("value", ["a\nb", "a\tb", "a\u2028b", "a\x1b[31mb"])
def test_the_table_on_the_terminal_has_one_line_for_a_part(run: Any, value: str, tmp_path: Path) -> None:
    plain(tmp_path / "run", c=value)
    plain(tmp_path / "run", "other", c="z", question="other")
    _, out, _ = run("score", tmp_path / "run", *OPTIONS, "--by", "c")
    assert sum(line.startswith(repr(value)[1:-1] + "  ") for line in out.splitlines()) == 1


@pytest.mark.slow
def test_one_group_is_told_of_as_one(run: Any, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    rows = [*({"prompt_id": "p", "answer": a} for a in FIRST), {"prompt_id": "q", "answer": "x"}]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "1 group has one completion and cannot be scored" in run("score", log, "--target", "log")[2]


TEXTS = [{"question": f"q{i // 4}", "response": rf"so \boxed{{{i % 3}}}", "reward": 1} for i in range(16)]


@pytest.mark.slow
def test_the_text_of_a_file_of_ones_own_is_named(run: Any, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in TEXTS))
    options = ("--prompt-column", "question", "--completion-column", "response", "--extract", "boxed")
    found = summary(run, log, *options)["measures"]
    assert found["no_answer"]["mean"] == 0
    assert found["distinct"]["mean"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize("named", [(), ("--answer-column", "response"), ("--completion-column", "respnse")])
def test_texts_under_another_name_are_an_error_that_names_the_option(
    run: Any, tmp_path: Path, named: tuple[str, ...], form: str
) -> None:
    log = tmp_path / f"log.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(TEXTS), log)
    else:
        log.write_text("".join(json.dumps(row) + "\n" for row in TEXTS))
    options = ("--prompt-column", "question", "--extract", "boxed", *named)
    for where in (log, tmp_path):
        code, out, err = run("score", where, "--target", "log", *options)
        assert (code, out) == (2, "")
        assert "there must be a column" in err
        assert "'response'" in err
        assert "'question'?" not in err
    assert "--completion-column" in err or "did you mean 'response'" in err


def test_a_rule_that_finds_nothing_is_blamed_itself(run: Any, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({"prompt_id": i // 4, "completion": "7"}) + "\n" for i in range(16)))
    for named in ((), ("--prompt-column", "prompt_id")):
        code, out, err = run("score", log, "--target", "log", "--extract", "boxed", *named)
        assert (code, out) == (2, "")
        assert "`--extract` must find an answer in some text; got none, as in '7'; choose another of boxed" in err


@pytest.mark.slow
def test_a_rule_that_finds_nothing_where_the_log_has_answers_may_be_left_out(run: Any, tmp_path: Path) -> None:
    trl = {"step": 1, "prompt": "q", "completion": "it is 7", "advantage": 0.0}
    plain = {"prompt_id": 1, "completion": "it is 7"}
    for name, row in {"completions_00001.parquet": trl, "log.jsonl": plain, "log.parquet": plain}.items():
        for answers in (["7", None, "8", None], [None] * 4, None):
            rows = [row | ({} if answers is None else {"answer": answers[i]}) for i in range(4)]
            log = tmp_path / name
            if log.suffix == ".jsonl":
                log.write_text("".join(json.dumps(row) + "\n" for row in rows))
            else:
                pq.write_table(pa.Table.from_pylist(rows), log)
            code, out, err = run("score", log, "--target", "log", "--extract", "boxed")
            assert (code, out, err.count("\n")) == (2, "", 1)
            own = "answers of its own" if row is trl else "a column 'answer'"
            is_told = err.endswith(f", or leave it out: the log has {own}\n")
            assert is_told == (answers is not None and "7" in answers), (name, answers, err)


def test_a_rule_that_finds_nothing_is_told_with_the_end_of_a_completion(run: Any, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    text = "x" * 1000 + "\n\x1b[31m the answer is 7"
    log.write_text("".join(json.dumps({"prompt_id": i // 4, "completion": text}) + "\n" for i in range(16)))
    code, out, err = run("score", log, "--target", "log", "--extract", "boxed")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"got none, as in {text[-60:]!r}, the end of a completion; choose another" in err
    log.write_text("".join(json.dumps({"prompt_id": i // 4, "completion": ""}) + "\n" for i in range(16)))
    assert "got no completion that is not empty" in run("score", log, "--target", "log", "--extract", "boxed")[2]


def test_a_file_in_no_known_layout_is_told_what_names_its_prompt(run: Any, tmp_path: Path) -> None:
    (log := tmp_path / "log.jsonl").write_text(json.dumps({"question": "1 + 1?", "completion": "2"}) + "\n")
    assert "--prompt-column question" in run("score", log, "--target", "log", "--extract", "boxed")[2]


def test_an_answer_that_was_found_in_a_text_is_taken_for_no_gold_answer(run: Any, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({"prompt_id": i // 4, "completion": r"\boxed{7}"}) + "\n" for i in range(16)))
    assert run("score", log, "--target", "log", "--extract", "boxed")[2] == ""


def test_texts_without_answers_are_told_how_to_find_them(run: Any, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps({"prompt_id": 1, "completion": "7"}) + "\n")
    for where in (tmp_path / "log.jsonl", tmp_path):
        assert "--extract" in run("score", where, "--target", "log")[2]
