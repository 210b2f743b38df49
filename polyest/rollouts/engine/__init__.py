"""Scoring logs of any size: rows stream through DuckDB, which spills to disk; what a count pays is looked up here.

Why DuckDB: it reads JSON lines and parquet, plain and packed, by column and with all cores; it keeps "1", 1, 1.0 and
true apart (Polars merges them, pyarrow refuses them); it holds to a limit of memory and is 69 MB (Polars 181, pyarrow
170).
The look-up is not a join, which would lose the order of the rows: rows are dealt into parts by their group, each part
is scored by `polyest.rollouts.batch` in one call, as on a cluster, and the numbers are put back in order.

- `database`: the connection, its limits, its place on disk;
- `as_lines` makes JSON lines of JSON arrays, `delimited` of CSV; `plain` reads JSON lines and parquet through DuckDB,
  `slow` everything else as batches; `rows` is the table of both;
- `log` is its entrance and `reading` goes from file to file; `columns` names what is read, `recognised` what was;
- `canonical`: answers that are objects, verdicts: what is done once for each distinct value;
- `ahead`: what comes next is made by a thread meanwhile;
- `codes` tells prompts and answers apart, `parts` deals, `scored` has the numbers, which a `sheet` puts back in order,
  `record` the counts of groups, some prompts at a time;
- `partitions`: the same by workers that share nothing but the files, as on a cluster;
- `output` writes them, `full` beside each row as it was; `arrays` are handed between Arrow and numpy.
"""
