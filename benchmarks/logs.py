"""`polyest score` beside a plain DuckDB query and a plain Polars pipeline that do the same count and look-up.

Run with:  python -m benchmarks.logs [--rows 1000000,10000000] [--texts 0,2000] [--formats parquet,jsonl] [--repeats 3]
[--tools polyest,duckdb,polars] [--phases] [--folder DIR]

All three read prompts and answers, count answers within their prompt, look up c[count − 1] for the group's size and
write every row's prompt and reward to a parquet file. The plain ones do no more: the table is ready in a file, rows
come in any order, and there are no row numbers, advantages, checks or summary. Each runs in a process of its own, in
turns; seconds are the best of the repeats, start included; the first run also writes Python's bytecode. Where other
work keeps the processors busy, the ratio of processor seconds is the fairer one. With `--phases`, where the time of
`polyest score` goes.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

GROUP = 16
LARGEST = 64
JOB = 2  # threads of each
TOOLS = ("polyest", "duckdb", "polars")
HEAD = "| rows | text | format | tool | seconds | of processors | peak GB | times the better, both |"


def make(path: Path, rows: int, text: int) -> None:
    """A log of prompts of 16 completions, short answers, and texts of so many bytes."""
    import duckdb

    completion = f"r::VARCHAR || repeat(' lorem ipsum dolor', {text // 18}) AS completion, " if text else ""
    duckdb.connect().execute(
        f"COPY (SELECT 'prompt-' || (r // {GROUP})::VARCHAR AS prompt_id, {completion}"
        "(1 + (hash(r) % 97) * (hash(r + 1) % 97) // 97)::VARCHAR AS answer, hash(r + 7) % 2 = 0 AS correct "
        f"FROM range({rows}) t(r)) TO '{path}' ({'FORMAT json' if path.suffix == '.jsonl' else 'FORMAT parquet'})"
    )


def write_table(path: Path) -> None:
    """c of harmonic, as (size, count, reward)."""
    import pyarrow as pa
    from pyarrow import parquet

    import polyest

    tables = {size: polyest.load("log", size, "harmonic").coefficients for size in range(2, LARGEST + 1)}
    rows = [{"size": size, "count": m + 1, "reward": float(c)} for size, cs in tables.items() for m, c in enumerate(cs)]
    parquet.write_table(pa.Table.from_pylist(rows), path)


def with_duckdb(path: Path, paid: Path, out: Path) -> None:
    import duckdb

    columns = "columns={prompt_id: 'VARCHAR', answer: 'VARCHAR'}"
    source = f"'{path}'" if path.suffix == ".parquet" else f"read_json('{path}', format='newline_delimited', {columns})"
    duckdb.connect(config={"threads": JOB}).execute(
        f"COPY (WITH log AS (SELECT prompt_id, answer FROM {source}), "
        "counts AS (SELECT prompt_id, answer, count(*) AS count FROM log GROUP BY ALL), "
        "sizes AS (SELECT prompt_id, sum(count) AS size FROM counts GROUP BY ALL) "
        "SELECT prompt_id, reward FROM log JOIN counts USING (prompt_id, answer) JOIN sizes USING (prompt_id) "
        f"JOIN '{paid}' USING (size, count)) TO '{out}' (FORMAT parquet)"
    )


def with_polars(path: Path, paid: Path, out: Path) -> None:
    import polars as pl

    log = pl.scan_parquet(path) if path.suffix == ".parquet" else pl.scan_ndjson(path)
    size, count = pl.len().over("prompt_id"), pl.len().over("prompt_id", "answer")
    (
        log.select("prompt_id", "answer")
        .with_columns(size.cast(pl.Int64).alias("size"), count.cast(pl.Int64).alias("count"))
        .join(pl.scan_parquet(paid), on=["size", "count"], how="left")
        .select("prompt_id", "reward")
        .sink_parquet(out)
    )


PLAIN = {"duckdb": with_duckdb, "polars": with_polars}


def command(tool: str, path: Path) -> list[str]:
    paid, out = path.with_name("paid.parquet"), path.with_name("out.parquet")
    if tool != "polyest":
        return [sys.executable, "-m", "benchmarks.logs", "--only", tool, *map(str, (path, paid, out))]
    score = ["score", str(path), "--target", "log", "--method", "harmonic", "--jobs", str(JOB), "--out", str(out)]
    return [sys.executable, "-m", "polyest", *score]


def measure(tool: str, path: Path) -> tuple[float, float, float]:
    """Seconds, seconds of processors, and GB at the peak."""
    environment = os.environ | {"POLARS_MAX_THREADS": str(JOB)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a package that is installed has its bytecode
    start = time.perf_counter()
    process = subprocess.Popen(command(tool, path), stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise SystemExit(f"{tool} failed on {path}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6


def compare(path: Path, tools: Sequence[str], repeats: int) -> dict[str, tuple[float, float, float]]:
    """The best times and the largest peak of each tool, in turns."""
    runs = [{tool: measure(tool, path) for tool in tools} for _ in range(repeats)]
    path.with_name("out.parquet").unlink()
    columns = {tool: [*zip(*(run[tool] for run in runs), strict=True)] for tool in tools}
    return {tool: (min(seconds), min(cpu), max(peaks)) for tool, (seconds, cpu, peaks) in columns.items()}


def lines(found: dict[str, tuple[float, float, float]], *case: object) -> list[str]:
    """The table's, one for each tool."""
    plain = [times for tool, times in found.items() if tool in PLAIN]
    told = []
    for tool, (seconds, cpu, peak) in found.items():
        ratios = (
            [f"{own / min(theirs):.2f}" for own, *theirs in zip((seconds, cpu), *plain, strict=False)] if plain else []
        )
        cells = [*map(str, case), tool, f"{seconds:.1f}", f"{cpu:.1f}", f"{peak:.2f}", ", ".join(ratios)]
        told.append(f"| {' | '.join(cells)} |")
    return told


def log(folder: Path, rows: int, text: int, suffix: str) -> Path:
    """Made when it is first asked for, in another process: what this one holds counts in the peaks of its own."""
    path = folder / f"rows-{rows}-{text}.{suffix}"
    if not path.exists():
        process = multiprocessing.get_context("spawn").Process(target=make, args=(path, rows, text))
        process.start()
        process.join()
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="1000000", help="one or several, as the next two")
    parser.add_argument("--texts", default="0", help="bytes of a completion's text")
    parser.add_argument("--formats", default="parquet,jsonl")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--phases", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(".cache/logs"), help="where logs are made, and stay")
    parser.add_argument("--only", nargs=4, metavar=("TOOL", "LOG", "TABLE", "OUT"))
    arguments = parser.parse_args()
    if arguments.only:
        tool, *paths = arguments.only
        PLAIN[tool](*map(Path, paths))
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    write_table(arguments.folder / "paid.parquet")
    print(HEAD, "| --- " * (HEAD.count("|") - 1) + "|", sep="\n")
    cases = itertools.product(map(int, arguments.rows.split(",")), map(int, arguments.texts.split(",")))
    for (rows, text), suffix in itertools.product(cases, arguments.formats.split(",")):
        path = log(arguments.folder, rows, text, suffix)
        found = compare(path, arguments.tools.split(","), arguments.repeats)
        print(*lines(found, f"{rows:,}", text, suffix), sep="\n", flush=True)
        if arguments.phases:
            subprocess.run([sys.executable, "-m", "benchmarks.log_phases", *command("polyest", path)[3:]], check=True)
    os_load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"load of the machine: {os_load} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
