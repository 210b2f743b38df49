"""Keys of mathematical answers: equal where the answers are proved equal, different where they differ.

math-verify's own comparison is not symmetric and not transitive (0.5 ~ 50% ~ 50), so that completions are grouped by a
key. math-verify finds the answer in a text; what it then drops (units, percent signs, digits beyond the seventeenth)
is kept here. `polyest.adapters.math.values` has the normal form of expressions.

Equal are: polynomials, rational functions, algebraic numbers, and logarithms and trigonometric functions as far as the
module says; decimals and the fractions that they are; equations with their sides exchanged or scaled, likewise
inequalities; ``x = 5`` and ``5`` (a variable that is alone on a side is a name); lists and sets in any order; words in
upper and lower case; A and (A); 2:4 and 1:2 (but 6:20 is a time); 7:30 p.m. and 19:30; 1011_2 and 11.

Different are, though some readers may take them for equal: 50 and 50% (which is 1/2); 5, 5 cm and 0.05 m, or 90° and
π/2 (units are compared as text); 1:2 and 1/2; 1 < x < 2 and (1, 2); {1, 2} and (1, 2). A point and an open interval are
written alike and so equal, i is the imaginary unit where it does not stand beside j or k, odd roots of negative numbers
are the real ones, and a common factor is cancelled though it may be zero somewhere.

What cannot be told: identities between functions other than those named, algebraic numbers of degree above 24, what
sums, integrals and limits amount to, and whatever math-verify's parser does not read: these are keyed by their text,
without its spaces. In a text without LaTeX, words behind a number are no part of the answer, and a list is one of
numbers that ends with its sentence or has brackets.
"""

from __future__ import annotations

import re
from itertools import groupby
from types import ModuleType

from polyest.adapters.math.rules import key_of_answer, packages

__all__ = ["key_of_answer", "math_verify_key", "packages"]

ITEM = r"(?:[a-z] ?= ?)?[+-]?\d+(?:[./]\d+|,\d{3})*"
JOIN = r"(?:, ?(?:and |or )?| and | or )"
IS_WHOLE = r"(?:(?<=[)\]}])|(?=\**(?:[.!;](?:\s|$)|\n|\s*$)))"
SEVERAL = re.compile(rf"(?<![\w.,+-])(?:[(\[{{] ?)?{ITEM}(?:{JOIN}{ITEM})+(?: ?[)\]}}])?{IS_WHOLE}")
MORE = re.compile(rf"(?:{JOIN}\$[^$]+\$)+{IS_WHOLE}")
TAIL = re.compile(r"(?::\d+)+(?: ?[ap]\.?m\b\.?)?|e[+-]?\d+(?!\w|\.\d)", re.IGNORECASE)
REACH = 200  # characters before and behind a number, where a list that it stands in may begin and end


def math_verify_key(text: str) -> str | None:
    """The key of the answer that math-verify finds in a completion; None if it finds none.

    Raises:
        MissingDependencyError: math-verify is not installed.
    """
    answer = _answer(text)
    return None if answer is None else key_of_answer(answer) or None


def _answer(text: str) -> str | None:
    """What math-verify would parse first: the match of highest priority that ends last and starts first."""
    parser, latex, _ = packages()
    configs = [parser.LatexExtractionConfig(), parser.ExprExtractionConfig()]
    patterns = [pair for found, _ in parser.get_extraction_regexes(configs) for pair in found]
    for _, group in groupby(sorted(patterns, key=lambda pair: pair[1]), key=lambda pair: pair[1]):
        matches = [match for pattern, _ in group for match in pattern.finditer(text)]
        for match in sorted(matches, key=lambda match: (-match.end(), match.start())):
            answer = _latex(match, latex) or _plain(match)
            if answer:
                return answer
    return None


def _latex(match: re.Match[str], latex: ModuleType) -> str:
    """The LaTeX in a match; several pieces, and several boxes, are a list."""
    pieces = []
    groups = match.groupdict()
    for name, piece in groups.items():
        if piece and "_latex" in name:
            boxed = "last" if name.endswith("latexBoxed") else "all"
            percent = r"\%" if groups.get(f"{name.split('_')[0]}_percent") else ""
            config = latex.NormalizationConfig(basic_latex=False, boxed=boxed)
            pieces.append(latex.normalize_latex(piece, config) + percent)
    others = MORE.match(match.string, match.end()) if pieces and match.string[match.end() - 1] == "$" else None
    return ",".join([*pieces, *re.findall(r"\$([^$]+)\$", others.group() if others else "")])


def _plain(match: re.Match[str]) -> str:
    """The number or expression in a match, with the others of its list, or what follows in its time, ratio or power."""
    groups = match.groupdict()
    found = [name for name, piece in groups.items() if piece and not name.endswith("percent") and "latex" not in name]
    if not found:
        return ""
    text, start, end = match.string, match.start(found[0]), match.end(found[-1])
    for several in SEVERAL.finditer(text, max(0, start - REACH), end + REACH):
        if several.start() <= start < several.end():
            return several.group()
    answer = text[start:end].replace("÷", "/").lstrip("* \n").rstrip("*. \n")
    tail = TAIL.match(text, end)
    return answer + (tail.group() if tail else "") + (r"\%" if groups.get("percent") else "")
