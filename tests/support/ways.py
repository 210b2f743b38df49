"""The ways through the package that CONTRIBUTING.md draws: of a group size into a file, of answers to their numbers.

A way is measured, not remembered: the files of polyest in which a function is called while the thing is done, in the
order of the first call; for the group size only calls with an argument that is it, or that has it, itself or in its
problem; for a log not what goes by on the way: layouts that are asked whether a file is theirs.
`python tests/support/ways.py` prints the ways, and writes them into CONTRIBUTING.md with ``--write``.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np

import polyest
from examples import rewrite
from polyest.cli import main

PACKAGE = Path(polyest.__file__).parent
GROUP_SIZE = 19  # no other number on the way is 19
WORDS = np.array([["a", "b", "b", "c"], ["a", "a", "a", "d"], ["x", "y", "x", "y"]])
# counted in the same way at commit 5246a54
BEFORE = {"solve": 23, "numpy": 11, "ragged": 15, "torch": 4, "jax": 4, "trl": 23, "verl": 19, "score": 30}
ASIDE = "sniff"

CALLS = {
    "solve": "polyest solve -k 19",
    "numpy": "polyest.load(…).advantages(answers)",
    "ragged": "polyest.advantages(answers, groups, …)",
    "torch": "polyest.adapters.torch, advantages(ids)",
    "jax": "polyest.adapters.jax, advantages(ids)",
    "trl": "polyest.adapters.trl, AnswerReward in a trainer",
    "verl": "polyest.adapters.verl, reward function and advantages",
    "score": "polyest score log.jsonl",
}

Thing = Callable[[int], object]  # done for the first n rows of WORDS


def way(thing: Callable[[], object], counts: Callable[[FrameType], bool] = lambda frame: True) -> list[str]:
    """The files in which functions are called that `counts` holds for, relative to the package, without `.py`."""
    passed: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        name = _file(frame.f_code.co_filename) if event == "call" and frame.f_code.co_name != "<module>" else None
        if name is not None and counts(frame):
            passed.setdefault(name)

    sys.setprofile(note)
    try:
        thing()
    finally:
        sys.setprofile(None)
    return [*passed]


@functools.cache
def _file(name: str) -> str | None:
    """The file relative to the package, without `.py`; None for others."""
    path = Path(name)
    inside = PACKAGE in path.parents
    return path.relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__") if inside else None


def is_on_the_way(frame: FrameType) -> bool:
    """Whether neither the function nor one that called it is `ASIDE`."""
    name, caller = frame.f_code.co_name, frame.f_back
    return name != ASIDE and (caller is None or is_on_the_way(caller))


def has_group_size(frame: FrameType) -> bool:
    names = frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]
    return any(_has_group_size(frame.f_locals.get(name)) for name in names)


def _has_group_size(value: Any) -> bool:
    if isinstance(value, argparse.Namespace):
        return getattr(value, "group_sizes", None) == [GROUP_SIZE]
    if type(value) in (list, tuple):
        return any(type(part) not in (list, tuple) and _has_group_size(part) for part in value[:3])
    has_it = (getattr(part, "group_size", None) == GROUP_SIZE for part in (value, getattr(value, "problem", None)))
    return (type(value) is int and value == GROUP_SIZE) or any(has_it)


def solve() -> object:
    with tempfile.TemporaryDirectory() as folder:
        return main(["solve", "--target", "log", "-k", str(GROUP_SIZE), "--out", folder, "--jobs", "1"])


def by_numpy() -> Thing:
    estimator = polyest.load("log", 4)
    return lambda n: estimator.advantages(WORDS[:n])


def by_ragged() -> Thing:
    return lambda n: polyest.advantages(WORDS[:n].ravel(), np.repeat(np.arange(n), 4), "log")


def by_torch() -> Thing:
    import torch

    from polyest.adapters.torch import load

    estimator = load("log", 4)
    return lambda n: estimator.advantages(torch.tensor([[*map(ord, row)] for row in WORDS[:n].tolist()]))


def by_jax() -> Thing:
    import jax.numpy as jnp

    from polyest.adapters.jax import load

    estimator = load("log", 4)
    return lambda n: estimator.advantages(jnp.array([[*map(ord, row)] for row in WORDS[:n].tolist()]))


def by_trl() -> Thing:
    from trl_support import make_trainer, scored

    from polyest.adapters.trl import AnswerReward

    reward = AnswerReward(str.strip, time_limit=None)
    trainer = make_trainer(Path(tempfile.mkdtemp()), [reward])
    return lambda n: scored(trainer, ["a", "b", "b", "c"])


def by_verl() -> Thing:
    from verl_support import ALGORITHM, adapter, token_rewards, torch

    compute_score = adapter.reward_function(str.strip, lambda **_: 1.0, time_limit=None)

    def advantages(n: int) -> object:
        texts = WORDS[:n].ravel().tolist()
        scores = [compute_score("task", text, "a")["score"] for text in texts]
        mask = torch.ones(len(texts), 1, dtype=torch.int64)
        index = np.repeat(np.arange(n).astype(str), 4).astype(object)
        return adapter.advantages(token_rewards(scores, mask), mask, index=index, config=ALGORITHM)

    return advantages


def by_score() -> Thing:
    def score(n: int) -> object:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log.jsonl"
            rows = [f'{{"prompt_id": {i}, "answer": "{word}"}}\n' for i, row in enumerate(WORDS[:n]) for word in row]
            log.write_text("".join(rows), encoding="utf-8")
            return main(["score", str(log), "--target", "log", "--out", str(log.with_name("out.jsonl"))])

    return score


THINGS: dict[str, Callable[[], Thing]] = {
    "numpy": by_numpy,
    "ragged": by_ragged,
    "torch": by_torch,
    "jax": by_jax,
    "trl": by_trl,
    "verl": by_verl,
    "score": by_score,
}


def measured() -> Iterator[tuple[str, list[str]]]:
    """Each way on the second time, when tables are loaded and machine code is made; of another shape, as JAX traces."""
    solve()
    yield "solve", way(solve, has_group_size)
    for name, make in THINGS.items():
        thing = make()
        thing(2)
        yield name, way(lambda thing=thing: thing(3), is_on_the_way)


def drawn(files: list[str]) -> str:
    """A file after the other, a line for each stay in a folder."""
    lines = []
    for folder, stay in groupby(files, lambda file: file.rpartition("/")[0]):
        names = " → ".join(file.rpartition("/")[2] for file in stay)
        lines.append(f"    {folder and folder + '/':<17}{names}")
    return "\n".join(lines)


def text() -> str:
    """All ways as CONTRIBUTING.md draws them; what is printed on the way is not."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        return _text()


def _text() -> str:
    parts = [
        f"{CALLS[name]}: {len(files)} files ({BEFORE[name]} at 5246a54)\n{drawn(files)}\n" for name, files in measured()
    ]
    return "```text\n" + "\n".join(parts) + "```\n"


if __name__ == "__main__":
    os.environ["POLYEST_COEFFS"] = os.devnull
    found = text()
    if "--write" in sys.argv:
        rewrite({"ways": found})
    sys.stdout.write(found)
