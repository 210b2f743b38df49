"""64 bits for each prompt and for each answer, the same for the same and, which is checked, for no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from polyest.rollouts.engine.database import OWN
from polyest.rollouts.engine.rows import Rows

__all__ = ["answer_codes", "prompt_codes", "prompt_hash"]

HASH = "hash({})"
BYTES_OF_CODE = 80  # of DuckDB's memory for each that is told apart from others, not all of which goes to disk


def prompt_codes(rows: Rows) -> str:
    """SQL for the code of a row's keys."""
    keys = [*rows.keys.values()]
    own = [rows.own_keys.get(key, key) for key in keys]
    texts = " || ',' || ".join(f"coalesce({key}, 'null')" for key in keys)
    return _codes(rows, own, "prompts", texts)


def prompt_hash(rows: Rows) -> str:
    """SQL for 64 bits, the same for the same prompt, whatever its run, step and epoch, and by chance for another."""
    times = ("run", rows.columns.step, rows.columns.epoch)
    keys = [key for name, key in rows.keys.items() if name not in times]
    keys = keys or [key for name, key in rows.keys.items() if name != rows.columns.step] or [*rows.keys.values()]
    return f"hash({', '.join(rows.own_keys.get(key, key) for key in keys)})"


def answer_codes(rows: Rows) -> str:
    """SQL for the code of a row's answer."""
    return _codes(rows, [rows.own.get("answer", "answer")], "answers", "answer")


def _codes(rows: Rows, columns: Sequence[str], name: str, text: str) -> str:
    """Their hash; where two of them have the same, once in 10^7 logs of a million prompts, their number instead.

    Two of n have the same with probability n²/2^65, if nobody has made them so. Of numbers, `hash` is one to one.

    Args:
        columns: what is to be told apart.
        name: of the list of numbers.
        text: SQL, the same for the same columns only.
    """
    code, connection = HASH.format(", ".join(columns)), rows.connection
    if all(_are_one_to_one(rows, columns, code, some) for some in _shares(rows, code)):
        return code
    connection.execute(f"CREATE TYPE {name} AS ENUM (SELECT DISTINCT {text} FROM rows WHERE {text} IS NOT NULL)")
    return f"hash(enum_code(({text})::{name})::BIGINT)"


def _shares(rows: Rows, code: str) -> Iterator[str]:
    """Conditions, of which each row meets one, for shares of the codes that memory holds."""
    number, most = 1, (rows.database.memory - OWN) // BYTES_OF_CODE
    if rows.count > most:
        [(codes,)] = rows.connection.sql(f"SELECT approx_count_distinct({code}) FROM rows").fetchall()
        number += codes // most
    return (f"({code}) % {number} = {i}" if number > 1 else "true" for i in range(number))


def _are_one_to_one(rows: Rows, columns: Sequence[str], code: str, some: str) -> bool:
    """Whether different columns have different codes, in some of the rows."""
    different = f"SELECT {code} AS code FROM (SELECT DISTINCT {', '.join(columns)} FROM rows WHERE {some})"
    [(count, codes)] = rows.connection.sql(f"SELECT count(*), count(DISTINCT code) FROM ({different})").fetchall()
    return bool(count == codes)
