"""From the texts of completions to answers: rules, canonical forms of distinct strings only, in processes with a limit.

>>> from polyest.rollouts import extraction
>>> extraction.extract(["so #### 4", "#### 4", "four"], "hash4")
['4', '4', None]

The rules are in `rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue

from polyest.errors import ArgumentError, nearest
from polyest.rollouts.extraction.rules import RULES, json_path, pattern

__all__ = ["RULES", "SPECIFICATIONS", "TIME_LIMIT", "extract", "extractor"]

TIME_LIMIT = 5.0  # seconds for one text
SPECIFICATIONS = (*RULES, "regex:PATTERN", "json:PATH", "math-verify", "MODULE:FUNCTION")

Extract = Callable[[str], "Hashable | None"]
Progress = Callable[[Iterable[str], str, int], Iterable[str]]


def extract(
    texts: Sequence[str | None],
    how: str | Extract,
    *,
    jobs: int = 1,
    time_limit: float = TIME_LIMIT,
    progress: Progress = lambda items, label, total: items,
) -> list[Hashable | None]:
    r"""The answer in each text, None where there is none; every distinct text is looked at once.

    Args:
        texts: of completions; None stays None.
        how: ``boxed`` (the last ``\boxed{…}``), ``hash4`` (behind the last ``####``), ``last-number``,
            ``regex:PATTERN`` (the last match), ``json:PATH`` (in the last JSON object), ``math-verify`` (equal where
            proved equal; extra ``math``), or a function from text to answer.
        jobs: processes for patterns, math-verify and functions.
        time_limit: seconds for one text there, after which it counts as without an answer.

    Raises:
        ArgumentError: an unknown rule, a pattern that is none, a function that fails.
        MissingDependencyError: math-verify is not installed.
    """
    return extractor(how, jobs=jobs, time_limit=time_limit, progress=progress)(texts)


def extractor(
    how: str | Extract,
    *,
    jobs: int = 1,
    time_limit: float = TIME_LIMIT,
    progress: Progress = lambda items, label, total: items,
    late: Callable[[str], None] | None = None,
) -> Callable[[Sequence[str | None]], list[Hashable | None]]:
    """`extract` for one batch of texts after the other, by the same processes.

    Args:
        late: is told of a text that took longer than the limit; by default there is a warning.
    """
    rule = RULES.get(how) if isinstance(how, str) else None
    if rule is None and isinstance(how, str) and how.startswith("json:"):
        rule = json_path(how.removeprefix("json:"))
    find = partial(map, rule) if rule else _limited(_function(how), jobs, time_limit, late)

    def answers(texts: Sequence[str | None]) -> list[Hashable | None]:
        distinct = [*dict.fromkeys(text for text in texts if text is not None)]
        found = find(progress(distinct, "extracting", len(distinct)))
        answer_of: dict[str | None, Hashable | None] = dict(zip(distinct, found, strict=True))
        return [answer_of.get(text) for text in texts]

    return answers


def _function(how: str | Extract) -> str | Extract:
    if not isinstance(how, str) or how == "math-verify":
        return how
    if how.startswith("regex:"):
        return pattern(how.removeprefix("regex:"))
    raise ArgumentError(f"`--extract` must be one of {', '.join(SPECIFICATIONS)}; got {how!r}{nearest(how, RULES)}")


def _limited(
    function: str | Extract, jobs: int, time_limit: float, late: Callable[[str], None] | None
) -> Callable[[Iterable[str]], Iterable[Hashable | None]]:
    """In order, each text in one of `jobs` processes that a time limit can end."""
    from polyest.adapters.extraction import Extractor

    free: SimpleQueue[Extractor] = SimpleQueue()
    for _ in range(jobs):
        free.put(Extractor(function, time_limit=time_limit, late=late))

    def ask(text: str) -> Hashable | None:
        worker = free.get()
        try:
            answer: Hashable | None = worker(text)
        finally:
            free.put(worker)
        return answer

    def ask_all(texts: Iterable[str]) -> Iterator[Hashable | None]:
        if jobs == 1:
            yield from map(ask, texts)
            return
        with ThreadPoolExecutor(jobs) as threads:
            yield from threads.map(ask, texts)

    return ask_all
