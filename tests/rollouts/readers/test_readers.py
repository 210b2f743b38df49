"""Every layout as its tool writes it, in small: what is taken for what, and nothing gold for the model's answer."""

from __future__ import annotations

import gzip
import json
import pickle
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from places import SHARED

from polyest.errors import ArgumentError
from polyest.rollouts import readers
from polyest.rollouts.readers import Row, Source, layout_of, named

LOGS = SHARED / "data" / "logs"


def lines(path: Path, *records: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def rows(path: Path) -> list[Row]:
    source = Source(path)
    return [*layout_of(source).rows(source)]


def only(path: Path) -> Row:
    (row,) = rows(path)
    return row


def test_verl_takes_pred_for_the_answer_and_the_prompt_out_of_the_uid(tmp_path: Path) -> None:
    record = {"input": "2+2?", "output": "four", "gts": "4", "score": 1.0, "step": 7}
    path = lines(
        tmp_path / "7.jsonl", record | {"uid": "ab_c_3_0", "pred": "4", "acc": True}, record | {"uid": "xyz"}, record
    )
    assert rows(path) == [
        Row(1, "ab_c", "four", '"4"', 7, correct=1.0, score=1.0),
        Row(2, "xyz", "four", None, 7, score=1.0),
        Row(3, "2+2?", "four", None, 7, score=1.0),
    ]


def test_verl_without_a_step_takes_it_from_the_name(tmp_path: Path) -> None:
    assert only(lines(tmp_path / "12.jsonl", {"input": "a", "output": "b", "score": 0.5})).step == 12


@pytest.mark.parametrize("is_chat", [False, True])
def test_trl_reads_texts_and_conversations(tmp_path: Path, is_chat: bool) -> None:
    def said(role: str, text: str) -> Any:
        return [{"role": role, "content": text}] if is_chat else text

    table = {
        "step": [3],
        "prompt": [said("user", "2+2?")],
        "completion": [said("assistant", "so 4")],
        "correct": [1.0],
        "length": [0.1],
        "answer": ["4"],
        "advantage": [0.5],
    }
    pq.write_table(pa.table(table), tmp_path / "completions_00003.parquet")
    row = only(tmp_path / "completions_00003.parquet")
    assert (row.completion, row.answer, row.step, row.correct) == ("so 4", '"4"', 3, 1.0)
    assert "2+2?" in row.prompt


def episode(step: int | None = 2, failed: bool = False, group: str | None = "g") -> dict[str, Any]:
    trace = {
        "nodes": [
            {"message": {"role": "user", "content": "2+2?"}, "sampled": False},
            {"message": {"role": "assistant", "content": "let me think"}, "sampled": True},
            {"message": {"role": "tool", "content": "4"}, "sampled": False},
            {"message": {"role": "assistant", "content": "it is 4"}, "sampled": True},
        ],
        "rewards": {"a": {"score": 1.0, "weight": 0.5}, "b": {"score": 2.0, "weight": 1.0}},
    }
    found: dict[str, Any] = {
        "task": {"data": {"answer": "4"}, "key": "task0"},
        "errors": [{"type": "ProviderError"}] if failed else [],
        "traces": [] if failed else [trace],
    }
    if group:
        found["group"] = {"id": group}
    if step is not None:
        found["run"] = {"work": {"step": step, "policy": {"start": 1, "end": 2}}}
    return found


def test_episodes_give_the_last_sampled_message_and_weighted_rewards(tmp_path: Path) -> None:
    path = lines(tmp_path / "step_9" / "train" / "all" / "traces.jsonl", episode(), episode(step=None, group=None))
    assert rows(path) == [
        Row(1, "g", "it is 4", step=2, split="train/all", score=2.5, policy="1"),
        Row(2, "task0", "it is 4", step=9, split="train/all", score=2.5),
    ]


def test_an_episode_that_failed_is_a_lost_completion(tmp_path: Path) -> None:
    row = only(lines(tmp_path / "traces.jsonl", episode(failed=True)))
    assert (row.failed, row.completion, row.score) == ("ProviderError", None, None)


def test_the_gold_answer_of_verifiers_is_not_the_models(tmp_path: Path) -> None:
    said = [{"role": "assistant", "content": [{"type": "text", "text": "it is "}, {"type": "text", "text": "5"}]}]
    record = {"example_id": 3, "prompt": [], "completion": said, "reward": 0.0, "answer": "4", "error": None}
    assert only(lines(tmp_path / "results.jsonl", record)) == Row(1, "3", "it is 5", score=0.0)


def test_nemo_rl_groups_neighbours_of_one_prompt(tmp_path: Path) -> None:
    def record(prompt: str, said: str) -> dict[str, Any]:
        return {"content": [[prompt, said]], "rewards": [1.0], "idx": 0}

    path = lines(
        tmp_path / "train_data_step5.jsonl", record("a", "1"), record("a", "2"), record("b", "3"), record("a", "4")
    )
    found = rows(path)
    assert [row.completion for row in found] == ["1", "2", "3", "4"]
    assert [row.prompt == found[0].prompt for row in found] == [True, True, False, False]
    assert {(row.step, row.split, row.score) for row in found} == {(5, "train", 1.0)}


def test_open_instruct_compares_token_ids(tmp_path: Path) -> None:
    record = {"step": 1, "prompt_idx": 0, "response_tokens": [7, 8], "reward": 10.0, "ground_truth": [5]}
    row = only(lines(tmp_path / "run_rollouts_000000.jsonl", record))
    assert (row.prompt, row.step, row.completion, json.loads(str(row.answer))) == ("0", 1, None, "[7, 8]")


def test_skyrl_sums_the_scores_of_tokens(tmp_path: Path) -> None:
    record = {"input_prompt": "a", "output_response": "b", "score": [0.0, 0.0, 1.0]}
    path = lines(tmp_path / "global_step_10_evals" / "gsm8k.jsonl", record)
    assert only(path) == Row(1, "a", "b", step=10, split="gsm8k", score=1.0)


def test_lm_eval_counts_repeats_once_whatever_the_filters(tmp_path: Path) -> None:
    record = {"doc_id": 4, "target": "3", "resps": [["x", "y"]], "metrics": ["exact_match"], "exact_match": 0.0}
    path = lines(
        tmp_path / "samples_toy.jsonl",
        record | {"filter": "each", "filtered_resps": [["1", "2"]]},
        record | {"filter": "first", "filtered_resps": ["1"]},
    )
    assert rows(path) == [Row(1, "4", "x", '"1"'), Row(1, "4", "y", '"2"')]


def test_human_eval_has_verdicts_and_no_answers(tmp_path: Path) -> None:
    record = {"task_id": "HumanEval/0", "completion": "return 4", "result": "passed", "passed": True}
    assert only(lines(tmp_path / "samples.jsonl_results.jsonl", record)) == Row(
        1, "HumanEval/0", "return 4", correct=1.0
    )


def test_batches_of_requests_give_every_choice_and_name_failures(tmp_path: Path) -> None:
    choices = [{"message": {"role": "assistant", "content": "a"}}, {"text": "b"}]
    path = lines(
        tmp_path / "batch.jsonl",
        {"custom_id": "p", "response": {"status_code": 200, "body": {"model": "m", "choices": choices}}, "error": None},
        {"custom_id": "p", "response": {"status_code": 500, "body": {}}, "error": {"code": "server_error"}},
    )
    assert rows(path) == [
        Row(1, "p", "a", policy="m"),
        Row(1, "p", "b", policy="m"),
        Row(2, "p", failed="server_error"),
    ]


@pytest.mark.parametrize("texts", [["a", "b"], [{"text": "a"}, {"text": "b"}]])
def test_lists_give_one_completion_each(tmp_path: Path, texts: list[Any]) -> None:
    record = {"uuid": "u0", "answer": "gold", "generations": texts, "correctness_math_verify": [True, False]}
    assert rows(lines(tmp_path / "x.jsonl", record)) == [Row(1, "u0", "a", correct=1.0), Row(1, "u0", "b", correct=0.0)]


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "kind"), [("trl", "parquet"), ("verl", "JSON lines")])
def test_a_layout_of_the_other_format_is_refused_with_the_way_out(layout: str, kind: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"input": ["a"]}), tmp_path / "table")
    source = Source(tmp_path / "table" if kind == "JSON lines" else lines(tmp_path / "log.jsonl", {"step": 1}))
    with pytest.raises(
        ArgumentError, match=rf"must be {kind}, as files of this layout are; got .*; leave out --format"
    ):
        [*named(layout).rows(source)]


