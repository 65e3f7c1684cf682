#!/usr/bin/env bash
# Injects faults under load of two streams, on a real Kafka and a real Elasticsearch. After each fault, nothing may be lost or
# counted twice, and every service must continue by itself. Faults named `sources-…` have a third stream, of an access log.
#
#   scripts/chaos.sh [--seed N] [--rounds N] [--messages N] [--rate N] [--keep] [FAULT...]
#   scripts/chaos.sh --list
#
# The same seed gives the same faults at the same times, although the services may be in a slightly different
# state. Needs python3, the prerequisites of tests on real servers, and for `clock` a C compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prerequisites.sh --tests
if [ -z "${PULSO_PROGRAMS:-}" ]; then
  cargo build --release --locked -p pulso
  target=$(cargo metadata --format-version 1 --no-deps --locked |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
  PULSO_PROGRAMS=$target/release/pulso
fi
export PULSO_PROGRAMS
lab=$(cargo build --release --locked -p pulso-testkit --example lab --message-format=json 2>/dev/null |
  python3 -c 'import json,sys
for line in sys.stdin:
    m = json.loads(line)
    if m.get("executable") and m["target"]["name"] == "lab": print(m["executable"])')
exec python3 scripts/chaos.py "$lab" "$@"
