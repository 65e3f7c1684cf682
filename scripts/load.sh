#!/usr/bin/env bash
# Measures the serving layer: 200 clients listen while 500 requests a second are answered, all in `pulso demo`, which
# counts a stream meanwhile. Says how long answers took, whether every listener was told of every change, and how much
# of the processor the program took. Times depend on the machine and on what else it does; nothing asserts them.
#
#   load.sh [--seconds 30] [--rate 500] [--listeners 200]
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked -p pulso
cargo build --release --locked -p pulso-web --example load
target=${CARGO_TARGET_DIR:-target}/release
data=$(mktemp -d)
"$target/pulso" demo --data "$data" --listen 127.0.0.1:0 >"$data/said" 2>"$data/log" &
program=$!
trap 'kill "$program" 2>/dev/null || true; wait "$program" 2>/dev/null || true; rm -rf "$data"' EXIT
until address=$(grep -om1 '127\.0\.0\.1:[0-9]*' "$data/said"); do
  kill -0 "$program" || { cat "$data/log" >&2; exit 1; }
  sleep 0.2
done
# Until there are windows.
until curl -s "http://$address/api/v1/status" | grep -q '"closed_until":"'; do sleep 0.5; done

# User and system time of the program, in ticks.
ticks() { awk '{ print $14 + $15 }' "/proc/$program/stat"; }
before=$(ticks) start=$(date +%s%N)
"$target/examples/load" "$address" "$@"
after=$(ticks) end=$(date +%s%N)
awk -v ticks="$((after - before))" -v hertz="$(getconf CLK_TCK)" -v ns="$((end - start))" -v load="$(cut -d' ' -f1-3 /proc/loadavg)" \
  'BEGIN { printf "the program took %.2f cores; load of the machine: %s\n", ticks / hertz / (ns / 1e9), load }'
