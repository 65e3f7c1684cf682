#!/usr/bin/env bash
# Runs the whole pipeline on synthetic recordings of each stream, and on a real one if it exists. Replays and
# verifies all. Replays the first again, which must change nothing, and recounts the real one in Python.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}/release
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT

"$target/pulso-simulator" generate --seed 1 --messages 5000 --start 2026-01-01T00:00:00Z \
  --rate-event-time 20 --output "$data/made-up.jsonl"
"$target/pulso" replay "$data/made-up.jsonl" --data "$data/a" --output json
verify() { # FOLDER [STREAM]: both layers agree, and nothing is left out
  "$target/pulso" verify --stream "${2:-rsvps}" --data "$1" | tee "$data/report"
  tail -n 1 "$data/report" | grep -Eqx 'every message is accounted for once; the layers agree in [1-9][0-9]* documents'
}

verify "$data/a"
"$target/pulso" export trending-topics --data "$data/a" --layer batch >"$data/once"
"$target/pulso" replay "$data/made-up.jsonl" --data "$data/a" >/dev/null
verify "$data/a" >/dev/null
"$target/pulso" export trending-topics --data "$data/a" --layer batch | cmp - "$data/once"
test -s "$data/once"

# Another stream in the same folder: it is counted as well, and changes nothing of the first.
"$target/pulso-simulator" generate --stream posts --seed 1 --messages 5000 --start 2026-01-01T00:00:00Z \
  --rate-event-time 20 --output "$data/posts.jsonl"
"$target/pulso" replay "$data/posts.jsonl" --stream posts --data "$data/a" --output json
verify "$data/a" posts
test -n "$("$target/pulso" export trending-hashtags --data "$data/a" --layer batch)"
verify "$data/a" >/dev/null
"$target/pulso" export trending-topics --data "$data/a" --layer batch | cmp - "$data/once"
passed=2

recording=../shared/data/rsvps/wbaa-2017-03-19.jsonl
if [ -e "$recording" ]; then
  "$target/pulso" replay "$recording" --data "$data/b"
  verify "$data/b"
  python3 scripts/recount.py "$target/pulso" "$recording" "$data/b"
  passed=3
else
  echo "skipped: no recording at $recording"
fi
echo "$passed passed, 0 failed"
