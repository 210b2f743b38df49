"""Layouts of rollouts, one file each: what trainers and evaluation tools write, as rows of one form.

A reader has a ``NAME``, says in its first lines what it takes as what and what it cannot know, recognises its files
(``sniff``) and makes `Row`s of them (``rows``). `read` yields them as Arrow batches. A reader of your own is a function
``(path) -> Iterator[pyarrow.RecordBatch]`` with columns of `schema`.

Beside the layouts: `source` is a file as a reader sees it, `row` what it makes of it; `messages` finds texts of chats.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from polyest.errors import ArgumentError, listed, nearest
from polyest.rollouts.readers.row import PROMPTS, Row, batches, schema
from polyest.rollouts.readers.source import Source

if TYPE_CHECKING:
    import pyarrow

__all__ = ["NAMES", "Layout", "Row", "Source", "batches", "layout_of", "named", "read", "schema"]

# in the order in which they are tried
MODULES = {
    "inspect": "inspect_ai",
    "slime": "slime",
    "verl": "verl",
    "trl": "trl",
    "episodes": "episodes",
    "verifiers": "verifiers",
    "nemo-rl": "nemo_rl",
    "open-instruct": "open_instruct",
    "skyrl": "skyrl",
    "lm-eval": "lm_eval",
    "human-eval": "human_eval",
    "openai-batch": "openai_batch",
    "lists": "lists",
    "plain": "plain",
}
NAMES = tuple(MODULES)
KNOWN = ("trl", "verl", "lm-eval")  # the best known


class Layout(Protocol):
    """A module of this folder."""

    NAME: str
    __doc__: str | None

    def sniff(self, source: Source) -> bool:
        """Whether the file looks like one of this layout."""
        ...

    def rows(self, source: Source) -> Iterator[Row]:
        """Its completions, in order."""
        ...


def named(name: str) -> Layout:
    """The layout of that name.

    Raises:
        ArgumentError: there is none.
    """
    if name not in MODULES:
        raise ArgumentError(f"`--format` must be one of {', '.join(NAMES)}; got {name!r}{nearest(name, NAMES)}")
    return cast("Layout", import_module(f"polyest.rollouts.readers.{MODULES[name]}"))


def layout_of(source: Source) -> Layout:
    """The layout that a file looks like.

    Raises:
        ArgumentError: none; names what is there.
    """
    for name in NAMES:
        if (layout := named(name)).sniff(source):
            return layout
    prompt = next((name for name in PROMPTS if name in source.columns), "NAME")
    raise ArgumentError(
        f"{source.name}: must say which column names the prompt; got {listed(sorted(source.columns))}; "
        f"add --prompt-column {prompt}, and name what else is called otherwise (--answer-column, --completion-column "
        f"for --extract); it is none of the {len(NAMES)} layouts, such as {', '.join(KNOWN)}, that are found out: "
        "--format takes one, or a reader of your own"
    )


def read(path: Path, name: str | None = None) -> Iterator[pyarrow.RecordBatch]:
    """A file's completions as Arrow batches.

    Args:
        path: the file.
        name: of its layout; found by looking at it if left out.

    Raises:
        ArgumentError: an unknown layout, or a file that is damaged; names the line.
        MissingDependencyError: pyarrow, or for a ``.pt`` file torch, is not installed.
    """
    source = Source(path)
    yield from batches((layout_of(source) if name is None else named(name)).rows(source))
