#!/usr/bin/env bash
# Runs the tests, in the release profile: `cargo run --release` has already built it, so dependencies are
# compiled only once.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prerequisites.sh --tests
exec cargo test --release --locked "${@:---workspace}"
