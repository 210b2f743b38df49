"""Which parts of a page of the site are formulas, and these as MathML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from typing import NamedTuple

from formulas import ACCENTS, BARS, FUNCTION, LOWERED, RAISED, SPACED, mathml
from markdown import Markdown
from markdown.extensions import Extension

BLOCK = re.compile(r'<div class="highlight"><pre><span></span><code>([^<]*)</code></pre></div>')
OF_FORMULAS = re.compile(r"[Σ∫∇≤≥≈≠∈·√²−]")
OF_CODE = re.compile(r"# |--|>>>|^(?:from|import|def|class|\w+ = \w+\() ", re.MULTILINE)
NO_PROSE = re.compile(r"(<(pre|code|math|a|h[1-6]|script|style|svg)\b.*?</\2>|<[^>]*>)", re.DOTALL)
LONGEST_LINE = 24  # without a place to break it
WIDEST = 36  # on a telephone
PUNCTUATION = re.compile(r"[^\w\s]*(?:s\b)?")

_NAME = r"(?:plug_in|payoff|reward_weight|weight|offset|slack|excess|correct|rank|mean|pay|past)(?!\w)"
_BRACES = r"\{(?:[^{}]|\{[^{}]*\})*\}"
_LETTER = rf"(?:(?<![A-Za-z])[A-Za-z]|[^\W\d_A-Za-zΣΠᵀµ])[{ACCENTS}]?(?![0-9])(?!(?<=[A-Za-z])[A-Za-z])"
_INDEX = rf"[_^](?:{_BRACES}|\([^)]*\)|−?(?:[^\W\d_]+[{ACCENTS}]?|\d+|[∗∞]))"
_PRODUCT = r"(?:p[Qr]|TQ|KT|d[tps]|tC)(?![A-Za-z0-9])"  # of two letters without a sign
_MARKS = rf"[{''.join(RAISED)}{''.join(LOWERED)}{''.join(SPACED)},!#…½]|\.\."
LETTERS = rf"{_PRODUCT}|{_LETTER}|{_INDEX}|[ΣΠ∫√∇∞]"
WORD = re.compile(rf"(?:{FUNCTION}|{_NAME}|{LETTERS}|\d+(?:[.,]\d+)*|[()\[\]{{}}⟨⟩]|{_MARKS})+")
NO_FORMULAS = re.compile(r"'.*|[IN]/[OA]|A/B|\([a-d]\)")
SIGNS = {*SPACED, "…", ".."}
UNITS = {"s", "h", "m", "B"}
OPENING, CLOSING = "([{⟨", ")]}⟩"
WORDS = re.compile(rf"(?:[_^]{_BRACES}|\S)+")


class Piece(NamedTuple):
    """A word that may be part of a formula: a letter makes it one, the others go with it."""

    start: int
    stop: int
    role: str


class NoUnderscores(Extension):
    """Of Markdown: only asterisks emphasise."""

    def extendMarkdown(self, md: Markdown) -> None:
        if hasattr(md, "delimiters"):
            md.delimiters.remove("_")
        else:  # Markdown before 3.11
            md.inlinePatterns.deregister("em_strong2")


def displayed(html: str) -> str:
    """The page with its formulas that stand by themselves: blocks that say no language and are no code."""

    def typeset(block: re.Match[str]) -> str:
        text = unescape(block[1])
        return _lines(text) if is_formula(text) else block[0]

    return BLOCK.sub(typeset, html)


def is_formula(block: str) -> bool:
    """Of a block without a language.

    >>> is_formula("β(c) = sup_p p·|Q_c(p) − r(p)|"), is_formula("polyest solve --target log  # −1")
    (True, False)
    """
    return bool(OF_FORMULAS.search(block)) and not OF_CODE.search(block)


def _lines(text: str) -> str:
    """Each line in its pieces, which wide gaps part; a narrow window breaks it there."""
    lines = [re.split(r"\s{3,}", line.strip()) for line in text.splitlines() if line.strip()]
    rows = ["".join(mathml(piece, display=True) for piece in line) for line in lines]
    return f'<div class="formula">{"".join(f"<div>{row}</div>" for row in rows)}</div>'


def within_prose(html: str) -> str:
    """The page with its formulas that stand in sentences."""
    parts = NO_PROSE.split(html)
    return "".join(_sentence(part) if i % 3 == 0 else part for i, part in enumerate(parts) if i % 3 != 2)


def _sentence(html: str) -> str:
    text, done, end = unescape(html), [], 0
    for start, stop in formulas_in(text):
        done += [escape(text[end:start], quote=False)]
        end = stop + len(PUNCTUATION.match(text, stop)[0])
        done += [_breakable(text[start:stop], escape(text[stop:end], quote=False))]
    return "".join([*done, escape(text[end:], quote=False)]) if done else html


def _breakable(text: str, after: str) -> str:
    """A long formula may break after its relations and signs outside of brackets; punctuation stays with its end."""
    pieces = [""]
    for word in re.split(r"(?<= )", text) if len(text) > LONGEST_LINE else [text]:
        pieces[-1] += word
        closed = _depth(pieces[-1]) == 0 and all(pieces[-1].count(bar) % 2 == 0 for bar in BARS)
        if closed and word.strip() in SPACED:
            pieces.append("")
    typeset = [_scrolled(piece.rstrip()) if len(piece) > WIDEST else mathml(piece.rstrip()) for piece in pieces]
    typeset[-1] = f'<span class="joined">{typeset[-1]}{after}</span>' if after else typeset[-1]
    return "<wbr>".join(typeset)


def _scrolled(text: str) -> str:
    return f'<span class="wide">{mathml(text)}</span>'


def formulas_in(text: str) -> Iterator[tuple[int, int]]:
    """From where to where.

    >>> text = "A group has K ≥ 2 completions, and a table c_0 … c_{K−1}."
    >>> [text[start:stop] for start, stop in formulas_in(text)]
    ['K ≥ 2', 'c_0 … c_{K−1}']
    """
    run: list[Piece] = []
    for match in WORDS.finditer(f"{text} ∎"):
        role, stop = _role(match[0], text[: match.start()]), match.end()
        run += [Piece(match.start(), stop, role)] if role else []
        if not role or (match[0][-1] in ",.:;" and _depth(text[run[0].start : stop].lstrip("([")) <= 0):
            yield from _trimmed(text, run)
            run = []


def _role(word: str, before: str) -> str:
    """Of a `Piece`; none for a word of the sentence."""
    core = _core(word)
    if not WORD.fullmatch(core) or NO_FORMULAS.fullmatch(core):
        return ""
    if core in UNITS and re.search(r"\d\s$", before):
        return ""
    if name := re.fullmatch(rf"[(\[]?(?:({FUNCTION})|{_NAME}|[aAI])", core):
        return "function" if name[1] else "name"
    return "sign" if word in SIGNS else "letter" if re.search(LETTERS, core) else "joint"


def _core(text: str) -> str:
    """Without the sentence's punctuation, a genitive's s, and brackets that belong to the sentence."""
    text = re.sub(r"['’]s$", "", text.rstrip(",.:;")) or text
    return _core(text[:-1]) if text and text[-1] in CLOSING and _depth(text) < 0 else text


def _depth(text: str) -> int:
    return sum(map(text.count, OPENING)) - sum(map(text.count, CLOSING))


def _is_defined(text: str, last: Piece) -> bool:
    """As log, by itself, in r = log."""
    return last.role == "function" and text[: last.start].endswith("= ")


def _trimmed(text: str, run: list[Piece]) -> Iterator[tuple[int, int]]:
    """Where the formulas are in a run of words that could be one."""
    while run and run[-1].role in ("name", "sign", "function") and not _is_defined(text, run[-1]):
        run = run[:-1]
    while run and (run[0].role == "sign" or (run[0].role == "name" and run[1].role != "sign")):
        run = run[1:]
    if all(piece.role != "letter" for piece in run):
        return
    start, stop = run[0].start, run[0].start + len(_core(text[run[0].start : run[-1].stop]))
    depths = [_depth(text[start:end]) for end in range(start, stop + 1)]
    if depths[-1] == 0 and min(depths) == 0:
        yield start, stop
    elif depths[-1] > 0:  # by a bracket of the sentence
        last = max(i for i, piece in enumerate(run) if _depth(text[piece.start : stop]) > 0)
        yield from _trimmed(text, run[:last])
        if text[run[last].start] in OPENING:
            yield from _trimmed(text, [run[last]._replace(start=run[last].start + 1), *run[last + 1 :]])
