"""`make docs`: the site is built without a warning, and its pages need nothing from elsewhere."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from addresses import addresses
from formula_text import as_typed, read_back
from places import ROOT

pytest.importorskip("mkdocs")
pytestmark = pytest.mark.slow
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src"}
SUPPORT = ROOT / "tests" / "support"
OF_KERNELS = ("IPKernelApp", "src/signaler.cpp")  # their warning, and their ZeroMQ, which may fail at its own end
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, check=False
    )
    said = [line for line in built.stderr.splitlines() if not any(name in line for name in OF_KERNELS)]
    assert (built.returncode, said) == (0, [])
    return folder


class Loaded(HTMLParser):
    """What a page loads, and its images without a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.silent: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in LOADED and found.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(found.get(LOADED[tag]) or "")
        if tag == "img" and not found.get("alt"):
            self.silent.append(str(found.get("src")))


def test_pages_load_nothing_from_other_hosts_and_every_picture_has_a_text(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        loaded = Loaded(page.read_text(encoding="utf-8"))
        assert [address for address in loaded.addresses if "//" in address and not address.startswith("data:")] == [], (
            page
        )
        assert loaded.silent == [], page


def test_examples_in_docstrings_are_code_and_verbs_have_their_help(site: Path) -> None:
    graded = (site / "reference" / "graded.html").read_text(encoding="utf-8")
    assert 'class="highlight"' in graded
    assert "&gt;&gt;&gt;" in graded
    assert "<blockquote>" not in graded
    command_line = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    assert all(f'id="polyest-{verb}"' in command_line for verb in ("list", "show", "solve", "verify", "score", "plot"))


def test_every_link_inside_the_site_leads_to_a_file_that_is_there(site: Path) -> None:
    """Those of notebooks, too, which mkdocs itself does not look at."""
    for page in sorted(site.rglob("*.html")):
        if page.name != "404.html":  # whose links are those of a site at the root of a host
            inside = [link for link in addresses(page.read_text(encoding="utf-8"), "href", tag="a") if ":" not in link]
            places = [page.parent / link.partition("#")[0] for link in inside if not link.startswith("#")]
            assert [place for place in places if not place.exists()] == [], page


MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)
BLOCK = re.compile(r"(?m)(?<=\n\n)(?: {4,}\S.*\n)+")


def test_every_formula_is_typeset_and_has_all_that_was_typed(site: Path) -> None:
    found = {
        page: [ElementTree.fromstring(math) for math in MATH.findall(page.read_text("utf-8"))]
        for page in site.rglob("*.html")
    }
    typed = [(math.get("alttext") or "", math) for page in found.values() for math in page]
    assert len(typed) > 1500
    assert [text for text, math in typed if read_back(math) != as_typed(text)] == []
    for source in sorted((ROOT / "docs").rglob("*.md")):
        blocks = [
            block for block in BLOCK.findall(source.read_text(encoding="utf-8")) if re.search("[Σ∫≤≥≠∈·²]", block)
        ]
        pieces = {piece for block in blocks for piece in re.split(r"\s{3,}|\n", block.strip())}
        page = site / source.relative_to(ROOT / "docs").with_suffix(".html")
        assert pieces <= {math.get("alttext") for math in found.get(page, [])}, source


def test_no_formula_is_left_as_code(site: Path) -> None:
    """In docstrings, too: blocks that are highlighted for no language."""
    for page in site.rglob("reference/*.html"):
        for block in re.findall(r"<pre><span></span><code>([^<]*)</code>", page.read_text(encoding="utf-8")):
            assert not re.search(r"[Σ∫]|\w_\w\b.* = ", block), (page, block)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class NothingToFind(Quiet):
    """With an empty index for the search, as what it looks through takes each page half a second to read."""

    INDEX = json.dumps({"config": {"lang": ["en"], "separator": " ", "pipeline": [], "fields": {}}, "docs": []})

    def do_GET(self) -> None:
        if not self.path.endswith("search_index.json"):
            return super().do_GET()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.INDEX.encode())
        return None


