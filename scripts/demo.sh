#!/usr/bin/env bash
# Runs the demo. If the machine lacks a prerequisite, says which one.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prerequisites.sh
exec cargo run --release --locked -- "$@"
