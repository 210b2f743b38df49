"""Formulas as pages and docstrings have them, c_m = Σ_j λ_j B_{m,K−1}(p_j)/2, as MathML, which browsers typeset."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

FUNCTIONS = ("log", "exp", "sup", "max", "min", "argmin", "argmax", "sign", "Var", "KL", "Beta", "Binomial", "ans")
WITH_LIMITS = (*"∑∏", "sup", "max", "min", "argmin", "argmax")
SHORT_WORDS = ("an", "as", "at", "by", "de", "if", "in", "is", "it", "no", "of", "on", "or", "so", "to", "we")
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ'∗", "0123456789−T′*", strict=True))
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
ACCENTS = "\N{COMBINING CIRCUMFLEX ACCENT}\N{COMBINING MACRON}\N{COMBINING TILDE}"
CLOSING = {"(": ")]", "[": "])", "{": "}", "⟨": "⟩"}  # (0, 1] is an interval
BARS = ("|", "‖")
SPACED = dict.fromkeys("=≤≥<>≈≠∈~∝→:", 0.28) | dict.fromkeys("+−±∓·×/|‖", 0.22)  # in em, where the source has a space
INDICES = ("raised", "lowered", "script")
PIECES = {"number", "letter", "group"}
TAGS = {"number": "mn", "letter": "mi", "function": "mi", "text": "mtext", "gap": "mspace"}

FUNCTION = rf"(?:{'|'.join(FUNCTIONS)})(?![A-Za-z])"
_WORD = (
    rf"(?!{FUNCTION})(?:[A-Za-zÀ-ÿ]{{3,}}|(?:{'|'.join(SHORT_WORDS)})(?![A-Za-z]))(?:[-_][A-Za-z]{{2,}})*(?:'(?= ))?"
)
TOKEN = re.compile(
    rf"(?P<gap>\s+)|(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?|[½¼])|(?P<function>{FUNCTION})|(?P<large>[∑∏∫])"
    rf'|(?P<text>"[^"]*"|{_WORD}(?: (?:{_WORD}|[a-z]{{2}}(?![A-Za-z_^(])|a(?= [a-z]{{2}})))*)'
    rf"|(?P<raised>[{''.join(RAISED)}]+)|(?P<lowered>[{''.join(LOWERED)}]+)|(?P<letter>[^\W\d_][{ACCENTS}]?|∞)"
    r"|(?P<script>[_^])|(?P<dots>…|\.\.)|(?P<sign>.)",
    re.DOTALL,
)
Token = tuple[str, str]


@dataclass
class Node:
    """A piece of a formula with its indices; of what stands in brackets, `inside` is what they enclose."""

    kind: str
    text: str
    body: str
    sub: str = ""
    sup: str = ""
    inside: str = ""

    def __str__(self) -> str:
        under, over, both = (
            ("munder", "mover", "munderover") if self.text in WITH_LIMITS else ("msub", "msup", "msubsup")
        )
        tag = both if self.sub and self.sup else under if self.sub else over if self.sup else ""
        return f"<{tag}>{self.body}{self.sub}{self.sup}</{tag}>" if tag else self.body

    @property
    def bare(self) -> str:
        """Without the parentheses that the bar of a fraction or a root makes superfluous."""
        return self.inside if self.text == "(" and not (self.sub or self.sup) else str(self)


def mathml(text: str, display: bool = False) -> str:
    """A formula as MathML, and as it was typed for those who do not see it.

    >>> mathml("p^2")
    '<math alttext="p^2"><msup><mi>p</mi><mn>2</mn></msup></math>'
    """
    style = ' displaystyle="true"' if display else ""
    nodes, _ = _nodes(_tokens(text))
    return f'<math{style} alttext="{escape(text)}">{_row(_fractions(nodes) if display else nodes)}</math>'


def _tokens(text: str) -> list[Token]:
    """From the last to the first."""
    text = text.replace("Σ", "∑").replace("Π", "∏")
    return [(str(match.lastgroup), match[0]) for match in TOKEN.finditer(text)][::-1]


def _nodes(tokens: list[Token], closing: str = "") -> tuple[list[Node], str]:
    """Up to a closing bracket, which is taken away and returned, too."""
    nodes: list[Node] = []
    while tokens:
        kind, text = tokens.pop()
        if closing and text in closing:
            return _between_bars(nodes), text
        if kind in INDICES and nodes and nodes[-1].kind not in ("gap", "sign"):
            _index(nodes[-1], kind, text, tokens)
        else:
            nodes.append(_node(kind, text, tokens))
    return _between_bars(nodes), ""


def _node(kind: str, text: str, tokens: list[Token]) -> Node:
    if text in CLOSING:
        nodes, closed = _nodes(tokens, CLOSING[text])
        return _group(text, nodes, closed)
    if text == "√" and tokens:
        return Node("letter", text, f"<msqrt>{_under_root(tokens)}</msqrt>")
    if kind == "dots":
        return Node(kind, text, f'<mo lspace="0" rspace="0">{text}</mo>')
    if text in WITH_LIMITS:
        return Node(kind, text, f'<mo movablelimits="true" lspace="0" rspace="0.1em">{text}</mo>')
    tag, upright = TAGS.get(kind, "mo"), ""
    if kind == "function" or (kind == "text" and " " not in text):
        tag, upright = "mi", ' mathvariant="normal"'
    body = f"<{tag}{upright}>{escape(text)}</{tag}>"
    if text[-1] in ACCENTS:  # which lean over what follows
        body = f'<mrow>{body}<mspace width="0.12em"></mspace></mrow>'
    return Node("bar" if text in BARS else kind, text, body)


def _group(opening: str, nodes: list[Node], closed: str) -> Node:
    inside = _row(nodes)
    ends = [f'<mo stretchy="false" lspace="0" rspace="0">{bracket}</mo>' for bracket in (opening, closed) if bracket]
    return Node("group", opening, f"<mrow>{inside.join(ends) if closed else ends[0] + inside}</mrow>", inside=inside)


def _under_root(tokens: list[Token]) -> str:
    """The next letter, with its indices and what it is a function of; or what stands in parentheses, without these."""
    kind, text = tokens.pop()
    nodes = [_node(kind, text, tokens)]
    while tokens and tokens[-1][0] in INDICES:
        _index(nodes[-1], *tokens.pop(), tokens)
    if tokens and nodes[0].kind == "letter" and tokens[-1][1] == "(":
        nodes.append(_node(*tokens.pop(), tokens))
    return nodes[0].bare if len(nodes) == 1 else _row(nodes)


def _index(node: Node, kind: str, text: str, tokens: list[Token]) -> None:
    """Puts an index, read to its end, to the node."""
    if kind == "script":
        index = _argument(text, tokens)
        node.sub, node.sup = (index, node.sup) if text == "_" else (node.sub, node.sup + index)
    elif kind == "lowered":
        node.sub = f"<mn>{''.join(LOWERED[digit] for digit in text)}</mn>"
    else:
        marks = "".join(RAISED[mark] for mark in text)
        node.sup += f"<mn>{marks}</mn>" if marks.isdigit() else f'<mo lspace="0" rspace="0">{marks}</mo>'
        node.sup = f"<mrow>{node.sup}</mrow>" if node.sup.count("</m") > 1 else node.sup


def _argument(script: str, tokens: list[Token]) -> str:
    """Of _ or ^: what stands in braces or, for ^, in parentheses; or one number, letter or word, with its sign."""
    if not tokens:
        return "<mrow></mrow>"
    kind, text = tokens.pop()
    if text == "{" or (script, text) == ("^", "("):
        return _row(_nodes(tokens, CLOSING[text])[0])
    nodes = [_node(kind, text, tokens)]
    return _row([*nodes, _node(*tokens.pop(), tokens)] if text == "−" and tokens else nodes)


def _between_bars(nodes: list[Node]) -> list[Node]:
    """|x| and ‖x‖ are groups where the bars come in pairs; a single one, as in E[c | p], stays a sign."""
    for bar in BARS:
        places = [i for i, node in enumerate(nodes) if node.text == bar and node.kind == "bar"]
        if len(places) % 2 == 0:
            for start, end in reversed([*zip(places[::2], places[1::2], strict=True)]):
                group = _group(bar, nodes[start + 1 : end], bar)
                group.sub, group.sup = nodes[end].sub, nodes[end].sup
                nodes[start : end + 1] = [group]
    return nodes


def _row(nodes: list[Node]) -> str:
    kept = [i for i, node in enumerate(nodes) if node.kind != "gap"]
    nodes = nodes[kept[0] : kept[-1] + 1] if kept else []
    parts = [_placed(nodes[:i], node, nodes[i + 1 :]) for i, node in enumerate(nodes)]
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def _placed(before: list[Node], node: Node, after: list[Node]) -> str:
    """With the room that its neighbours leave."""
    if node.kind == "gap":
        is_loose = before[-1].text in SPACED and before[-2:-1] != [] and before[-2].kind == "gap"
        if is_loose or after[0].text in SPACED:
            return ""
        wide = any(neighbour.kind in ("text", "sign", "bar") for neighbour in (before[-1], after[0]))
        return f'<mspace width="{0.3 if wide else 0.17}em"></mspace>'
    if node.kind not in ("sign", "bar") or node.sub or node.sup:
        return str(node)
    operands = [other for other in before if other.kind != "gap"]
    if not operands or operands[-1].kind == "sign":
        return f'<mo form="prefix" lspace="0" rspace="0">{escape(node.text)}</mo>'
    loose = bool(before and before[-1].kind == "gap")
    room = (SPACED[node.text] if loose else 0.08) if node.text in SPACED else 0
    return f'<mo form="infix" lspace="{room}em" rspace="{room}em">{escape(node.text)}</mo>'


def _fractions(nodes: list[Node]) -> list[Node]:
    """Where both sides of a slash are one piece each, a bar; f(x)/y, x/y z and the like stay as they are."""
    found = list(nodes)
    for i in range(len(nodes) - 2, 0, -1):
        left, slash, right = nodes[i - 1 : i + 2]
        starts = i == 1 or (nodes[i - 2].kind in ("gap", "sign") and nodes[i - 2].text != "/")
        applied = i > 2 and nodes[i - 2].kind == "gap" and nodes[i - 3].kind in ("function", "text")
        ends = i + 2 == len(nodes) or (nodes[i + 2].kind in ("gap", "sign") and nodes[i + 2].text != "/")
        if slash.text == "/" and starts and ends and not applied and {left.kind, right.kind} <= PIECES:
            found[i - 1 : i + 2] = [Node("letter", "", f"<mfrac>{left.bare}{right.bare}</mfrac>")]
    return found
