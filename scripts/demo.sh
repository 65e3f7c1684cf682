#!/usr/bin/env bash
# The demo, on a machine that may lack something: says what.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prerequisites.sh
exec cargo run --release --locked -- "$@"
