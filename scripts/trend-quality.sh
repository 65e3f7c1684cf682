#!/usr/bin/env bash
# Feeds streams with known bursts to Pulso, and measures how well its most unusual trends are those bursts.
#
#   scripts/trend-quality.sh [--seeds 101-108] [--no-scenarios]
#
# Fails if a measure is worse than its floor, or if a document differs from a naive recount. Needs python3, and cargo
# unless PULSO_PROGRAM names the program.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PULSO_PROGRAM:-}" ]; then
  cargo build --release --locked -p pulso
  target=$(cargo metadata --format-version 1 --no-deps --locked |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
  PULSO_PROGRAM=$target/release/pulso
fi
exec python3 scripts/trend_quality.py "$PULSO_PROGRAM" "$@"
