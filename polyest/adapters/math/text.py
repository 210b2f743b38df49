"""The writing of a mathematical answer: LaTeX without what means nothing, taken apart at its outermost signs."""

from __future__ import annotations

import re

__all__ = [
    "CLOSE",
    "OPEN",
    "clean",
    "decimals",
    "is_readable",
    "products",
    "sides",
    "spaceless",
    "split",
    "unwrapped",
    "words",
]

SIZES = r"\\(?:left|right)(?![a-z])\.?|\\[bB]igg?[lrm]?(?![a-z])"
BLANK = rf"(?:(?<!\\)\\[,;:!> ]|\\quad|\\qquad|\\displaystyle|{SIZES}|~|\s)+"
SAME = [  # what is read, what is written for it
    (r"\\\\\[-?[\d.]+ ?(?:pt|em|ex|mm|cm)\]", r"\\\\"),
    (r"\\(?:text)?color\{\w+\}", ""),
    (r"\\(?:d|t|c)(frac|binom)(?![a-zA-Z])", r"\\\1"),
    (r"\\(?:math(?:rm|it)|text)\{([ei])\}", r" \1 "),
    (r"\\(?:math(?:rm|it|bf|sf)|text(?:normal|bf|it|rm|sf|tt)|mbox|operatorname)\s*\{", r"\\text{"),
    (r"\\text\{ ?\\\$ ?\}", r"\\$"),
    (r"\.{3}|…", r"\\ldots "),
    (r"\{,\}", ","),
    (r"(?<=\d)(?:\\,|\\ |~)(?=\d{3}(?!\d))", " "),
    (r"\\leq(?:slant)?(?![a-z])|≤", r"\\le "),
    (r"\\geq(?:slant)?(?![a-z])|≥", r"\\ge "),
    (r"\\neq(?![a-z])|≠", r"\\ne "),
    (r"\\lt(?![a-z])", "<"),
    (r"\\gt(?![a-z])", ">"),
    (r"\\lbrace(?![a-z])", r"\\{"),
    (r"\\rbrace(?![a-z])", r"\\}"),
    (r"\\varnothing(?![a-z])|∅", r"\\emptyset "),
    (r"\\cdot(?![a-z])|\\times(?![a-z])|[×·]", r"\\cdot "),
    (r"\\mid(?![a-z])|\\[lr]?vert(?![a-z])", "|"),
    (r"\\langle(?![a-z])", "⟨"),
    (r"\\rangle(?![a-z])", "⟩"),
    (r"π|(?<![a-zA-Z\\{])pi(?![a-zA-Z])", r"\\pi "),
    (r"(?<![a-zA-Z\\])(exp|ln|log|sin|cos|tan)(?=\()", r"\\\1"),
    ("²", "^2"),
    ("³", "^3"),
    ("½", r"\\frac{1}{2}"),
    ("¼", r"\\frac{1}{4}"),
    ("¾", r"\\frac{3}{4}"),
    (r"√ ?(\d+|[a-zA-Z]|\([^()]*\))", r"\\sqrt{\1}"),
    ("÷", r"\\div "),
    ("∞", r"\\infty "),
    ("−", "-"),
    (r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![a-z])|\\degree(?![a-z])|°", r"^\\circ "),
    (r"\\text\{\s*\}", " "),
    (r"\\text\{ ?(?:\\?%|percent) ?\}|(?<=\d) percent(?![a-z])", r"\\%"),
    (BLANK, " "),
    (r"(?<=\d), (?=\d{3}(?!\d))", ";"),
    (r"(?<![\d.,/^_])(\d+) (\d+)/(\d+)(?![\d/])", r"\1\\frac{\2}{\3}"),
    (r"\\pmod ?(\w)", r"\\pmod{\1}"),
    (r" ?(\\frac|\\binom|\\sqrt|[{}()\[\]^_=<>+\-*/,;]) ?", r"\1"),
    (r"\\(frac|binom)(\w|\\pi(?![a-z]) ?)", r"\\\1{\2}"),
    (r"(\\(?:frac|binom)\{[^{}]*\})(\w|\\pi(?![a-z]))", r"\1{\2}"),
    (r"\\sqrt(\d|[a-zA-Z])", r"\\sqrt{\1}"),
    (r"_(\w)", r"_{\1}"),
    (r"[(\[]\\begin\{array\}\{[clr]+\}(.*?)\\end\{array\}[)\]]", r"\\begin{pmatrix}\1\\end{pmatrix}"),
]
KNOWN = {"yes", "no", "true", "false", "none", "undefined", "dne"}
OPEN, CLOSE = "([{⟨", ")]}⟩"
COMMANDS = {
    "frac", "sqrt", "binom", "cdot", "div", "pm", "le", "ge", "ne", "pi", "infty", "begin", "end",
    "log", "ln", "exp", "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "rho", "sigma", "tau", "phi", "omega",
    "lfloor", "rfloor", "lceil", "rceil",
}  # fmt: skip


def clean(latex: str) -> str:
    """Without spaces, sizes and synonyms that mean nothing.

    >>> clean(r"\\left( \\dfrac12 ,\\; x \\right).")
    '(\\\\frac{1}{2},x)'
    """
    for pattern, written in SAME:
        latex = re.sub(pattern, written, latex)
    latex = re.sub(r"(?<!\\)\$", "", latex).strip().rstrip(".,;").strip()
    return unwrapped(latex, "{", "}") or latex


def unwrapped(text: str, opening: str, closing: str) -> str | None:
    """What stands between two brackets that belong together and enclose everything; else None."""
    if not (text.startswith(opening) and text.endswith(closing) and len(text) >= len(opening) + len(closing)):
        return None
    inner = text[len(opening) : len(text) - len(closing)]
    return inner.strip() if _is_balanced(inner) else None


