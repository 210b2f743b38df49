"""An extension of griffe: examples in docstrings (>>> …) become code blocks."""

from __future__ import annotations

import re

import griffe

EXAMPLE = re.compile(r"(?m)^( *)>>> .*(?:\n(?!\s*$)\1.*)*")


def fenced(text: str) -> str:
    """The text with a fence around every example; its output goes on to the next empty line.

    >>> print(fenced("So:\\n>>> 1 + 1\\n2\\n\\nDone."))
    So:
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    <BLANKLINE>
    Done.
    """
    return EXAMPLE.sub(lambda match: f"\n{match[1]}```pycon\n{match[0]}\n{match[1]}```", text)


class DoctestFences(griffe.Extension):
    """Fences the examples of every docstring that is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
