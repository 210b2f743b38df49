"""The page in headless Chromium: no errors, sorting, filtering, answers, and hostile text that stays text.

Skipped where there is no Chromium: ``apt-get install chromium``.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_support import EXTREMES, HOSTILE, write_extremes, write_log
from score_support import exit_code

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SUPPORT = Path(__file__).parents[1] / "support"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    flags = ["--no-sandbox", "--disable-gpu"]
    with (
        sync_api.sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=flags) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two runs, the second with hostile answers."""
    folder = tmp_path_factory.mktemp("runs")
    first = write_log(folder / "first" / "log.jsonl")
    second = write_log(folder / "second" / "log.jsonl", dict(zip("abcd", HOSTILE, strict=True)))
    assert exit_code("report", first, second, "--out", folder / "page.html") == 0
    return folder / "page.html"


@pytest.fixture(scope="module")
def extreme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a log of extreme texts."""
    folder = tmp_path_factory.mktemp("extreme")
    log = write_extremes(folder / "log.jsonl")
    assert exit_code("report", log, "--out", folder / "page.html", "--title", "</title><script>pwned = 4</script>") == 0
    return folder / "page.html"


@pytest.fixture(scope="module")
def opened(browser: Any, written: Path) -> Iterator[Any]:
    yield from silent(browser, written)


@pytest.fixture
def page(opened: Any) -> Iterator[Any]:
    """The page as it is when it is opened."""
    opened.emulate_media(color_scheme="light")
    opened.set_viewport_size({"width": 1280, "height": 720})
    opened.reload()
    yield opened
    assert opened.evaluate("window.pwned") is None
    opened.mouse.move(0, 0)


def silent(browser: Any, written: Path) -> Iterator[Any]:
    """The page, opened without a network; it must be silent."""
    context = browser.new_context(offline=True)
    opened, told = context.new_page(), []
    opened.on("console", lambda message: told.append(message.text))
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on(
        "request", lambda request: told.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    opened.goto(written.as_uri())
    yield opened
    assert told == []
    assert opened.evaluate("window.pwned") is None
    context.close()


def column(page: Any, number: int) -> list[str]:
    found: list[str] = page.locator(f"#prompts tbody tr:not(.answers) td:nth-child({number})").all_inner_texts()
    return found


def test_it_has_the_numbers_of_its_data(page: Any) -> None:
    prompts = json.loads(page.locator("#data").text_content())["prompts"]
    names = page.locator("#prompts thead th").all_inner_texts()
    assert [re.sub(r" [▲▼]$", "", name).replace(" ", "_") for name in names] == [*prompts["columns"]]
    for number, values in enumerate(prompts["columns"].values(), start=1):
        written = [value if isinstance(value, str) else f"{value:g}" for value in values]
        assert column(page, number) == written
    assert page.locator("figure svg").count() >= 8


def test_it_sorts(page: Any) -> None:
    header = page.locator("#prompts thead th", has_text="distinct")
    header.locator("button").click()
    rising = [*map(float, column(page, int(header.evaluate("cell => cell.cellIndex + 1"))))]
    assert rising == sorted(rising)
    assert header.get_attribute("aria-sort") == "ascending"
    header.locator("button").click()
    assert [*map(float, column(page, int(header.evaluate("cell => cell.cellIndex + 1"))))] == rising[::-1]


@pytest.mark.parametrize(
    ("text", "rows"), [("BOLD", 2), ("distinct <= 2", 2), ("distinct>2", 4), ("second", 3), ("nothing", 0), ("(.*", 0)]
)
def test_it_filters(page: Any, text: str, rows: int) -> None:
    page.locator("#filter").fill(text)
    assert len(column(page, 1)) == rows
    assert page.locator("#count").inner_text() == f"{rows} of 6 prompts"
    page.locator("#filter").fill("")
    assert len(column(page, 1)) == 6


def test_answers_are_bars_and_hostile_ones_are_text(page: Any) -> None:
    page.locator("#filter").fill("third")
    for number in (0, 1):
        page.locator("#prompts td button").nth(number).click()
    answers = page.locator(".bars .answer").all_inner_texts()
    assert sorted(answers) == sorted(["a", "b", HOSTILE[0], HOSTILE[1]])
    assert page.locator(".bars .bar.right").count() == 2
    assert page.locator("#prompts script, #prompts img").count() == 0
    page.locator("#prompts td button").first.click()
    assert page.locator(".bars").count() == 1
    expanded = [button.get_attribute("aria-expanded") for button in page.locator("#prompts td button").all()]
    assert expanded == ["false", "true"]


@pytest.mark.parametrize("width", [320, 390, 1280, 2000])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_window_in_light_and_dark(page: Any, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    light = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink)]
    assert (light[0] > light[1]) == (scheme == "light")
    assert page.locator("figure svg text").first.evaluate("text => getComputedStyle(text).fill") == ink


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrasts_are_those_of_level_aa(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.locator("#prompts td button").first.click()
    page.locator(".plot").first.focus()
    found = page.evaluate((SUPPORT / "contrasts.js").read_text())
    assert len(found) > 100
    assert {name: ratio for name, ratio in found.items() if ratio < 1} == {}


def test_values_are_read_off_with_the_pointer(page: Any) -> None:
    data = json.loads(page.locator("#data").text_content())["figures"][0]
    plot = page.locator(".plot").first
    plot.scroll_into_view_if_needed()
    area = plot.bounding_box()
    left, _, right, _ = data["box"]
    for end, step in ((left, 1), (right, 2)):
        page.mouse.move(area["x"] + end * area["width"], area["y"] + area["height"] / 2)
        shown = plot.locator(".values")
        assert shown.locator(".place").inner_text() == f"step {step}"
        values = [float(text.split(" ")[0].replace("−", "-")) for text in shown.locator(".estimate").all_inner_texts()]
        expected = [curve["y"][step - 1] for curve in data["curves"]]
        assert values == pytest.approx(expected, abs=0.06)
        assert plot.locator(".dot").count() == len(expected)
        line = plot.locator(".line").bounding_box()
        assert left * area["width"] <= line["x"] - area["x"] <= right * area["width"]
    page.mouse.move(0, 0)
    assert plot.locator(".values").count() == 0


def test_values_are_read_off_with_keys_and_told_to_screen_readers(page: Any) -> None:
    plot = page.get_by_role("slider", name="pass@k, values")
    for _ in range(200):
        page.keyboard.press("Tab")
        if plot.evaluate("plot => plot === document.activeElement"):
            break
    told = []
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight"):
        page.keyboard.press(key)
        told.append(plot.get_attribute("aria-valuetext").split(";")[0])
    assert told == ["k 1", "k 2", "k 4", "k 2", "k 8", "k 8"]
    assert plot.locator(".value").count() == 4  # two runs, first and last step
    described = page.locator(f"#{plot.get_attribute('aria-describedby')}").text_content()
    assert "step 1: from 0.542 at k 1" in described  # 4/8, 2/8 and 7/8 are correct
    page.keyboard.press("Escape")
    assert plot.locator(".values").count() == 0


def test_what_one_run_s_measures_estimate_fits_a_narrow_window(browser: Any, written: Path) -> None:
    assert exit_code("report", written.parent / "first", "--out", written.parent / "one.html") == 0
    for opened in silent(browser, written.parent / "one.html"):
        opened.set_viewport_size({"width": 400, "height": 800})
        measures = opened.locator("[aria-label='all measures']")
        assert measures.evaluate("table => table.scrollWidth <= table.clientWidth")


@pytest.mark.parametrize("width", [390, 1280])
def test_extreme_texts_stay_text_and_in_their_place(browser: Any, extreme: Path, width: int) -> None:
    for opened in silent(browser, extreme):
        opened.set_viewport_size({"width": width, "height": 900})
        buttons = opened.locator("#prompts tbody td button")
        for number in range(len(EXTREMES)):
            buttons.nth(number).click()
        answers = opened.locator(".bars .answer").all_text_contents()
        cut = {text if len(text) <= 60 else f"{text[:59]}…" for text in EXTREMES}
        assert {text.replace("\ud800", "\ufffd") for text in answers} >= {t.replace("\ud800", "\ufffd") for t in cut}
        assert opened.locator("main script, main img, main b").count() == 0
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.title() == "</title><script>pwned = 4</script>"
