"""What is worth saying about a log that can be scored, and may yet be another one than was meant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polyest.errors import counted
from polyest.rollouts.answers import SENTINELS
from polyest.rollouts.engine.rows import LONG

if TYPE_CHECKING:
    from polyest.rollouts.engine.rows import Rows
    from polyest.rollouts.engine.scored import Groups

__all__ = ["Oddities", "about_answers", "about_groups", "about_oddities", "likely_sentinels", "oddities"]

FEWEST, NEARLY_ALL = 4, 0.9  # answers that differ, and their share
MOST_COPIES = 0.01  # of the long texts, where texts may be the same by chance


def about_groups(groups: Groups, group_size: int | None, first: str) -> Iterator[str]:
    """Groups of one, the first of which is called so, and prompts that `group_size` does not divide."""
    alone = groups.sizes[1]
    if alone:
        name = f"the first: {first}" if alone > 1 else first
        yield f"{_groups_have(alone)} one completion and cannot be scored: null ({name})"
    if group_size is None:
        return
    prompts = counted(groups.of_prompts.total(), "prompt")
    fewer = sum(number for size, number in groups.of_prompts.items() if size < group_size)
    uneven = sum(number for size, number in groups.of_prompts.items() if size > group_size and size % group_size)
    if fewer:
        yield f"--group-size {group_size} exceeds the completions of {fewer} of {prompts}: smaller groups"
    if uneven:
        yield f"--group-size {group_size} does not divide the completions of {uneven} of {prompts}"


def about_answers(column: str | None, sentinels: Mapping[str, int], groups: Groups) -> Iterator[str]:
    """Strings that may mean "no answer", and answers that are all the same or nearly all different.

    They come from a column, or, if it is None, from the completions' texts.
    """
    name = "what `--extract` finds" if column is None else repr(column)
    found = ", ".join(f"{name!r} ({counted(count, 'time')})" for name, count in sentinels.items())
    if found:
        yield f"{name} has {found}, counted as an answer; if it means none, name it with --no-answer"
    answered = sum(size * number - groups.missing[size] for size, number in groups.sizes.items() if size > 1)
    cells = {(size, count): number for (size, count), number in groups.cells.items() if size > 1}
    distinct = sum(number // count for (_, count), number in cells.items())
    alone = sum(number for (_, count), number in cells.items() if count == 1)
    if groups.unanswered == groups.sizes.total():
        yield f"no completion has an answer in {name}"
    elif column and distinct and not groups.missing.total() and distinct == groups.several:
        yield f"every group has one distinct answer in {name}; is it the gold answer, not that of the completion?"
    elif alone >= max(FEWEST, NEARLY_ALL * answered):
        doubt = "is the rule too wide?" if column is None else "are they whole texts?"
        yield f"nearly all answers in {name} differ from all others of their group; {doubt}"


@dataclass(frozen=True)
class Oddities:
    """What is odd about rows, as counts, which add up over parts of a log that have whole groups.

    Attributes:
        policies: groups whose completions come from several versions of the policy.
        folders: groups whose completions are in several folders.
        texts: completions with a long text.
        copies: those that repeat another of their group.
        shared: those whose text is in several groups; 0 of a part.
    """

    policies: int = 0
    folders: int = 0
    texts: int = 0
    copies: int = 0
    shared: int = 0

    def __add__(self, other: Oddities) -> Oddities:
        return Oddities(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))


def oddities(rows: Rows) -> Oddities:
    """Those of the rows."""
    mixed = _number_of_mixed(rows, "policy", "rows") if rows.has("policy") else 0
    folders = _folders(rows.files)
    of_file = [folders.index(Path(name).parent) for name in rows.files]
    with_folder = f"(SELECT *, {of_file}[file + 1] AS folder FROM rows)"
    apart = _number_of_mixed(rows, "folder", with_folder) if len(folders) > 1 else 0
    return Oddities(mixed, apart, *_copies(rows))


def _folders(files: Sequence[str]) -> list[Path]:
    return [*dict.fromkeys(Path(name).parent for name in files)]


def _number_of_mixed(rows: Rows, column: str, relation: str) -> int:
    """How many groups have several values there."""
    keys = ", ".join(rows.keys.values())
    mixed = f"SELECT 1 FROM {relation} GROUP BY {keys} HAVING min({column}) <> max({column})"
    return int(rows.connection.sql(f"SELECT count(*) FROM ({mixed})").fetchall()[0][0])


def _copies(rows: Rows) -> tuple[int, int, int]:
    if rows.own_keys or not rows.has("text"):
        return 0, 0, 0
    keys = ", ".join(rows.keys.values())
    texts, copies, shared = rows.connection.sql(
        f"WITH texts AS (SELECT text, count(*) AS number FROM rows WHERE text IS NOT NULL GROUP BY text, {keys}), "
        "shared AS (SELECT sum(number) AS number FROM texts GROUP BY text HAVING count(*) > 1) "
        "SELECT sum(number)::BIGINT, sum(number - 1)::BIGINT, (SELECT coalesce(sum(number), 0)::BIGINT FROM shared) "
        "FROM texts"
    ).fetchall()[0]
    return texts, copies, shared


def about_oddities(found: Oddities, files: Sequence[str]) -> Iterator[str]:
    """Groups from several policies or folders, and long texts that are the same more often than by chance."""
    if found.policies:
        yield (
            f"{_groups_have(found.policies)} completions of several versions of the policy: where these give an answer "
            "probabilities that differ by d_j from the paid completion's, D their sum over the other K-1, its bias "
            "grows by at most A*D*(min(D/(K-2), 1) + 1/(K-1)), A = 1 for harmonic (docs/convergence.md, proposition 4)"
        )
    if found.folders:
        several = f"several of {len(_folders(files))} folders"
        yield f"{_groups_have(found.folders)} completions from {several}; if those are runs, name each"
    most = max(1, MOST_COPIES * found.texts)
    of = f"of {found.texts} completions of {LONG} characters and more"
    if found.copies > most:
        yield (
            f"{found.copies} {of} repeat another of their group word for word: the same seed twice, or no randomness? "
            "Counts take them for independent; leave the copies out"
        )
    if found.shared > most:
        yield f"{found.shared} {of} are, word for word, in several groups: is a file there twice, or a seed used again?"


def _groups_have(count: int) -> str:
    return "1 group has" if count == 1 else f"{count} groups have"


def likely_sentinels(rows: Rows) -> dict[str, int]:
    """How often strings occur that may have been meant as "no answer"."""
    names = ", ".join(f"'{name}'" for name in sorted(SENTINELS))
    whole, quote = ("answer_own::VARCHAR", "") if rows.own_keys else ("answer", '"')
    text, is_number = f"trim({whole}, '\"')", f"{whole} BETWEEN '{quote}-' AND '{quote}:'"  # by its first character
    chosen = "starts_with(answer, '\"') AND length(answer) < 12"
    if rows.absent:
        chosen += f" AND NOT {rows.absent}"
    found = rows.connection.sql(
        f"SELECT answer, count(*) FROM (SELECT answer, rowid FROM rows WHERE NOT {is_number} AND "
        f"lower(trim({text})) IN ({names})) "
        f"WHERE {chosen} GROUP BY 1 ORDER BY min(rowid)"
    ).fetchall()
    return {json.loads(text): count for text, count in found}
