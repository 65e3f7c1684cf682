#!/usr/bin/env bash
# Measures how long a browser that has nothing of the pages yet takes to show the overview, and how much is sent: the
# program serves a recording, and Chromium loads the page again and again. Times depend on the machine and on what else
# it does; nothing asserts them. Needs Node and Chromium; PULSO_CHROMIUM names one.
#
#   first-load.sh [LOADS]
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath "${CARGO_TARGET_DIR:-target}")/release
program=${PULSO_PROGRAM:-$target/pulso}
PULSO_CHROMIUM=${PULSO_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
export PULSO_CHROMIUM
data=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server" || true; }; rm -rf "$data"' EXIT

[ -d crates/web/ui/node_modules ] || crates/web/ui/build.sh --check

"$(dirname "$program")/pulso-simulator" generate --stream rsvps --seed 1 --messages 14400 \
  --start 2026-01-01T10:00:00Z --rate-event-time 3 |
  "$program" replay - --stream rsvps --data "$data/views" >/dev/null
: >"$data/said"
"$program" serve --data "$data/views" --stream rsvps --listen 127.0.0.1:0 >"$data/said" &
server=$!
until address=$(grep -om1 '127\.0\.0\.1:[0-9]*' "$data/said"); do
  kill -0 "$server"
  sleep 0.1
done
node crates/web/ui/first-load.mjs "http://$address/?stream=rsvps&range=1h" "${1:-15}"
echo "load of the machine: $(cut -d' ' -f1-3 /proc/loadavg)"
