"""The page as a file: whole in itself, safe, small, and with the numbers of `polyest score`."""

from __future__ import annotations

import importlib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import SHARED
from report_support import EXTREMES, HOSTILE, PROMPTS, write_extremes, write_log
from score_support import exit_code

from polyest.errors import ArgumentError, MissingDependencyError
from polyest.report import content, html, report_of, write_report
from polyest.rollouts.grouping import group_rows
from polyest.rollouts.statistics import GroupStatistics, group_statistics, statistics_of_codes

LOGS = SHARED / "data" / "logs"


def page_of(tmp_path: Path, *logs: Path) -> str:
    assert exit_code("report", *logs, "--out", tmp_path / "page.html") == 0
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log whose page can be worked out by hand, beside that page."""
    log = write_log(tmp_path_factory.mktemp("report") / "log.jsonl")
    page_of(log.parent, log)
    return log


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only tables are looked at."""
    monkeypatch.setattr("polyest.report.curves.drawn", lambda *given: ("", {}))


@pytest.fixture
def page(log: Path) -> str:
    return log.with_name("page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["jinja2", "matplotlib"])
def test_what_is_not_installed_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "polyest.report")
    said = rf"polyest report needs {name}, which is not installed; run: pip install 'polyest\[report\]'"
    with pytest.raises(MissingDependencyError, match=said):
        importlib.import_module("polyest.report")


