"""The benchmarks' measured and exact biases, on the committed rollouts and on real ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
import pytest
from places import ROOT

import polyest
from benchmarks.bias import Measurement, Truth, expected, measure, read_answers, read_truth
from benchmarks.real_rollouts import GAME24, mean_bias

METHODS = ("plug_in", "harmonic", "aqp")


@pytest.fixture(scope="module")
def measured() -> Mapping[str, Measurement]:
    answers, truth = read_answers(), read_truth()
    return {method: measure(polyest.load("log", 16, method), answers, truth) for method in METHODS}


def test_the_rollouts_are_what_the_readme_says() -> None:
    answers, truth = read_answers(), read_truth()
    assert list(answers) == list(truth)
    assert {len(given) for given in answers.values()} == {64}
    assert len(answers) == 200
    for prompt, known in truth.items():
        p = np.array(list(known.probabilities.values()))
        assert set(answers[prompt]) == set(known.probabilities)
        assert p.sum() <= 1 + 1e-9
        assert -(p * np.log(p)).sum() <= known.entropy + 1e-9
    assert sum(path.stat().st_size for path in (ROOT / "benchmarks" / "rollouts").iterdir()) < 1e6


@pytest.mark.parametrize("method", METHODS)
def test_no_prompt_is_farther_off_than_its_certificate_and_four_standard_errors(
    method: str, measured: Mapping[str, Measurement]
) -> None:
    # The rollouts are committed, so this is no statistical test: it passes always or never.
    assert measured[method].beyond_certificate.max() <= 4


def test_the_bias_of_aqp_is_at_least_five_times_smaller_than_that_of_plug_in(
    measured: Mapping[str, Measurement],
) -> None:
    assert abs(measured["plug_in"].total) >= 5 * abs(measured["aqp"].total)


def test_expected_and_measured_bias_agree_with_enumeration() -> None:
    """All groups of three over two answers, each weighted with its probability."""
    estimator = polyest.load("log", 3, "plug_in")
    truth = Truth({"a": 0.7, "b": 0.3}, entropy=-(0.7 * math.log(0.7) + 0.3 * math.log(0.3)))
    mean = 0.0
    for group in itertools.product("ab", repeat=3):
        probability = math.prod(truth.probabilities[z] for z in group)
        mean += probability * measure(estimator, {"x": [*group, *group]}, {"x": truth}).bias[0]
    assert expected(estimator, [0.7, 0.3]) == pytest.approx(mean, abs=1e-14)
    assert abs(mean) <= truth.certificate(estimator)


def test_the_certificate_of_a_prompt_bounds_its_bias_however_few_answers_were_drawn() -> None:
    p = np.random.default_rng(0).dirichlet(np.full(50, 0.2))
    entropy = float(-(p * np.log(p)).sum())
    for method in METHODS:
        estimator = polyest.load("log", 16, method)
        for drawn in (0, 1, 10, 50):
            truth = Truth({str(i): x for i, x in enumerate(p[:drawn])}, entropy)
            assert abs(expected(estimator, p)) <= truth.certificate(estimator)


@pytest.mark.skipif(not GAME24.is_file(), reason="needs the real rollouts in ../shared/data")
@pytest.mark.parametrize(("method", "nats"), [("plug_in", 0.575), ("harmonic", 0.342), ("aqp", 0.016)])
def test_bias_of_the_entropy_of_real_answers(method: str, nats: float) -> None:
    # Expected values: the first issue, "What it must show"; −0.016 of aqp is the entropy, +0.016 the reward
    assert mean_bias(method, read_answers(GAME24)) == pytest.approx(nats, abs=5e-4)
