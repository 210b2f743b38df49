"""Links of pages that leave their folder."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from places import ROOT
from scripts import module_of


@pytest.fixture(scope="module")
def hooks() -> Any:
    return module_of(ROOT / "docs" / "site_hooks.py")


LINKS = {
    "[all numbers](../../benchmarks/results/README.md)": "all numbers, `benchmarks/results/README.md`",
    "[CONTRIBUTING](../../CONTRIBUTING.md)": "`CONTRIBUTING.md`",
    "[`constraints.txt`](../../constraints.txt)": "`constraints.txt`",
    "[changelog](../../CHANGELOG.md#fixed)": "[changelog](../changelog.md#fixed)",
    "![a figure](../../benchmarks/results/games/gap.png)": "![a figure](../benchmarks/results/games/gap.png)",
    "[here](errors.md#a) and [there](https://a.b/c)": "[here](errors.md#a) and [there](https://a.b/c)",
}


def test_sections_that_docstrings_name_are_links(hooks: Any) -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="reference/games.md"))
    html = "<p>See theory.md §3 and §5, docs/convergence.md.</p><pre>theory.md §3</pre>"
    theory, sections = '<a href="../theory.html', ("#3-methods", "#5-advantages-without-new-bias")
    linked = f'{theory}">theory</a> {theory}{sections[0]}">§3</a> and {theory}{sections[1]}">§5</a>'
    expected = f'<p>See {linked}, <a href="../convergence.html">convergence</a>.</p><pre>theory.md §3</pre>'
    assert hooks.on_page_content(html, page) == expected


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_to_a_page_or_names_the_file(link: str, hooks: Any) -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="guides/logs.md"))
    assert hooks.on_page_markdown(f"See {link}.", page) == f"See {LINKS[link]}."
