"""What of a page is a formula."""

from __future__ import annotations

import doctest

import pytest

markdown = pytest.importorskip("markdown")
import typesetting  # noqa: E402

SENTENCES = {
    "A group of K completions (K ≥ 2), paid c[m_i].": ["K", "(K ≥ 2)", "c[m_i]"],
    "With y_1 … y_K ~ π(·|x), and p ∈ (0, 1], the bias": ["y_1 … y_K ~ π(·|x)", "p ∈ (0, 1]"],
    "so that Q_c's bias is O(1/K): E∗_K's": ["Q_c", "O(1/K)", "E∗_K"],
    "T = Σ_j c'[m_j] is known (with c'[K−1] := 0).": ["T = Σ_j c'[m_j]", "c'[K−1] := 0"],
    "the table of Q_{(c_0 … c_{K−2})}, max c − min c": ["Q_{(c_0 … c_{K−2})}", "max c − min c"],
    "V(c) ≤ ρ·V(plug_in), weight w, weight·sign·Φ_Q": ["V(c) ≤ ρ·V(plug_in)", "w", "weight·sign·Φ_Q"],
    "For r = log, F = 1": ["r = log", "F = 1"],
    "independent, i.i.d. (a) I/O of a GB in 0.02 s, 95 % of 10,662 and A log, e.g. §3, pass@k, worst_case": [],
    "for a reason (a crash, K = 8), max S − max of the rest, 630 µs": ["K = 8", "max S"],
    "in m (K = 16 begins": ["m", "K = 16"],
    "the weight on z)/ν_t(z), the noise": [],
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_formulas_in_a_sentence(sentence: str) -> None:
    assert [sentence[start:stop] for start, stop in typesetting.formulas_in(sentence)] == SENTENCES[sentence]


def test_only_the_text_of_a_page_has_formulas() -> None:
    kept = '<h2 id="k">K</h2><pre>K</pre><code>K</code><a href="K">K</a><img alt="K">'
    assert typesetting.within_prose(kept) == kept
    assert typesetting.within_prose("<p>K &lt; 3, a &amp; b</p>").count("<math") == 2


def test_punctuation_stays_with_a_formula_and_a_long_one_can_break() -> None:
    page = typesetting.within_prose("<p>as F_Q(ν_t) ≥ F_Q(u) − L·KL(u‖ν_t), and</p>")
    assert page.count("<wbr>") == 2
    assert "</math>,</span> and" in page


def test_blocks_without_a_language_are_formulas_or_code() -> None:
    block = '<div class="highlight"><pre><span></span><code>{}</code></pre></div>'
    for code in ("pip install .    # −1", "make demo", "reward = f(x) # p·r", "from a import b·"):
        assert typesetting.displayed(block.format(code)) == block.format(code)
    page = typesetting.displayed(block.format("x ≤ 1,     y\n   z·p &lt; 2\n"))
    assert (page.count("<math"), page.count("<div")) == (3, 3)


def test_an_underscore_emphasises_nothing() -> None:
    page = markdown.Markdown(extensions=[typesetting.NoUnderscores()]).convert(
        "∫_0^s and (x)_j, *but* __that__ ∫_0^1 or (x)_ j"
    )
    assert page == "<p>∫_0^s and (x)_j, <em>but</em> __that__ ∫_0^1 or (x)_ j</p>"


def test_the_examples_run() -> None:
    assert doctest.testmod(typesetting).failed == 0