def _is_balanced(text: str) -> bool:
    """Whether no bracket closes that was not opened; the kinds may be mixed, as in intervals."""
    depth = 0
    for sign in text:
        depth += (sign in OPEN) - (sign in CLOSE)
        if depth < 0:
            return False
    return depth == 0


def split(text: str, pattern: str) -> list[str]:
    """The parts between matches of a pattern outside all brackets and environments.

    >>> split("(1,2),3", ",")
    ['(1,2)', '3']
    """
    parts, start = [], 0
    for match in re.finditer(pattern, text):
        before = text[: match.start()]
        if _is_balanced(before) and before.count(r"\begin") == before.count(r"\end"):
            parts.append(text[start : match.start()].strip())
            start = match.end()
    return [*parts, text[start:].strip()]


def spaceless(text: str) -> str:
    """Without the spaces that end a command before what is no letter, or stand beside what is no word.

    >>> spaceless(r"n \\equiv 3 \\pmod{ 7 }")
    'n\\\\equiv3\\\\pmod{7}'
    """
    return re.sub(r"(\\[a-zA-Z]+) (?![a-zA-Z])|(?<!\w) | (?!\w)", r"\1", text)


def sides(text: str, signs: str) -> tuple[list[str], list[str]]:
    """The sides of a chain of relations, and the signs between them."""
    parts = split(text, signs)
    found = [match.group() for match in re.finditer(signs, text) if _is_balanced(text[: match.start()])]
    return parts, found


def words(text: str, shortest: int = 2) -> str:
    """Words with one space between them, in lower case but for those that may be names or units (AB, ABC, mW).

    Args:
        text: words.
        shortest: how many letters a word has at least whose first one is put in lower case.
    """
    return " ".join(_word(word, shortest) for word in text.split())


def _word(word: str, shortest: int) -> str:
    is_capitalised = len(word) >= shortest and word[0].isupper() and word[1:].islower()
    return word.lower() if is_capitalised or word.lower() in KNOWN else word


def decimals(text: str) -> str:
    """Decimals, powers of ten and mixed numbers as exact fractions in parentheses.

    >>> decimals("0.25x")
    '(\\\\frac{25}{100})x'
    """
    text = re.sub(r"(?<![\d.\\])(\d*)\.(\d*)\\(?:overline|bar|dot)\{?(\d+)\}?", _repeating, text)
    text = re.sub(r"(?<![\d.])(\d+\.?\d*|\.\d+)[eE]([+-]?\d+)(?![\d.a-zA-Z])", r"(\1\\cdot 10^{\2})", text)
    text = re.sub(r"(?<![\d.}^_])(\d+) ?(\\frac\{(\d+)\}\{(\d+)\})", _mixed, text)
    return re.sub(r"(?<![\d.])(\d*)\.(\d+)(?![\d.])", _decimal, text)


def _decimal(match: re.Match[str]) -> str:
    whole, part = match.groups()
    return rf"(\frac{{{int(whole + part)}}}{{{10 ** len(part)}}})"


def _repeating(match: re.Match[str]) -> str:
    whole, part, period = match.groups()
    nines = (10 ** len(period) - 1) * 10 ** len(part)
    return rf"(\frac{{{int(whole + part + period) - int(whole + part or '0')}}}{{{nines}}})"


def _mixed(match: re.Match[str]) -> str:
    whole, fraction, n, d = match.groups()
    if int(n) >= int(d):
        raise ValueError("neither a mixed number nor clearly a product")
    return f"({whole}+{fraction})"


def products(text: str) -> str:
    """With the sign of multiplication between numbers side by side, which the parser may add instead.

    >>> products("2(3)")
    '2\\\\cdot (3)'
    """
    text = re.sub(r"(\\(?:frac|binom)\{[^{}]*\}\{[^{}]*\}|\\sqrt\{[^{}]*\})(?=\w|\(|\\frac)", r"\1\\cdot ", text)
    return re.sub(r"(?<=[\d)!])(?=\()|(?<=\))(?=\d|\\frac)|(?<=[\d)}!])(?=\\binom)", r"\\cdot ", text)


def _has_huge_power(text: str) -> bool:
    """Whether an exponent is a number of more than five digits, itself a power or not."""
    exponents = re.findall(r"\^\{?[+-]?(\d+)(?:\^\{?(\d+))?", text)
    return any(float(base) ** float(exponent or 1) >= 10**5 for base, exponent in exponents)


def is_readable(text: str) -> bool:
    """Whether every sign is one that the parser of LaTeX is known to understand, and not to drop."""
    text = text.replace(r"\\", "&")  # the end of a row
    if re.search(r"\d_|\^(?:\w|\{[^{}]*\})\^|[fgh]\^\{-1\}|\d{5,}\)?!", text) or _has_huge_power(text):
        return False
    if set(re.findall(r"\\([a-zA-Z]+)", text)) - COMMANDS or re.search(r"\\[^a-zA-Z{}|]", text):
        return False
    bare = re.sub(r"\\(?:begin|end)\{[pb]?matrix\}|\\[a-zA-Z]+", " ", text)
    runs = re.findall(r"[a-zA-Z]{3,}", bare)
    if any(set(run) - set("xyz") for run in runs):
        return False
    differentials = r"(?<![a-zA-Z])d[a-z](?![a-zA-Z])"
    return not re.search(rf"{differentials}|\d \d|\d/\d+[a-zA-Z(]|[^\x00-\x7f]|['\"%:;?@#~`$]|\.", bare)
