#!/usr/bin/env python3
"""Writes all messages of the lake as received, one a line, in the order in which they were stored.

    pip install duckdb
    scripts/export-lake.py LAKE/messages >messages.jsonl

For a new log out of an old lake, see docs/operations.md. It reads the Parquet files themselves, so it
needs no extension; a file that was compacted into another one shows messages twice, hence DISTINCT.
"""
import sys

import duckdb

# A line break can only be between the words of a JSON text, or in a message that was unreadable.
QUERY = """
    SELECT payload FROM (
        SELECT DISTINCT ON ("partition", "offset") "partition", "offset", log_time, payload
        FROM read_parquet(?, hive_partitioning = false)
    ) ORDER BY log_time, "partition", "offset"
"""


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rows = duckdb.connect().execute(QUERY, [f"{sys.argv[1]}/**/*.parquet"])
    output = sys.stdout.buffer
    while batch := rows.fetchmany(10_000):
        for (payload,) in batch:
            output.write(payload.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")


main()
