"""Names of targets that leave something open: an error that says what to type."""

from __future__ import annotations

import pytest

import polyest
from polyest.errors import ArgumentError
from polyest.problems.targets import get_target
from polyest.storage.store import relative_path


@pytest.mark.parametrize("name", ["entropy", "Entropy", "shannon", "kl", "KL", " kl "])
def test_names_that_mean_log_without_doubt_are_log(name: str) -> None:
    assert get_target(name).name == "log"
    loaded, canonical = polyest.load(name, 16), polyest.load("log", 16)
    assert loaded.problem == canonical.problem
    assert loaded.table is canonical.table
    assert relative_path(loaded.problem) == relative_path(canonical.problem)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("gini", r"power\(1\) for r = p, or polynomial\(0,2\) for r = 2p"),
        ("Gini", r"power\(1\)"),
        ("brier", r"power\(1\)"),
        ("collision", r"power\(1\)"),
        ("chi2", r"power\(1\).*reference"),
        ("tsallis", r"power\(q-1\) for order q"),
        ("tsallis(2)", r"power\(q-1\) for order q"),
        ("renyi", r"power\(a-1\) for order a"),
        ("renyi(0.5)", r"power\(a-1\) for order a"),
        ("hellinger", r"power\(-0\.5\)"),
        ("js", r"js\(q\) with 0 < q ≤ 1, such as js\(0\.1\)"),
        ("JS", r"js\(0\.1\)"),
        ("worst_of(4)", r"polyest\.graded\.worst_of"),
        ("median_of(3)", r"polyest\.graded\.median_of"),
        ("l_statistic(0,1)", r"polyest\.graded\.l_statistic"),
        ("max@4", r"polyest\.graded\.best_of"),
        ("pass@4", r"polyest\.success\.pass_at"),
        ("majority_at(3)", r"polyest\.success\.majority_at"),
        ("power", r"power\(a\)"),
        ("polynomial", r"polynomial\(a_0,…\)"),
        ("entropy(2)", "must be written log"),
        ("LOG", "got 'LOG'; did you mean 'log'"),
        ("Power(2)", "did you mean 'power'"),
        ("entorpy", "did you mean 'entropy'"),
        ("helinger", r"did you mean 'hellinger'\? It leaves a factor open: type power\(-0\.5\)"),
        (
            "nope",
            r"must be one of log \(or entropy, shannon, kl\), power\(a\), .*; got 'nope'; did you mean 'entropy'\?$",
        ),
    ],
)
def test_names_that_leave_something_open_say_what_to_type(name: str, typed: str) -> None:
    with pytest.raises(ArgumentError, match=f"`target` .*{typed}") as caught:
        polyest.load(name, 16)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["power(1)", "polynomial(0,2)", "power(-0.5)", "js(0.1)", "power(0.5)"])
def test_what_the_messages_tell_to_type_is_a_target(name: str) -> None:
    assert get_target(name).name == name
