"""Groups spread over processes (gloo) score like groups in one process, and an error on one rank is one on all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import polyest
from polyest import identity
from polyest.online import answers as read
from polyest.problems.budget import Budget
from polyest.problems.problem import Problem
from polyest.storage import store
from polyest.storage.table import Table

torch = pytest.importorskip("torch")
adapter = pytest.importorskip("polyest.adapters.torch")
columns = pytest.importorskip("polyest.adapters.torch.columns")
gather = pytest.importorskip("polyest.adapters.torch.gather")
worker = pytest.importorskip("distributed_worker")

KINDS = ("rewards", "advantages", "value")
KIND_OF_DATA = {
    "integers": "integer none",
    "strings": "string none",
    "mixed": "mixed",
    "padded": "integer",
    "lists_and_tensors": "integer",
    "single": "single string",
    "own_target": "integer none",
}


WORLDS = (2, 3)


@pytest.fixture(scope="module")
def outcomes_of(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[dict[str, Any]]]:
    """Of every rank, by the number of ranks; the first has another hash seed, and each its own folder of tables."""
    folder = tmp_path_factory.mktemp("ranks")
    write_tables(folder / "coeffs-0")
    processes = []
    for rank in range(2):
        environment = os.environ | {"PYTHONHASHSEED": str(rank + 1)}
        command = [sys.executable, worker.__file__, str(rank), str(folder), *map(str, WORLDS)]
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert not any(process.returncode for process in processes), errors
    files = {world: [folder / f"{world}-{rank}.json" for rank in range(world)] for world in WORLDS}
    return {world: [json.loads(file.read_text()) for file in ranks] for world, ranks in files.items()}


@pytest.fixture(params=WORLDS)
def ranks(request: pytest.FixtureRequest, outcomes_of: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return outcomes_of[request.param]


def write_tables(folder: Path) -> None:
    """Files for `log` at a budget that is not shipped, K = 2 and 3; their numbers do not matter here."""

    def table(K: int, inner: Table | None) -> Table:
        problem = Problem("log", K, "aqp", Budget("bias_budget", Fraction(143, 100)))
        return Table(problem, (-1.0,) * K, kappa=143, leave_one_out=inner)

    for K in (2, 3):
        store.write(table(K, table(K - 1, None)), folder)


def one_process(case: str, kind: str, world: int) -> Any:
    """What one process with all completions gets from polyest itself."""
    data, given = worker.data(KIND_OF_DATA[case], world), worker.CASES[case](1, world)
    options = {name: given[name] for name in ("method", "padding_id", "no_answer_reward") if name in given}
    reference = np.array(data.reference) if given.get("reference") is not None else None
    function = getattr(polyest, kind)
    return function(data.answers, data.groups, given["target"], reference=reference, **options)


@pytest.mark.filterwarnings("ignore:.*one completion")
@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("case", KIND_OF_DATA)
def test_every_rank_gets_the_scores_of_its_own_completions(ranks: list[dict[str, Any]], case: str, kind: str) -> None:
    expected, world = one_process(case, kind, len(ranks)), len(ranks)
    data = worker.data(KIND_OF_DATA[case], world)
    for rank, outcomes in enumerate(ranks):
        numbers = outcomes[f"{case} {kind}"]["numbers"]
        np.testing.assert_array_equal(numbers, expected[data.rows(rank)])


@pytest.mark.filterwarnings("ignore:.*one completion")
@pytest.mark.parametrize("case", KIND_OF_DATA)
def test_every_rank_gets_the_values_of_its_own_groups(ranks: list[dict[str, Any]], case: str) -> None:
    ids, means = one_process(case, "value", len(ranks))
    expected = dict(zip(list(ids), means.tolist(), strict=True))
    data, padding = worker.data(KIND_OF_DATA[case], len(ranks)), worker.CASES[case](0, len(ranks)).get("padding_id")
    for rank, outcomes in enumerate(ranks):
        got, part = outcomes[f"{case} value"], data.part(rank)
        pairs = zip(part["answers"], part["groups"], strict=True)
        held = list(dict.fromkeys(group for answer, group in pairs if padding is None or answer != padding))
        assert got["ids"] == held
        np.testing.assert_array_equal(got["numbers"], [expected[group] for group in held])


@pytest.mark.filterwarnings("ignore:.*one completion")
@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_lost_completions_score_as_in_one_process(ranks: list[dict[str, Any]], kind: str) -> None:
    data = worker.data("integer", len(ranks))
    given = worker.weights_and_mask(*map(torch.tensor, (data.answers, data.groups)))
    options = {"weights": given["weights"].double().numpy(), "usable": given["usable"].numpy()}
    expected = getattr(polyest, kind)(data.answers, data.groups, "log", method="harmonic", **options)
    for rank, outcomes in enumerate(ranks):
        got = outcomes[f"weighted {kind}"]
        if kind == "value":
            means = dict(zip(expected[0], expected[1].tolist(), strict=True))
            np.testing.assert_array_equal(got["numbers"], [means[group] for group in got["ids"]])
        else:
            np.testing.assert_array_equal(got["numbers"], expected[data.rows(rank)])


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64, torch.uint64, torch.bool])
def test_integers_stay_integers_from_the_tensors_to_the_runtime(dtype: torch.dtype) -> None:
    answers = torch.tensor([0, 1, 1, 0, 1, 0]).to(dtype) * (2**63 if dtype == torch.uint64 else 1)
    groups = torch.tensor([5, 5, 5, -7, -7, -7])
    everyone = gather.gather(lambda: columns.Columns(answers, groups, None, None, None, None).read("settings"), None)
    for kept, given in ((everyone.answers, answers), (everyone.groups, groups)):
        assert isinstance(kept, np.ndarray)
        assert kept.dtype.kind in "iu"
        np.testing.assert_array_equal(kept, given.numpy())
    scores = adapter.rewards(answers, groups, "log", "harmonic", dtype=torch.float64)
    np.testing.assert_array_equal(scores, polyest.rewards(answers.numpy(), groups.numpy(), "log", method="harmonic"))


@pytest.mark.parametrize("answers", [["a", "b", "b", "a"], [1, None, 2, 1], [(1, "x"), 2**70, 0.5, (1, "x")]], ids=str)
@pytest.mark.parametrize("groups", [["p", "p", "q", "q"], [7, 7, "q", "q"]], ids=str)
def test_what_is_encoded_once_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch, answers: Any, groups: Any) -> None:
    """One column of answers and one of groups go through a dictionary each; the runtime hashes nothing."""
    seen: list[str] = []

    def watched(name: str, module: ModuleType) -> None:
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: seen.append(name) or function(*given))

    expected = {kind: getattr(polyest, kind)(answers, groups, "log", "harmonic") for kind in KINDS}
    watched("encode", identity)
    watched("by_dictionary", read)
    watched("by_small_dictionary", read)
    for kind in KINDS:
        found = getattr(adapter, kind)(answers, groups, "log", "harmonic", dtype=torch.float64)
        if kind == "value":
            assert found[0] == expected[kind][0]
        numbers = [given[1] if kind == "value" else given for given in (found, expected[kind])]
        np.testing.assert_array_equal(*numbers)
    assert seen == ["encode", "encode"] * len(KINDS)


def test_the_data_is_spread_as_the_tests_say(ranks: list[dict[str, Any]]) -> None:
    """Groups are split, counts are uneven, a rank has none, and first appearances differ."""
    world = len(ranks)
    data = worker.data("string none", world)
    assert data.rows(world - 1) == []
    mixed = worker.data("mixed", world)
    parts = [mixed.part(rank) for rank in range(world)]
    assert len({len(part["answers"]) for part in parts}) == world
    assert set(parts[0]["groups"]) & set(parts[1]["groups"])
    orders = [list(dict.fromkeys(part["answers"])) for part in parts]
    assert orders[0] != orders[1]


@pytest.mark.parametrize("kind", KINDS)
def test_groups_of_one_score_nan_with_a_warning_where_they_are(ranks: list[dict[str, Any]], kind: str) -> None:
    data = worker.data("single string", len(ranks))
    home = data.owner[data.groups.index("alone")]
    for rank, outcomes in enumerate(ranks):
        got = outcomes[f"single {kind}"]
        assert len(got["warnings"]) == (rank == home)
        assert int(np.isnan(got["numbers"]).sum()) == (rank == home)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("case", "error", "told"),
    [
        ("floats_on_one_rank", "ArgumentError", "float64"),
        ("targets_differ", "ArgumentError", "power(1)"),
        ("reference_on_one_rank", "ArgumentError", "`reference`"),
        ("weights_on_one_rank", "ArgumentError", "`weights`"),
        ("no_table", "TableNotFoundError", "polyest solve"),
        ("table_on_some_disks", "TableNotFoundError", "bias_budget=1.43"),
    ],
)
def test_what_one_rank_refuses_every_rank_refuses(
    ranks: list[dict[str, Any]], case: str, error: str, told: str, kind: str
) -> None:
    for outcomes in ranks:
        got = outcomes[f"{case} {kind}"]
        assert got.get("error") == error, got
        assert told in got["message"]


def test_an_unknown_option_is_an_error_on_every_rank(ranks: list[dict[str, Any]]) -> None:
    for outcomes in ranks:
        assert outcomes["option_unknown rewards"]["error"] == "ArgumentError"


def test_only_members_may_call(ranks: list[dict[str, Any]]) -> None:
    assert ranks[0]["subgroup"]["numbers"] == [-0.5, -0.5, -1.5]
    for outcomes in ranks[1:]:
        assert outcomes["subgroup"]["error"] == "ArgumentError"


def test_ranks_are_still_in_step_after_all_these_errors(ranks: list[dict[str, Any]]) -> None:
    for outcomes in ranks:
        assert outcomes["still in step"] == outcomes["integers rewards"]


def test_scoring_does_not_load_the_compiler(ranks: list[dict[str, Any]]) -> None:
    """Which takes as long to be loaded as torch itself."""
    assert not any(outcomes["the compiler is loaded"] for outcomes in ranks)