@pytest.mark.slow
def test_the_numbers_are_those_of_score(log: Path, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = data_of(page)
    capsys.readouterr()
    assert exit_code("score", log, "--target", "log", "--by", "step", "--json") == 0
    by = json.loads(capsys.readouterr().out)["by"]
    assert data["steps"]["columns"]["step"] == [row["step"] for row in by] == [1, 2]
    for name, columns in data["steps"]["measures"].items():
        for part, row in enumerate(by):
            for key, column in columns.items():
                expected = row[name][key] if row[name] else {"prompts": 0}.get(key)
                assert column[part] == (expected if expected is None else pytest.approx(expected, rel=1e-5)), name


@pytest.mark.slow
def test_prompts_are_ranked_and_have_the_answers_of_their_last_step(page: str) -> None:
    """Collision probabilities over both steps: (14/56 + 1)/2, (8/56 + 0)/2 and (42/56 + 24/56)/2."""
    prompts = data_of(page)["prompts"]
    assert prompts["columns"]["prompt_id"] == ["what is 1 + 1?", "third", "<b>bold</b> & co"]
    assert prompts["columns"]["collapse_rank"] == [1, 2, 3]
    assert prompts["columns"]["collision"] == pytest.approx([0.625, 33 / 56, 4 / 56], abs=0.005)
    assert prompts["columns"]["distinct"] == [2.5, 2.0, 6.0]
    assert prompts["answers"][0] == [["a", 8, 1.0]]
    assert prompts["answers"][1] == [["a", 4, 1.0], ["b", 4, 0.0]]
    assert (prompts["last_step"], prompts["visits"]) == (["2"] * 3, [2] * 3)


@pytest.mark.slow
def test_it_is_said_what_orders_the_prompts_and_what_was_read(page: str) -> None:
    assert re.search(
        "greatest collision: the probability .* agree, completions .*, on average over all its steps", page
    )
    assert re.search('<p class="note">Read as plain: prompt_id, step, answer, correct[^<]*</p>', page)
    names = [*data_of(page)["prompts"]["columns"]]
    assert names[names.index("collapse_rank") + 1] == "collision"


@pytest.mark.slow
def test_nothing_is_loaded_and_nothing_of_the_log_is_markup(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", dict(zip("abcd", HOSTILE, strict=True)))
    page = page_of(tmp_path, log)
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "url(http" not in page
    assert len(re.findall("<script", page)) == 2
    assert "<b>bold" not in page
    assert "pwned = 1" in json.dumps(data_of(page)["prompts"]["answers"])


@pytest.mark.slow
def test_whatever_a_log_says_stays_text_wherever_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As answers, prompts, steps, runs and the title; what is long is cut."""
    run = tmp_path / "<script>alert(1)<"
    write_extremes(run / "log.jsonl")
    title = "</title><script>alert(2)</script>"
    assert exit_code("report", run, "--out", tmp_path / "page.html", "--title", title) == 0
    raw = (tmp_path / "page.html").read_bytes()
    page, data = raw.decode("utf-8"), data_of(raw.decode("utf-8"))
    assert b"\0" not in raw
    assert len(re.findall("<script", page, re.IGNORECASE)) == 2
    assert not re.search("<!--|<img|</title><|alert\\(1\\)<", page)
    shown = {answer for bars in data["prompts"]["answers"] for answer, *_ in bars}
    assert shown == {text if len(text) <= 60 else f"{text[:59]}…" for text in EXTREMES}
    assert all(len(prompt) <= 120 for prompt in data["prompts"]["columns"]["prompt"])


@pytest.mark.slow
def test_curves_have_their_values_and_are_told_in_words(page: str) -> None:
    data = data_of(page)
    means, figures = data["steps"]["measures"], {figure["title"]: figure for figure in data["figures"]}
    (distinct,) = figures["Distinct answers"]["curves"]
    assert (distinct["x"], distinct["y"]) == ([1, 2], pytest.approx(means["distinct"]["mean"], rel=1e-4))
    # Student's 97.5 % quantile of 2 degrees of freedom, 4.302653: three prompts
    assert distinct["reach"] == pytest.approx([4.302653 * error for error in means["distinct"]["se_random"]], rel=1e-4)
    assert [curve["label"] for curve in figures["Entropy (nats)"]["curves"]] == ["entropy_aqp", "entropy_plug_in"]
    assert [curve["label"] for curve in figures["pass@k"]["curves"]] == ["step 1", "step 2"]
    first, last = means["distinct"]["mean"]
    words = f"from {first:.3g} at step 1 to {last:.3g} at 2, between {min(first, last):.3g} and {max(first, last):.3g}."
    assert words in page
    assert len(re.findall('class="unseen"', page)) == len(data["figures"]) == len(re.findall("<svg", page))


def of_steps(groups: dict[tuple[object, str], str]) -> GroupStatistics:
    """Step and prompt of each group, and its answers."""
    rows = [(key, answer) for key, answers in groups.items() for answer in answers]
    steps, prompts = zip(*groups, strict=True)
    grouped = group_rows([key for key, _ in rows])
    return group_statistics(grouped, [answer for _, answer in rows], {"step": steps, "prompt": prompts})


@pytest.mark.slow
@pytest.mark.parametrize("names", [(10, 20, 40), ("start", "middle", "end")])
def test_of_more_steps_than_a_curve_has_points_several_are_one(
    names: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """p gives 1 and 3 distinct answers, then 4; q 2 and 4, then 1: (2 + 3)/2 and (4 + 1)/2, errors 1/2 and 3/2."""
    monkeypatch.setattr(content, "MOST", 2)
    a, b, c = names
    record = of_steps(
        {(a, "p"): "xxxx", (a, "q"): "xxyy", (b, "p"): "xxyz", (b, "q"): "wxyz", (c, "p"): "wxyz", (c, "q"): "xxxx"}
    )
    report = report_of([record], "steps")
    assert report.data["steps"]["columns"] == {"step": [a, c], "to step": [b, c]}
    assert report.data["steps"]["measures"]["distinct"]["se_random"] == [0.5, 1.5]
    assert report.data["steps"]["measures"]["distinct"]["prompts"] == [2, 2]
    [figure] = [one for one in report.figures if one.title == "Distinct answers"]
    assert figure.values["curves"][0]["y"] == [2.5, 2.5]
    assert figure.values["curves"][0]["x"] == ([15, 40] if a == 10 else [0, 1])
    assert [*figure.values["names"].values()] == [f"{a} to {b}", str(c)]
    assert ("steps", "3") in report.facts
    note = "Of 3 steps 2 at a time are one point: each prompt counts with its mean there."
    assert note == report.note
    assert note in html(report)
    assert report.data["prompts"]["visits"] == [3, 3]


@pytest.mark.usefixtures("undrawn")
def test_spans_of_steps_are_those_of_the_log_in_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record with steps 1 and 4 of 1 to 4 has them in the spans 1 to 2 and 3 to 4; drift goes from step to step."""
    monkeypatch.setattr(content, "MOST", 2)
    apart = [
        of_steps({(1, "p"): "xxyy", (4, "p"): "xyyy"}),
        of_steps({(2, "q"): "xxxx", (3, "q"): "xxxy", (4, "q"): "xxyy"}),
    ]
    firsts = (np.array([0, 3]), np.array([1, 2, 4]))
    apart = [replace(one, all_steps=(1, 2, 3, 4), firsts=own) for one, own in zip(apart, firsts, strict=True)]
    steps = report_of(apart, "steps").data["steps"]
    assert steps["columns"] == {"step": [1, 3], "to step": [2, 4]}
    assert steps["measures"]["distinct"]["mean"] == [1.5, 2.0]  # (2 + 1)/2, (2 + (2 + 2)/2)/2
    assert steps["measures"]["drift"]["prompts"] == [0, 2]


@pytest.mark.slow
def test_scores_end_where_those_of_the_log_do(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    rows = [
        {"step": step, "prompt_id": prompt, "answer": "a", "score": float(prompt == "x")}
        for step in (1, 2)
        for prompt in "xy"
        for _ in range(4)
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    figures = {figure["title"]: figure for figure in data_of(page_of(tmp_path, log))["figures"]}
    for title in ("Score", "Best of n"):
        assert figures[title]["within"] == [0, 1]
        low, high = figures[title]["ylim"]
        assert -0.06 < low < high < 1.06  # the interval over two prompts is 0.5 ± 6.4
    assert figures["Change from step to step"]["within"] == [None, None]
    assert figures["Distinct answers"]["within"] == [1, None]  # every completion has one


@pytest.mark.slow
def test_two_runs_have_a_table_of_differences_and_a_name_each(tmp_path: Path) -> None:
    runs = [write_log(tmp_path / name / "log.jsonl", answers) for name, answers in (("<i>a", None), ("b", {"b": "a"}))]
    page = page_of(tmp_path, *runs)
    assert "&lt;i&gt;a" in page
    assert "<i>a" not in page
    assert re.search(r"<h2><bdi>\S*b</bdi> minus <bdi>\S*&lt;i&gt;a</bdi></h2>", page)
    assert re.search(r"<td>distinct</td><td class=\"number\">-0.", page)


@pytest.mark.slow
def test_warnings_say_what_to_do(tmp_path: Path) -> None:
    letters = "abcdefgh"
    log = tmp_path / "log.jsonl"
    rows = [
        {"step": s, "prompt_id": p, "answer": a}
        for s in (1, 400)
        for p in "xy"
        for a in (letters if s > 1 else "a" * 8)
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = page_of(tmp_path, log)
    assert "step 400: 100% of the answers are singletons: the estimate is a lower bound" in page
    assert "sample more, or extract answers" in page


@pytest.mark.slow
def test_a_log_without_steps_and_verdicts_has_a_page(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({"prompt_id": p, "answer": a}) + "\n" for p in "xy" for a in (1, 1, "1", None)))
    data = data_of(page_of(tmp_path, log))
    assert data["steps"] is None
    assert data["prompts"]["answers"][0] == [["1", 2, None], ["1", 1, None], ["(no answer)", 1, None]]


@pytest.mark.slow
@pytest.mark.parametrize("answers", [["a", None], [None, None], ["a", "b"]])
def test_groups_of_one_have_a_page_with_what_is_known(tmp_path: Path, answers: list[str | None]) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({"prompt_id": i, "answer": a}) + "\n" for i, a in enumerate(answers)))
    prompts = data_of(page_of(tmp_path, log))["prompts"]
    assert prompts["columns"]["collapse_rank"] == [None, None]
    assert [bars[0][1] for bars in prompts["answers"]] == [1, 1]


@pytest.mark.slow
def test_one_run_says_what_plug_in_would_have_shown(page: str) -> None:
    assert re.search(r"<dt>plug_in would have shown</dt><dd>[\d.]+ ± [\d.]+</dd>", page)


@pytest.mark.slow
def test_the_head_has_the_entropy_of_every_prompt_also_where_groups_have_no_table(tmp_path: Path) -> None:
    """Groups of 1,500 have no table of aqp; all 1,500 answers are one, so that their entropy is 0 by any method."""
    log = tmp_path / "log.jsonl"
    answers = {"large": "a" * 1500, "small": "ab" * 8}
    log.write_text(
        "".join(json.dumps({"prompt_id": p, "answer": a}) + "\n" for p, text in answers.items() for a in text)
    )
    page = page_of(tmp_path, log)
    head = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page))
    # harmonic of 8 of 16 is Σ_{j=8}^{15} 1/j = 0.725372, plug_in log 2 = 0.693147; half of each, ± that over √1
    assert "entropy in nats" not in head
    assert head["entropy in nats, by harmonic"] == "0.36 ± 0.36"
    assert head["plug_in would have shown"] == "0.35 ± 0.35"
    log.write_text("".join(json.dumps({"prompt_id": "small", "answer": a}) + "\n" for a in answers["small"]))
    assert "entropy in nats" in dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page_of(tmp_path, log)))


