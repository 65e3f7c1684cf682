#!/usr/bin/env python3
"""Writes all messages of the lake as received, one per line, in the order in which they were stored.

    pip install duckdb
    scripts/export-lake.py LAKE/rsvps >messages.jsonl

Use it to fill a new log from an old lake; see docs/operations.md. It reads the Parquet files directly, so it
needs no extension. Files that were compacted into others may still exist, so DISTINCT removes the duplicates.
"""
import sys

import duckdb

# Line breaks occur only between the tokens of a JSON text, or in an unreadable message, so they become spaces.
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
