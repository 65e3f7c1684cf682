#!/usr/bin/env bash
# Measures what docs/benchmarks.md shows, each figure as a ratio to a limit measured in the same run.
#
#   scripts/bench.sh [RECORDING]      (default: a synthetic stream; MESSAGES=1000000)
#
# Needs python3; the comparison with DuckDB also `pip install duckdb`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prerequisites.sh
cargo build --release --locked -p pulso -p pulso-speed -p pulso-batch -p pulso-simulator
target=$(cargo metadata --format-version 1 --no-deps --locked | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
limit=$(cargo bench --locked -p pulso-model --bench decode --no-run --message-format=json 2>/dev/null |
  python3 -c 'import json,sys
for line in sys.stdin:
    m = json.loads(line)
    if m.get("executable") and m["target"]["name"] == "decode": print(m["executable"])')
exec python3 scripts/bench.py "$target/release" "$limit" "${MESSAGES:-1000000}" "$@"