SAMPLES = {  # of logs as tools write them, and how their answers are found
    **dict.fromkeys(["inspect", "open_instruct", "plain_steps", "trl", "verl_validation"], ()),
    **dict.fromkeys(["human_eval", "lm_eval"], ("--extract", "last-number")),
    **dict.fromkeys(["hf_lists", "nemo_rl", "prime_rl", "skyrl", "slime"], ("--extract", "boxed")),
    **dict.fromkeys(["verifiers_legacy", "verifiers_v1", "verl_rollout", "vllm_script"], ("--extract", "boxed")),
}


DRAWN = ("inspect", "plain_steps", "skyrl", "verl_validation")  # every figure that another of them has is among theirs


@pytest.mark.slow
@pytest.mark.skipif(not LOGS.is_dir(), reason="no samples of logs")
@pytest.mark.parametrize("layout", SAMPLES)
def test_every_layout_has_a_page(
    layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    options = SAMPLES[layout]
    if layout not in DRAWN:
        request.getfixturevalue("undrawn")
    assert exit_code("report", LOGS / layout, *options, "--out", tmp_path / "page.html") == 0
    data = data_of((tmp_path / "page.html").read_text(encoding="utf-8"))
    capsys.readouterr()
    assert exit_code("score", LOGS / layout, *options, "--target", "log", "--json") == 0
    measures = json.loads(capsys.readouterr().out)["measures"]
    distinct = data["runs"]["measures"]["distinct"]["mean"]
    assert distinct == pytest.approx([measures["distinct"]["mean"]] * len(distinct), rel=1e-5)


def many(steps: int, prompts: int) -> GroupStatistics:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 9, (steps * prompts, 8))
    of_row = np.repeat(np.arange(steps * prompts), 8).tolist()
    keys = {"step": np.repeat(np.arange(steps), prompts).tolist(), "prompt": [f"p{i}" for i in range(steps * prompts)]}
    return group_statistics(group_rows(of_row), codes.ravel().tolist(), keys)


