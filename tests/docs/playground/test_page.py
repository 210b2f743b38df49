"""The playground: what it shows in Chromium is what the library computes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import polyest

pytest.importorskip("mkdocs")
api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; apt-get install chromium"),
]
TARGETS = ["log", "power(-0.25)", "power(-0.5)", "power(0.5)", "power(1.5)"]
GROUPS = 300


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import site_hooks

    path = tmp_path_factory.mktemp("playground") / "index.html"
    path.write_text(site_hooks.playground(), encoding="utf-8")
    complaints: list[str] = []
    with api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        with playwright.chromium.launch(executable_path=CHROMIUM, args=flags) as browser:
            page = browser.new_page()
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else complaints.append(r.url))
            page.goto(path.as_uri())
            yield page
    assert complaints == []


def test_random_groups_are_paid_as_the_library_pays_them(page: Any) -> None:
    """As many as the answers make of the size picked; what is left over is in none."""
    rng, typed = np.random.default_rng(0), []
    while sum(len(answers) // K for answers, K, _ in typed) < GROUPS:
        target, K = str(rng.choice(TARGETS)), int(rng.integers(2, 65))
        count = int(rng.integers(K, 4 * K))
        typed.append(([None if a == 0 else f"a{a}" for a in rng.integers(0, rng.integers(2, 2 * K), count)], K, target))
    script = """typed => typed.map(([answers, K, target]) => {
        const found = coefficients(target, K, "noise_budget=1.5"), groups = groupsOf(answers, K);
        const paid = ([name, c]) => [name, groups.map(group => score(group, c))];
        return Object.fromEntries(Object.entries(found).map(paid));
    })"""
    for (answers, K, target), shown in zip(typed, page.evaluate(script, typed), strict=True):
        groups = [answers[i : i + K] for i in range(0, len(answers) - K + 1, K)]
        assert set(shown) == {"plug_in", "aqp"} | ({"harmonic"} if target == "log" else set())
        for method, scores in shown.items():
            estimator = polyest.load(target, K, method)
            rewards = [score["rewards"] for score in scores]
            np.testing.assert_allclose(rewards, estimator.rewards(groups), rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose([s["value"] for s in scores], estimator.value(groups), rtol=1e-12, atol=1e-12)


def test_the_curves_are_those_of_the_library(page: Any) -> None:
    from polyest.polynomials import bernstein

    p = np.geomspace(1e-3, 1, 50)
    for target in TARGETS:
        c = polyest.load(target, 16).coefficients
        drawn = page.evaluate("([t, c, p]) => curves(t, c, p)", [target, c.tolist(), p.tolist()])
        np.testing.assert_allclose([d["bias"] for d in drawn], bernstein.bias(target, c, p), atol=1e-12)
        np.testing.assert_allclose([d["noise"] for d in drawn], bernstein.noise(target, c, p), atol=1e-12)


def test_what_is_typed_is_shown(page: Any) -> None:
    page.fill("#answers", "a\n<b>\na\n\n<script>alert(1)</script>")
    rows = page.locator("#paid tbody tr")
    assert [row.split("\t")[:2] for row in rows.all_inner_texts()] == [
        ["a", "2"],
        ["<b>", "1"],
        ["<script>alert(1)</script>", "1"],
        ["(no answer)", "1"],
    ]
    assert f"{polyest.load('log', 5).certificate.worst_case_bias.upper:.4g}" in page.inner_text("#said")
    assert page.locator("svg").count() == 2
    page.fill("#answers", "a")
    assert "two completions" in page.inner_text("#said")
    page.fill("#answers", ",".join("abcdefgh"))
    page.select_option("#budget", "minimax")
    assert "minimax" in page.inner_text("#value")


def test_the_size_of_groups_is_picked(page: Any) -> None:
    page.reload()
    page.fill("#answers", ",".join("aabbcabcabx"))
    page.select_option("#size", "5")
    rows = [row.split("\t")[:3] for row in page.locator("#paid tbody tr").all_inner_texts()]
    assert rows == [
        ["a", "1", "2"],
        ["b", "1", "2"],
        ["c", "1", "1"],
        ["a", "2", "2"],
        ["b", "2", "2"],
        ["c", "2", "1"],
    ]
    assert "Groups of 5: 2 of 11 answers; the last one is in none." in page.inner_text("#said")
    value = polyest.load("log", 5).value([list("aabbc"), list("abcab")]).mean()
    assert f"{value:.4f}".replace("-", "−") in page.inner_text("#value")


def test_a_size_without_answers_shows_its_certificate_and_pictures(page: Any) -> None:
    page.reload()
    page.fill("#answers", "")
    assert "choose K" in page.inner_text("#said")
    page.select_option("#size", "64")
    claim = polyest.load("log", 64).certificate
    for said in (
        "Groups of 64: 64 more make one.",
        f"≤ {claim.worst_case_bias.upper:.4g}",
        f"≤ {claim.noise.upper:.4g}",
    ):
        assert said in page.inner_text("#said")
    assert (page.locator("svg").count(), page.locator("#paid tr").count()) == (2, 1)
    page.fill("#answers", "a,b")
    assert "Groups of 64: 2 typed, 62 more make one." in page.inner_text("#said")


def test_the_longest_choice_fits_a_narrow_window(page: Any) -> None:
    before = page.viewport_size
    page.set_viewport_size({"width": 400, "height": 800})
    widths = [page.locator(name).bounding_box()["width"] for name in ("#answers", "#budget")]
    page.set_viewport_size(before)
    assert widths[1] == pytest.approx(widths[0], abs=1)


def test_the_keyboard_reaches_everything(page: Any) -> None:
    page.reload()
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert reached == ["A", "answers", "target", "size", "budget"]