@contextmanager
def served(site: Path, handler: type[Quiet]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Of the site, the index of its search aside."""
    with served(site, NothingToFind) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium here; apt-get install chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with api.sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=flags) as found:
        yield found


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """An empty page of the browser, of the size of a desk's if no other is given."""
    with ExitStack() as stack:
        yield lambda width=1280, **options: stack.enter_context(
            closing(browser.new_page(viewport={"width": width, "height": 900}, **options))
        )


def pages(site: Path) -> list[str]:
    """All but 404.html, whose links are those of a site at the root of a host."""
    return sorted(found for page in site.rglob("*.html") if (found := page.relative_to(site).as_posix()) != "404.html")


def test_search_finds_a_term(site: Path, opened: Callable[..., Any]) -> None:
    page = opened()
    with served(site, Quiet) as address:
        page.goto(f"{address}/index.html")
        page.wait_for_function(
            "document.querySelector('.md-search-result__meta').textContent.includes('Type to start')"
        )
        page.get_by_placeholder("Search").press_sequentially("singletons")
        found = page.locator(".md-search-result__item").first
        found.wait_for(state="attached", timeout=60_000)
        assert "singleton" in (found.text_content() or "").lower()


WCAG = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
CONTRAST = "color-contrast"
# The rules about how a text looks, which are costly, look at what kinds.js marks; the others at every element.
BY_KIND = {CONTRAST: "[data-new]", "link-in-text-block": "[data-new]:is(a[href], [role=link])"}
# No rule of these looks at style sheets, which axe-core would read again on every page.
EVERY_RULE = {"runOnly": WCAG, "preload": {"assets": ["media"]}}
TABLES_SCROLL = """[...document.querySelectorAll('.md-typeset table:not([class])')]
    .every(table => table.closest('.md-typeset__scrollwrap'))"""
# axe-core looks at every element, and a formula has dozens, which have its colours: afterwards it is one. So is code.
FLAT = "document.querySelectorAll('{}').forEach(e => {{ e.textContent = e.textContent; }})"
FORMULAS, CODE = FLAT.format("math"), FLAT.format("pre code:not(:has([data-new]))")
BARS = ":is(.md-header, .md-tabs, .md-sidebar--primary, .md-footer):not(:has([data-new]))"
WITHOUT_BARS = f"document.querySelectorAll('{BARS}').forEach(e => e.remove())"
AT_ONCE = """const atOnce = new CSSStyleSheet();
atOnce.replaceSync('* { transition: none !important; }');
document.adoptedStyleSheets.push(atOnce);"""
KINDS = (SUPPORT / "kinds.js").read_text(encoding="utf-8")
ROOT_ELEMENT = "document.documentElement"
PALETTE = "[data-md-component=palette]"
DARKEN = f"""async () => {{
    const button = () => document.querySelector('{PALETTE} label:not([hidden])');
    const until = async (awaited, end = Date.now() + 30_000) => {{
        while (!awaited()) {{
            if (Date.now() > end) throw new Error(`in vain: ${{awaited}}`);
            await new Promise(resolve => setTimeout(resolve, 5)); }} }};
    if (!document.querySelector('{PALETTE}')) return false;
    await until(button);  // by the theme's script
    button().click();
    await until(() => document.body.dataset.mdColorScheme === 'slate');
    localStorage.clear();
    return true; }}"""


def axe_core() -> str:
    script = pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT
    rules = [{"id": rule, "selector": selector} for rule, selector in BY_KIND.items()]
    return f"{script}; axe.configure({json.dumps({'rules': rules})});"


def violations(page: Any, options: dict[str, object]) -> list[tuple[str, object]]:
    """Of axe-core's rules."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(axe_core())
    look = "options => axe.run({resultTypes: ['violations'], ...options})"
    found = page.evaluate(look, options)["violations"]
    return [(rule["id"], node["target"]) for rule in found for node in rule["nodes"]]


def of_new_kinds(page: Any) -> list[tuple[str, object]]:
    """What is wrong with the looks, of what looks like nothing before in the same tab."""
    return violations(page, {"runOnly": list(BY_KIND)}) if page.evaluate(KINDS) else []


def darken(page: Any) -> None:
    """By the theme's own button, and in a page without it as the system's scheme does."""
    if not page.evaluate(DARKEN):
        page.emulate_media(color_scheme="dark")


def resize(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})


def is_too_wide(page: Any, width: int) -> bool:
    resize(page, width)
    return bool(page.evaluate(f"{ROOT_ELEMENT}.scrollWidth > {ROOT_ELEMENT}.clientWidth"))


@pytest.fixture(scope="module")
def seen(site: Path, address: str, browser: Any) -> dict[str, list[object]]:
    """What is wrong with any page, each looked at once: at a telephone's width, then at a desk's, light, then dark.

    Its bars, where nothing in them looks new, are those of the first page of its folder, on which they stay.
    """
    found: dict[str, list[object]] = {name: [] for name in ("console", "width", "rules", "light", "dark")}
    with closing(browser.new_page()) as page:
        page.on("console", lambda message: found["console"].append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: found["console"].append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((address, "data:")) else found["console"].append(r.url))
        page.add_init_script(f"{AT_ONCE} {axe_core()}")
        folders = set()
        for place in pages(site):
            page.evaluate(f"{ROOT_ELEMENT}.hidden = true")  # what is left behind is not laid out again
            page.emulate_media(color_scheme="light")
            resize(page, 390)
            page.goto(f"{address}/{place}")
            page.wait_for_function(TABLES_SCROLL)
            found["width"] += [(place, width) for width in (390, 1280) if is_too_wide(page, width)]
            page.evaluate(FORMULAS)
            found["light"] += [(place, *told) for told in of_new_kinds(page)]
            darken(page)
            page.evaluate(KINDS)
            page.evaluate(CODE)
            if (folder := place.rpartition("/")[0]) in folders:
                page.evaluate(WITHOUT_BARS)
            folders.add(folder)
            for rule, target in violations(page, EVERY_RULE):
                found["dark" if rule in BY_KIND else "rules"].append((place, rule, target))
    return found


def test_a_browser_shows_every_page_without_an_error(seen: dict[str, list[object]]) -> None:
    assert seen["console"] == []


def test_no_page_is_wider_than_a_desks_window_or_a_telephones(seen: dict[str, list[object]]) -> None:
    assert seen["width"] == []


def test_pages_have_names_for_screen_readers_and_what_scrolls_takes_the_keyboard(seen: dict[str, list[object]]) -> None:
    """By the rules of axe-core for WCAG 2.2 AA; among them: pictures have a text, inline SVG of a role included."""
    assert seen["rules"] == []


def test_what_is_too_wide_of_a_formula_on_a_telephone_scrolls_by_keys(address: str, opened: Callable[..., Any]) -> None:
    page = opened(390)
    page.goto(f"{address}/theory.html")
    wide = "[...document.querySelectorAll('.formula, .wide')].filter(e => e.scrollWidth > e.clientWidth)"
    page.wait_for_function(f"{wide}.length && {wide}.every(e => e.tabIndex === 0)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_kind_of_text_has_contrast(seen: dict[str, list[object]], scheme: str) -> None:
    assert seen[scheme] == []


def test_a_pointer_darkens_a_page(address: str, opened: Callable[..., Any]) -> None:
    page = opened()
    page.goto(f"{address}/start.html")
    page.locator(f"{PALETTE} label:not([hidden])").click()
    page.wait_for_function("document.body.dataset.mdColorScheme === 'slate'")


SEEDS = {
    "a colour of one word": """e => {
        e.insertAdjacentHTML('beforeend', '<b id="seed" style="color: #787878">faint</b>'); }""",
    "paper behind a paragraph": "e => { e.style.background = getComputedStyle(e).color; }",
    "paper behind all": "e => { document.body.style.background = getComputedStyle(e).color; }",
    "an ancestor's opacity": "e => { e.parentElement.style.opacity = 0.2; }",
    "a rule of a style sheet": """e => {
        const style = '<style id="seed">article p:last-of-type {color: #787878}</style>';
        document.head.insertAdjacentHTML('beforeend', style); }""",
    "a link like the text around it": """e => {
        const colour = matchMedia('(prefers-color-scheme: dark)').matches ? '#ddd' : '#333';
        const style = `color: ${colour}; text-decoration: none`;
        e.insertAdjacentHTML('beforeend', `<a id="seed" href="#" style="${style}">faint</a>`); }""",
}
TAKEN_BACK = """e => {
    document.getElementById('seed')?.remove();
    for (const seeded of [e, e.parentElement, document.body]) seeded.removeAttribute('style'); }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_faint_text_or_link_on_a_later_page_is_found(address: str, opened: Callable[..., Any], scheme: str) -> None:
    """Where all before, and all else on it, has been seen."""
    page = opened(color_scheme=scheme)
    page.goto(f"{address}/graded.html")
    page.evaluate(FORMULAS)
    of_new_kinds(page)
    page.goto(f"{address}/faq.html")
    page.evaluate(FORMULAS)
    last = page.evaluate_handle("[...document.querySelectorAll('article p')].at(-1)")
    assert of_new_kinds(page) == []
    for name, seed in SEEDS.items():
        last.evaluate(seed)
        broken = "link-in-text-block" if "link" in name else CONTRAST
        assert {rule for rule, _ in of_new_kinds(page)} == {broken}, name
        last.evaluate(TAKEN_BACK)
        assert page.evaluate(KINDS) == 0, name


@pytest.mark.parametrize("place", ["playground/index.html", "start.html"])
def test_the_tab_key_reaches_everything_and_one_sees_where_it_is(
    address: str, opened: Callable[..., Any], place: str
) -> None:
    reachable = """[...document.querySelectorAll('a[href], button, input, select, textarea, [tabindex="0"]')]
        .filter(e => e.checkVisibility({visibilityProperty: true}) && e.tabIndex >= 0 && e.getClientRects().length)
        .filter(e => e.type !== 'radio')"""  # of which arrows choose one
    is_seen = """() => { const e = document.activeElement, s = getComputedStyle(e); e.dataset.reached = '1';
        return [e.outerHTML.slice(0, 90), s.outlineStyle !== 'none' || s.boxShadow !== 'none']; }"""
    page, unseen = opened(), []
    page.goto(f"{address}/{place}")
    for _ in range(page.evaluate(f"{reachable}.length") + 5):
        page.keyboard.press("Tab")
        element, seen = page.evaluate(is_seen)
        unseen += [] if seen or element.startswith("<body") else [element]
    missed = page.evaluate(f"{reachable}.filter(e => !e.dataset.reached).map(e => e.outerHTML.slice(0, 90))")
    assert (missed, unseen) == ([], [])
