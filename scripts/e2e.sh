#!/usr/bin/env bash
# The whole of docker-compose.yml, once: brought up, fed with a recording, every index compared with an
# undisturbed replay in one process, verified, and taken down.
#
#   scripts/e2e.sh [RECORDING]     (default: a made-up one)
#
# KIBANA=off where its image cannot be had; PULSO_PROGRAM=prebuilt takes the program from deploy/prebuilt.
set -euo pipefail
cd "$(dirname "$0")/.."
rate=${E2E_RATE:-1000}
deadline=${E2E_SECONDS:-240}
work=$(mktemp -d)
chmod 755 "$work"

compose() {
  E2E_RATE=$rate E2E_RECORDING=$work/recording.jsonl PULSO_SOURCE_URL=ws://simulator:8765/ \
    docker compose -p pulso-e2e -f docker-compose.yml -f deploy/compose/e2e.yml --profile demo "$@"
}

finish() {
  local code=$?
  if [ "$code" != 0 ]; then
    compose ps -a || true
    compose logs --tail 30 setup acquisition speed batch web simulator || true
  fi
  compose down -v --remove-orphans >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT

say() { printf '== %s\n' "$*"; }

image() { # a command in the image, with the work folder at /work
  docker run --rm --user "$(id -u):$(id -g)" -v "$work:/work" "$PULSO_IMAGE" "$@"
}

say 'building the image'
compose build -q
PULSO_IMAGE=$(compose config --images setup | grep -v -e kafka -e elastic | head -1)
size=$(docker image inspect -f '{{.Size}}' "$PULSO_IMAGE")
say "$PULSO_IMAGE: $((size / 1000000)) MB"
if [ "$size" -gt 150000000 ]; then
  echo 'error: the image is larger than 150 MB' >&2
  exit 1
fi

if [ $# -gt 0 ]; then
  cp "$1" "$work/recording.jsonl"
else
  image pulso-simulator generate --seed 1 --messages 20000 --start 2026-01-01T00:00:00Z \
    --rate-event-time 20 --output /work/recording.jsonl
fi
chmod 644 "$work/recording.jsonl"

say 'what the views must hold, by a replay in one process'
image pulso replay /work/recording.jsonl --data /work/reference --output json >"$work/summary.json"
views='responses country-activity trending-topics trending-topics-by-country groups events group-days event-days'
for view in $views; do
  image pulso export "$view" --data /work/reference >"$work/$view.ndjson"
done

say 'starting the services'
compose up -d --wait --wait-timeout 300
port=$(compose port elasticsearch 9200 | sed 's/.*://')

count() { # VIEW
  curl -sf "http://127.0.0.1:$port/pulso-$1/_count" | sed 's/.*"count":\([0-9]*\).*/\1/' || echo 0
}

batch() { compose exec -T batch pulso-batch --config /etc/pulso/batch.toml "$@"; }

wait_for() { # VIEW
  local expected found=0 end=$((SECONDS + deadline))
  expected=$(wc -l <"$work/$1.ndjson")
  while found=$(count "$1"); [ "$found" != "$expected" ]; do
    if [ "$SECONDS" -gt "$end" ]; then
      echo "error: $1 has $found documents, not $expected" >&2
      return 1
    fi
    sleep 2
  done
  printf '%s: %s documents\n' "$1" "$found"
}

say 'the speed layer answers'
wait_for responses
# The last windows close when the stream has been quiet for `window.idle_timeout`.
wait_for trending-topics

say 'the batch layer computes the same again'
batch archive
batch run all
for view in $views; do wait_for "$view"; done
batch verify
curl -sf "http://127.0.0.1:$(compose port web 8080 | sed 's/.*://')/readyz" >/dev/null

say 'a restart of everything changes nothing'
compose restart speed acquisition batch web >/dev/null 2>&1
compose up -d --wait --wait-timeout 120 speed acquisition batch web >/dev/null 2>&1
batch verify
wait_for responses

say 'stopping'
begun=$SECONDS
compose stop acquisition speed batch web >/dev/null 2>&1
if [ $((SECONDS - begun)) -gt 40 ]; then
  echo 'error: the services do not stop within their grace period' >&2
  exit 1
fi
echo '1 passed, 0 failed'
