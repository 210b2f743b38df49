"""What mkdocs does not do by itself: pages that are written elsewhere, and links that leave the folder of the pages."""

from __future__ import annotations

import argparse
import json
import math
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

import typesetting

import polyest
from polyest import cli
from polyest.storage import store

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(#[^)\s]*)?(?=\))")
CITED = re.compile(r"(?:docs/)?(theory|graded|convergence)\.md((?:(?:,|, and| and)? §\d+)*)")
LARGEST_GROUP = 64  # of the playground
NO_MATHEMATICS = (
    "index",
    "changelog",
    "benchmarks",
    "design",
    "reference/cli",
    "notebooks/",
)  # whose letters are no formulas
IN_CHECKOUT = "checkout:"
HOME = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """In ∫_0^1 and (x)_j an underscore is an index."""
    config.markdown_extensions.append(typesetting.NoUnderscores())
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The README as the home page, the changelog, and figures that benchmarks wrote."""
    from mkdocs.structure.files import File

    written = {page: _from_root((ROOT / name).read_text(encoding="utf-8")) for name, page in HOME.items()}
    for page, text in written.items():
        files.append(File.generated(config, page, content=text))
    files.append(File.generated(config, "playground/index.html", content=playground()))
    for figure in sorted((ROOT / "benchmarks").rglob("results/**/*.png")):
        place = figure.relative_to(ROOT).as_posix()
        files.append(File.generated(config, place, abs_src_path=str(figure)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Links out of the folder lead to the figure's copy, or are the name of the file in the checkout."""
    folder = posixpath.dirname(page.file.src_uri)
    if page.file.src_uri == "papers.md":
        page.meta["hide"] = ["navigation", "toc"]  # its table needs their room

    def replaced(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", folder, match[1]))
        inside = posixpath.relpath(target, "docs")
        if not inside.startswith(".."):
            return match[0]
        if target in HOME:
            return posixpath.relpath(HOME[target], folder or ".") + (match[2] or "")
        return posixpath.relpath(target, folder or ".") if target.endswith(".png") else f"{IN_CHECKOUT}{target}"

    text = LINK.sub(replaced, markdown)
    text = re.sub(rf"\[([^\]]*)\]\({IN_CHECKOUT}([^)]*)\)", _named, text)
    return text + _help_of_verbs() if page.file.src_uri == "reference/cli.md" else text


def _named(link: re.Match[str]) -> str:
    """A file that is no page of the site, by its words and its place."""
    words, place = link[1], link[2]
    is_name = posixpath.basename(place).startswith(words.strip("`").rpartition("/")[2])
    return f"`{place}`" if is_name else f"{words}, `{place}`"


def on_page_content(html: str, page: Page, **_: object) -> str:
    """Formulas, typeset; links from docstrings to the theory; and what a notebook lacks: texts for its pictures, code
    that the keyboard scrolls, links to pages of the site.
    """
    html = typesetting.displayed(html)
    if page.file.src_uri.startswith("reference/"):
        html = _with_sections(html)
    if not page.file.src_uri.startswith(NO_MATHEMATICS):
        html = typesetting.within_prose(html)
    if not page.file.src_uri.endswith(".ipynb"):
        return html
    html = re.sub(r"<img (?![^>]*\balt=)", '<img alt="the figure that this cell draws" ', html)
    html = html.replace('<div class="highlight-ipynb', '<div tabindex="0" class="highlight-ipynb')
    return re.sub(r'(href="[^":]+)\.(?:md|ipynb)(?=[#"])', r"\1.html", html)


def _with_sections(html: str) -> str:
    """Where a docstring says theory.md §3, outside of code, a link there."""
    parts = re.split(r"(<(pre|code)\b.*?</\2>)", html, flags=re.DOTALL)
    return "".join(CITED.sub(_linked, part) if i % 3 == 0 else part for i, part in enumerate(parts) if i % 3 != 2)


def _linked(cited: re.Match[str]) -> str:
    from markdown.extensions.toc import slugify

    name, sections = cited[1], cited[2]
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    titles = {number: slugify(title, "-") for title, number in re.findall(r"(?m)^## ((\d+)\. .*)$", text)}

    def section(match: re.Match[str]) -> str:
        return f'<a href="../{name}.html#{titles[match[1]]}">{match[0]}</a>'

    return f'<a href="../{name}.html">{name}</a>' + re.sub(r"§(\d+)", section, sections)


def on_post_page(output: str, **_: object) -> str:
    """The theme's search is a dialogue without a name."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"')


def _from_root(markdown: str) -> str:
    """A page of the project's root, moved into the folder of the pages."""

    def replaced(match: re.Match[str]) -> str:
        moved = match[1].removeprefix("docs/") if match[1].startswith("docs/") else f"../{match[1]}"
        return moved + (match[2] or "")

    return LINK.sub(replaced, markdown)


def playground() -> str:
    """The page with the shipped tables in it, as numbers that JavaScript reads to the last bit."""
    found: dict[str, dict[str, dict[int, object]]] = {}
    for problem in sorted(polyest.tables(), key=lambda p: p.budget is not None and p.budget.kind == "groups"):
        if problem.group_size <= LARGEST_GROUP and problem.method in ("aqp", "minimax"):
            table = store.load(problem)
            claims = table.certificate
            of_target = found.setdefault(problem.target, {})
            of_target.setdefault(str(problem.budget or problem.method), {})[problem.group_size] = {
                "c": table.coefficients,
                "bias": claims.worst_case_bias.upper,
                "noise": claims.noise.upper if math.isfinite(claims.noise.upper) else None,
            }
    page = (ROOT / "docs" / "playground" / "page.html").read_text(encoding="utf-8")
    return page.replace("TABLES</script>", f"{json.dumps(found, separators=(',', ':'))}</script>", 1)


def _help_of_verbs() -> str:
    parser = cli.build_parser()
    (verbs,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    shown = {"polyest": parser} | {f"polyest {name}": verb for name, verb in verbs.choices.items()}
    return "".join(f"\n## {name}\n\n```text\n{verb.format_help().rstrip()}\n```\n" for name, verb in shown.items())
