#!/usr/bin/env bash
# Runs what CI runs: format, lints, documentation, all tests (including the rules for dependencies), the programs as
# a user calls them, and their pages in a browser.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prerequisites.sh

step() {
  local start=$SECONDS
  printf '\n== %s\n' "$*"
  "$@"
  printf '== ok after %d s\n' "$((SECONDS - start))"
}

step cargo fmt --all --check
step scripts/test.sh
step scripts/smoke.sh
if command -v npm >/dev/null 2>&1; then
  step crates/web/ui/build.sh --check
fi
step scripts/pages.sh
step env PULSO_PROGRAM="${CARGO_TARGET_DIR:-target}/release/pulso" scripts/trend-quality.sh
step cargo clippy --release --locked --workspace --all-targets -- -D warnings
step env RUSTDOCFLAGS='-D warnings' cargo doc --release --locked --workspace --no-deps
if cargo deny --version >/dev/null 2>&1; then
  step cargo deny check
fi
if command -v promtool >/dev/null 2>&1; then
  step promtool test rules deploy/prometheus/alerts_test.yml
fi
