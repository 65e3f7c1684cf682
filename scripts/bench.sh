#!/usr/bin/env bash
# Measures the figures in docs/benchmarks.md, as ratios to a limit measured in the same run.
#
#   scripts/bench.sh [RECORDING]      (default: a synthetic stream; MESSAGES=1000000)
#   scripts/bench.sh requests [LOG]   (default: a synthetic access log; MESSAGES=1000000)
#   scripts/bench.sh servers [--seconds N] [--messages N] [--soak MINUTES]
#
# Needs python3. The comparison with DuckDB also needs `pip install duckdb`, that of access logs GoAccess; `servers`
# needs the prerequisites of tests on real servers.
set -euo pipefail
cd "$(dirname "$0")/.."
executable() { # NAME: prints the path that cargo reports for the program of that name
  python3 -c 'import json,sys
for line in sys.stdin:
    m = json.loads(line)
    if m.get("executable") and m["target"]["name"] == sys.argv[1]: print(m["executable"])' "$1"
}
if [ "${1:-}" = servers ]; then
  shift
  scripts/prerequisites.sh --tests
  program=$(cargo build --release --locked -p pulso --message-format=json | executable pulso)
  lab=$(cargo build --release --locked -p pulso-testkit --example lab --message-format=json | executable lab)
  read=$(cargo bench --locked -p pulso-kafka --bench read --no-run --message-format=json | executable read)
  exec python3 scripts/bench_servers.py "$lab" "$program" "$read" "$@"
fi
scripts/prerequisites.sh
target=$(cargo metadata --format-version 1 --no-deps --locked | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
if [ "${1:-}" = requests ]; then
  shift
  cargo build --release --locked -p pulso-speed -p pulso-acquisition -p pulso-simulator
  exec python3 scripts/bench_requests.py "$target/release" "${MESSAGES:-1000000}" "$@"
fi
cargo build --release --locked -p pulso -p pulso-speed -p pulso-batch -p pulso-simulator
limit=$(cargo bench --locked -p pulso-streams --bench decode --no-run --message-format=json | executable decode)
exec python3 scripts/bench.py "$target/release" "$limit" "${MESSAGES:-1000000}" "$@"
