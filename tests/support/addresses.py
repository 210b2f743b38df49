"""What a page points to."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

__all__ = ["addresses"]


class _Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value or "") for name, value in attrs]


def addresses(html: str, *names: str, tag: str | None = None) -> Iterator[str]:
    """The values of attributes of these names, of all elements or of one kind."""
    return (value for element, name, value in _Elements(html).found if name in names and tag in (None, element))