def test_lists_without_a_list_are_refused_with_what_is_there(tmp_path: Path) -> None:
    log = lines(tmp_path / "log.jsonl", {"prompt_id": 1, "completion": "a"})
    with pytest.raises(
        ArgumentError, match=r"must have one of generations, .* got 'completion', 'prompt_id'; leave out"
    ):
        [*named("lists").rows(Source(log))]


@pytest.mark.slow
def test_slime_is_read_without_running_code(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    sample = {"group_index": 0, "response": "a", "label": "4", "reward": 1.0, "status": "completed"}
    torch.save({"rollout_id": 3, "samples": [sample, sample | {"status": "aborted"}]}, tmp_path / "3.pt")
    assert rows(tmp_path / "3.pt") == [
        Row(1, "0", "a", step=3, score=1.0),
        Row(2, "0", "a", step=3, score=1.0, failed="aborted"),
    ]


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.slow
def test_code_in_a_torch_file_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"rollout_id": 3, "samples": [Bomb(tmp_path / "ran")]}, tmp_path / "3.pt", pickle_module=pickle)
    with pytest.raises(ArgumentError, match="nothing that would run code is read"):
        rows(tmp_path / "3.pt")
    assert not (tmp_path / "ran").exists()


def inspect_sample() -> dict[str, Any]:
    return {
        "id": "q0",
        "epoch": 1,
        "target": "4",
        "output": {"model": "m", "completion": "ANSWER: 6"},
        "scores": {"match": {"value": "I", "answer": "6"}},
    }


