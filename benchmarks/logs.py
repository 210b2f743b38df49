"""`polyest score` beside a plain DuckDB query and a plain Polars pipeline that do the same count and look-up.

Run with:  python -m benchmarks.logs [--rows 1000000] [--texts 0] [--formats parquet,jsonl] [--repeats 3] [--folder DIR]

All three read prompts and answers, count answers within their prompt, look up c[count − 1] in the table of the group's
size and write every row's prompt and reward to a parquet file. The plain ones do no more: no advantages, no checks, and
rows in any order. Each runs in a process of its own, in turns; seconds are the best of the repeats, start included;
the first run also writes Python's bytecode.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb

import polyest

GROUP = 16
LARGEST = 64
JOB = 2  # threads of each
TOOLS = ("polyest", "duckdb", "polars")


def table() -> dict[str, list[float]]:
    """c of harmonic, as (size, count, reward)."""
    rows = [
        (size, m + 1, c)
        for size in range(2, LARGEST + 1)
        for m, c in enumerate(polyest.load("log", size, "harmonic").coefficients.tolist())
    ]
    return dict(zip(("size", "count", "reward"), map(list, zip(*rows, strict=True)), strict=True))


def make(path: Path, rows: int, text: int) -> None:
    """A log of prompts of 16 completions, short answers, and texts of so many bytes."""
    completion = f"repeat('lorem ipsum dolor ', {text // 18}) || r::VARCHAR AS completion, " if text else ""
    duckdb.connect().execute(
        f"COPY (SELECT 'prompt-' || (r // {GROUP})::VARCHAR AS prompt_id, {completion}"
        "(1 + (hash(r) % 97) * (hash(r + 1) % 97) // 97)::VARCHAR AS answer, hash(r + 7) % 2 = 0 AS correct "
        f"FROM range({rows}) t(r)) TO '{path}' ({'FORMAT json' if path.suffix == '.jsonl' else 'FORMAT parquet'})"
    )


def with_duckdb(path: Path, out: Path, look_up: dict[str, list[float]]) -> None:
    import pyarrow as pa

    connection, paid = duckdb.connect(config={"threads": JOB}), pa.table(look_up)
    connection.register("paid", paid)
    columns = "columns={prompt_id: 'VARCHAR', answer: 'VARCHAR'}"
    source = f"'{path}'" if path.suffix == ".parquet" else f"read_json('{path}', format='newline_delimited', {columns})"
    connection.execute(
        f"COPY (WITH log AS (SELECT prompt_id, answer FROM {source}), "
        "counts AS (SELECT prompt_id, answer, count(*) AS count FROM log GROUP BY ALL), "
        "sizes AS (SELECT prompt_id, sum(count) AS size FROM counts GROUP BY ALL) "
        "SELECT prompt_id, reward FROM log JOIN counts USING (prompt_id, answer) JOIN sizes USING (prompt_id) "
        f"JOIN paid USING (size, count)) TO '{out}' (FORMAT parquet)"
    )


def with_polars(path: Path, out: Path, look_up: dict[str, list[float]]) -> None:
    import polars as pl

    log = pl.scan_parquet(path) if path.suffix == ".parquet" else pl.scan_ndjson(path)
    size, count = pl.len().over("prompt_id"), pl.len().over("prompt_id", "answer")
    paid = pl.DataFrame(look_up).lazy()
    (
        log.select("prompt_id", "answer")
        .with_columns(size.cast(pl.Int64).alias("size"), count.cast(pl.Int64).alias("count"))
        .join(paid, on=["size", "count"], how="left")
        .select("prompt_id", "reward")
        .sink_parquet(out)
    )


PLAIN = {"duckdb": with_duckdb, "polars": with_polars}


def command(tool: str, path: Path, out: Path) -> list[str]:
    if tool != "polyest":
        return [sys.executable, "-m", "benchmarks.logs", "--only", tool, str(path), str(out)]
    score = ["score", str(path), "--target", "log", "--method", "harmonic", "--jobs", str(JOB), "--out", str(out)]
    return [sys.executable, "-m", "polyest", *score]


def measure(tool: str, path: Path, out: Path) -> tuple[float, float, float]:
    """Seconds, GB at the peak, and seconds of processors."""
    start = time.perf_counter()
    environment = os.environ | {"POLARS_MAX_THREADS": str(JOB)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a package that is installed has its bytecode
    process = subprocess.Popen(command(tool, path, out), stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise SystemExit(f"{tool} failed on {path}")
    return time.perf_counter() - start, usage.ru_maxrss / 1e6, usage.ru_utime + usage.ru_stime


def compare(path: Path, repeats: int) -> dict[str, tuple[float, float, float]]:
    """The best times and the largest peak of each tool, in turns."""
    out = path.with_name("out.parquet")
    runs = [{tool: measure(tool, path, out) for tool in TOOLS} for _ in range(repeats)]
    out.unlink()
    columns = {tool: [*zip(*(run[tool] for run in runs), strict=True)] for tool in TOOLS}
    return {tool: (min(seconds), max(peaks), min(cpu)) for tool, (seconds, peaks, cpu) in columns.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--texts", type=int, default=0, help="bytes of a completion's text")
    parser.add_argument("--formats", default="parquet,jsonl")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--only", nargs=3, metavar=("TOOL", "LOG", "OUT"))
    arguments = parser.parse_args()
    if arguments.only:
        tool, path, out = arguments.only
        PLAIN[tool](Path(path), Path(out), table())
        return
    print("| rows | text | format | tool | seconds | of processors | peak GB | times the better, both |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for suffix in arguments.formats.split(","):
        path = arguments.folder / f"rows-{arguments.rows}-{arguments.texts}.{suffix}"
        if not path.exists():
            make(path, arguments.rows, arguments.texts)
        found = compare(path, arguments.repeats)
        best, least = (min(found[tool][i] for tool in PLAIN) for i in (0, 2))
        for tool, (seconds, peak, cpu) in found.items():
            row = [f"{arguments.rows:,}", arguments.texts, suffix, tool, f"{seconds:.1f}", f"{cpu:.1f}", f"{peak:.2f}"]
            row.append(f"{seconds / best:.2f}, {cpu / least:.2f}")
            print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    main()
