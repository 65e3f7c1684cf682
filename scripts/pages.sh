#!/usr/bin/env bash
# Tests the pages in a real browser, against the real program, on more than an hour of each of four streams: three
# that Pulso brings in Rust, and one that is declared. Needs Node with npm, and Chromium; PULSO_CHROMIUM names one. Without them it
# is skipped, unless PULSO_REQUIRE_BROWSER is set.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath "${CARGO_TARGET_DIR:-target}")/release
PULSO_PROGRAM=${PULSO_PROGRAM:-$target/pulso}
PULSO_CHROMIUM=${PULSO_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if ! command -v "${PULSO_CHROMIUM:-chromium}" >/dev/null || ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  scripts/prerequisites.sh --tests
  [ -z "${PULSO_REQUIRE_BROWSER:-}" ] || { echo 'error: the pages cannot be tested, as PULSO_REQUIRE_BROWSER asks' >&2; exit 1; }
  echo 'skipped: the tests of the pages'
  exit
fi
PULSO_DATA=$(mktemp -d)
export PULSO_PROGRAM PULSO_CHROMIUM PULSO_DATA
trap 'rm -rf "$PULSO_DATA"' EXIT

[ -d crates/web/ui/node_modules ] || crates/web/ui/build.sh --check

# Long enough that there are scores, and recorded on a day that is over.
for stream in rsvps posts requests; do
  "$(dirname "$PULSO_PROGRAM")/pulso-simulator" generate --stream "$stream" --seed 1 --messages 14400 \
    --start 2026-01-01T10:00:00Z --rate-event-time 3 --malformed 0.002 |
    "$PULSO_PROGRAM" replay - --stream "$stream" --data "$PULSO_DATA" >/dev/null
done
"$PULSO_PROGRAM" replay crates/streams/clicks/sample.ndjson --stream clicks --data "$PULSO_DATA" >/dev/null

# One at a time: tests of one file look at what the others would change, and a browser takes a core.
failed=0
for tests in crates/web/ui/tests/*.test.mjs; do
  node --test "$tests" || failed=1
done
exit "$failed"