def test_inspect_reads_deflated_and_stored_members_and_json(tmp_path: Path) -> None:
    expected = Row(1, "q0", "ANSWER: 6", '"6"', correct=0.0, policy="m")
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        path = tmp_path / f"{method}.eval"
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("header.json", "{}")
            archive.writestr("samples/q0_epoch_1.json", json.dumps(inspect_sample()))
        assert only(path) == expected
    assert only(lines(tmp_path / "log.json", {"eval": {}, "samples": [inspect_sample()]})) == expected


def test_plain_rows_keep_types_of_answers_apart(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", *({"prompt_id": "p", "answer": answer} for answer in ("1", 1, 1.5, None, True)))
    assert [row.answer for row in rows(path)] == ['"1"', "1", "1.5", None, "true"]


def test_a_torn_last_line_is_reported(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", {"prompt_id": "p", "answer": "1"})
    with path.open("a") as stream:
        stream.write('{"prompt_id": "p", "answ')
    notes: list[str] = []
    assert len([*named("plain").rows(Source(path, notes.append))]) == 1
    assert "line 2: the last line is torn" in notes[0]


def test_a_bad_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"prompt_id": "p", "answer": "1"}\n{"prompt_id"\n{"prompt_id": "p", "answer": "1"}\n')
    with pytest.raises(ArgumentError, match="line 2: must be one JSON object"):
        rows(path)


@pytest.mark.parametrize("twice", ['{"prompt_id": "p", "prompt_id": "q", "answer": "1"}\n'])
def test_a_key_that_comes_twice_is_refused(tmp_path: Path, twice: str) -> None:
    (tmp_path / "x.jsonl").write_text(twice)
    with pytest.raises(ArgumentError, match="more than once"):
        rows(tmp_path / "x.jsonl")


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_bytes_at_the_beginning_and_carriage_returns_mean_nothing_packed_or_not(tmp_path: Path, suffix: str) -> None:
    content = b'\xef\xbb\xbf{"prompt_id": "p", "answer": "\\u00e9"}\r\n\r\n{"prompt_id": "p", "answer": "2"}\r\n'
    path = tmp_path / f"x{suffix}"
    packed = {".gz": gzip.compress(content), ".zst": pa.Codec("zstd").compress(content, asbytes=True)}
    path.write_bytes(packed.get(path.suffix, content))
    assert [row.answer for row in rows(path)] == ['"é"', '"2"']


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_packed_file_that_is_cut_or_none_is_refused(tmp_path: Path, suffix: str) -> None:
    content = b'{"prompt_id": "p", "answer": "1"}\n' * 20_000
    whole = gzip.compress(content) if suffix == ".gz" else pa.Codec("zstd").compress(content, asbytes=True)
    for broken in (whole[: len(whole) // 2], content):
        path = tmp_path / f"x.jsonl{suffix}"
        path.write_bytes(broken)
        with pytest.raises(ArgumentError, match="must be whole, and packed as its name says"):
            rows(path)


@pytest.mark.slow
def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a compressed bomb unpacks to is never held: the limit is on what is read."""
    monkeypatch.setattr("polyest.rollouts.readers.source.LONGEST_LINE", 1 << 20)
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(b"{" + b" " * (1 << 24)))
    with pytest.raises(ArgumentError, match="a line must have at most 1 MiB"):
        rows(tmp_path / "x.jsonl.gz")


def test_an_unknown_layout_names_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="got 'b', 'wherever'"):
        rows(lines(tmp_path / "x.jsonl", {"wherever": 1, "b": 2}))
    with pytest.raises(ArgumentError, match="did you mean 'verl'"):
        named("veri")


@pytest.mark.slow
def test_batches_have_the_columns_of_the_schema(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", *({"prompt_id": "p", "answer": i} for i in range(10_000)))
    found = [*readers.read(path)]
    assert [batch.num_rows for batch in found] == [8192, 10_000 - 8192]
    assert found[0].schema == readers.schema()


# name of the folder, layout, completions, groups by size; counted by hand in the files
SAMPLES = [
    ("hf_lists", "lists", 24, {8: 3}),
    ("human_eval", "human-eval", 24, {8: 3}),
    ("inspect", "inspect", 40, {8: 5}),
    ("lm_eval", "lm-eval", 40, {8: 5}),
    ("nemo_rl", "nemo-rl", 96, {8: 12}),
    ("open_instruct", "open-instruct", 48, {8: 6}),
    ("plain_steps", "plain", 72, {8: 9}),
    ("prime_rl", "episodes", 48, {8: 6}),
    ("skyrl", "skyrl", 24, {8: 3}),
    pytest.param("slime", "slime", 24, {8: 3}, marks=pytest.mark.slow),  # imports torch
    ("trl/chat", "trl", 24, {4: 6}),
    ("trl/plain", "trl", 24, {4: 6}),
    ("verifiers_legacy", "verifiers", 24, {8: 3}),
    ("verifiers_v1", "episodes", 24, {8: 3}),
    ("verl_rollout", "verl", 48, {8: 6}),
    ("verl_validation", "verl", 48, {8: 6}),
    ("vllm_script", "lists", 24, {8: 3}),
]


@pytest.mark.skipif(not LOGS.is_dir(), reason="no samples of logs")
@pytest.mark.parametrize(("folder", "layout", "completions", "groups"), SAMPLES)
def test_samples_of_real_logs(folder: str, layout: str, completions: int, groups: dict[int, int]) -> None:
    if layout == "slime":
        pytest.importorskip("torch")
    found: list[Row] = []
    for path in sorted((LOGS / folder).rglob("*")):
        if path.is_file() and path.name != "SOURCE.txt":
            assert layout == layout_of(Source(path)).NAME
            found += rows(path)
    assert len(found) == completions
    sizes = Counter((row.step, row.split, row.prompt) for row in found)
    assert Counter(sizes.values()) == groups
