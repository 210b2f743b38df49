"""What a log was taken for: the layout of each file, and which columns of those of one row per completion are what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from polyest.errors import counted

__all__ = ["OWN", "ReadAs", "Recognised", "in_words"]

OWN = "a reader of your own"


class ReadAs(TypedDict):
    """Files of each layout, and the columns of those of one row per completion by what they were taken for."""

    layouts: dict[str, int]
    columns: dict[str, list[str]]


@dataclass
class Recognised:
    """Files of a log, as they were read.

    Attributes:
        layouts: how many files have each.
        names: the columns of those of one row per completion.
    """

    layouts: Counter[str] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)

    def add(self, layout: str, names: Iterable[str] = ()) -> None:
        """Another file."""
        self.layouts[layout] += 1
        self.names.update(names)

    def update(self, other: Recognised) -> None:
        """Other files."""
        self.layouts.update(other.layouts)
        self.names |= other.names

    def read_as(self, roles: Mapping[str, Sequence[str]]) -> ReadAs:
        """What is told of them, by the columns that may be there for each role."""
        there = {role: [name for name in names if name in self.names] for role, names in roles.items()}
        return {"layouts": dict(self.layouts), "columns": {role: names for role, names in there.items() if names}}


def in_words(read_as: ReadAs) -> str:
    """In a line.

    >>> columns = {"prompt": ["prompt_id"], "answer": ["answer"], "score": ["reward"]}
    >>> in_words({"layouts": {"plain": 1}, "columns": columns})
    'plain: prompt_id, answer, score from reward'
    """
    layouts, several = read_as["layouts"], len(read_as["layouts"]) > 1
    files = [f"{name} ({counted(number, 'file')})" if several else name for name, number in layouts.items()]
    columns = [
        ", ".join(names) if role == "prompt" else role if names == [role] else f"{role} from {' or '.join(names)}"
        for role, names in read_as["columns"].items()
    ]
    return ", ".join(files) + (f": {', '.join(columns)}" if columns else "")