@pytest.mark.usefixtures("undrawn")
def test_a_page_stays_small_and_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyest.report.prompts.MOST", 50)
    report = report_of([many(10, 30)], "title")
    assert report.data["prompts"]["all"] == 300
    ranks = report.data["prompts"]["columns"]["collapse_rank"]
    assert ranks == [*range(1, 26), *range(276, 301)]


@pytest.mark.slow
def test_a_page_of_1000_steps_and_1000_prompts_has_less_than_5_mb() -> None:
    """A twentieth of the prompts: what grows with the prompts of a step is the table, which is cut at 2,000."""
    assert len(html(report_of([many(1000, 50)], "title")).encode()) < 5e6


@pytest.mark.usefixtures("undrawn")
def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    statistics = many(1, 2)
    with pytest.raises(ArgumentError, match=r"cannot be written: .*name another"):
        write_report(report_of([statistics], "title"), tmp_path / "none" / "page.html")


@pytest.mark.slow
def test_the_same_log_gives_the_same_bytes() -> None:
    assert html(report_of([many(3, 4)], "t")) == html(report_of([many(3, 4)], "t"))


@pytest.mark.usefixtures("undrawn")
def test_answers_that_are_not_known_are_question_marks() -> None:
    """A record that knows no answers has counts, and question marks for answers."""
    from dataclasses import replace

    statistics = replace(statistics_of_codes(np.array([[1, 1, 2]])), keys={"prompt": ["x"]})
    assert report_of([statistics], "t").data["prompts"]["answers"] == [[["?", 2, None], ["?", 1, None]]]


@pytest.mark.slow
def test_all_prompts_are_there(page: str) -> None:
    data = data_of(page)
    assert {*data["prompts"]["columns"]["prompt_id"]} == {*PROMPTS}
