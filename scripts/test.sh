#!/usr/bin/env bash
# Tests. The release profile on purpose: it is the one `cargo run --release` has built already, so the
# dependencies are compiled once.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prerequisites.sh --tests
exec cargo test --release --locked "${@:---workspace}"
