#!/usr/bin/env bash
# Tests all of docker-compose.yml: starts it, feeds it a recording, compares every index with an undisturbed
# replay in one process, runs `verify`, and takes everything down.
#
#   scripts/e2e.sh [--tls] [RECORDING]     (default: a synthetic recording)
#
# The profile `requests` is tested, too, if the image of nginx is there.
#
# --tls adds compose.tls.yml, and tests a wrong password and an expired certificate. If the image of
# Elasticsearch has no security features, a stand-in asks for certificates and passwords.
#
# Set KIBANA=off if its image is unavailable. PULSO_PROGRAM=prebuilt takes the program from deploy/prebuilt.
set -euo pipefail
cd "$(dirname "$0")/.."
rate=${E2E_RATE:-1000}
deadline=${E2E_SECONDS:-240}
work=$(mktemp -d)
chmod 755 "$work"

files=(-f docker-compose.yml -f deploy/compose/e2e.yml)
tls=
if [ "${1:-}" = --tls ]; then
  tls=yes
  shift
  files+=(-f compose.tls.yml)
fi

compose() {
  E2E_RATE=$rate E2E_RECORDING=$work/recording.jsonl PULSO_SOURCE_URL=ws://simulator:8765/ \
    docker compose -p pulso-e2e "${files[@]}" --profile demo "$@"
}

finish() {
  local code=$?
  if [ "$code" != 0 ]; then
    compose ps -a || true
    compose logs --tail 30 setup acquisition speed batch web simulator || true
  fi
  compose --profile requests down -v --remove-orphans >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT

say() { printf '== %s\n' "$*"; }

setting() { # NAME: from the environment or .env
  printf '%s' "${!1:-$(sed -n "s/^$1=//p" .env)}"
}

image() { # runs a command in the image, with the work folder at /work
  docker run --rm --user "$(id -u):$(id -g)" -v "$work:/work" "$PULSO_IMAGE" "$@"
}

# With security, Kibana uses it too.
KIBANA=$(setting KIBANA)
if [ "$tls" ] && [ "$KIBANA" = on ]; then KIBANA=tls; fi
export KIBANA

if [ "$tls" ]; then
  image=$(setting ELASTICSEARCH_IMAGE)
  if ! docker run --rm --entrypoint ls "$image" modules | grep -q x-pack-security; then
    say "$image has no security features: a stand-in asks for certificates and passwords"
    files+=(-f deploy/compose/e2e-security.yml)
  fi
fi

say 'building the image'
compose build -q
PULSO_IMAGE=$(setting PULSO_IMAGE)
size=$(docker image inspect -f '{{.Size}}' "$PULSO_IMAGE")
say "$PULSO_IMAGE: $((size / 1000000)) MB"
# Only the build in the image makes the program small (deploy/Dockerfile); a prebuilt one need not be.
if [ "$(setting PULSO_PROGRAM)" = build ] && [ "$size" -gt 150000000 ]; then
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

say 'computing the expected views by a replay in one process'
image pulso replay /work/recording.jsonl --data /work/reference --output json >"$work/summary.json"
# The speed layer's views lack what only the batch layer counts: late messages.
speed_views='responses country-activity trending-topics trending-topics-by-country'
batch_views="$speed_views groups events group-days event-days topic-pairs"
for view in $speed_views; do
  image pulso export "$view" --layer speed --data /work/reference >"$work/$view-speed.ndjson"
done
for view in $batch_views; do
  image pulso export "$view" --layer batch --data /work/reference >"$work/$view-batch.ndjson"
done

say 'starting the services'
# Not the batch layer yet: from its first run on it answers for old days, and late messages for those days
# would show up only after its next run.
compose up -d --wait --wait-timeout 300 acquisition speed web simulator
elasticsearch=http://localhost:$(compose port elasticsearch 9200 | sed 's/.*://')
curl=(curl -sf)
secret() { compose run --rm -T --no-deps --entrypoint cat certificates "/certificates/authority/$1" 2>/dev/null; }
if [ "$tls" ]; then
  secret ca.crt >"$work/ca.crt"
  (umask 077 && printf 'user = "elastic:%s"\n' "$(secret elastic.password)" >"$work/curl")
  elasticsearch=${elasticsearch/http/https}
  curl+=(-K "$work/curl" --cacert "$work/ca.crt")
fi

count() { # VIEW-LAYER
  "${curl[@]}" "$elasticsearch/pulso-$1/_count" | sed 's/.*"count":\([0-9]*\).*/\1/' || echo 0
}

batch() { compose exec -T batch pulso-batch --config /etc/pulso/batch.toml "$@"; }

wait_for() { # VIEW-LAYER
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

refused() { # SETTING, arguments of `compose run`: asserts that `check` fails and names the setting
  local setting=$1 code=0
  shift
  compose run --rm -T --no-deps "$@" speed pulso-speed --config /etc/pulso/speed.toml check \
    >/dev/null 2>"$work/refused" || code=$?
  if [ "$code" != 3 ] || [ "$(grep -c '^error: ' "$work/refused")" != 1 ] ||
    ! grep '^hint: ' "$work/refused" | grep -q "$setting"; then
    cat "$work/refused" >&2
    echo "error: \`check\` ended with code $code, or without naming $setting" >&2
    return 1
  fi
}

renew() { # SERVICE DAYS: renews the certificate as docs/operations.md says
  compose run --rm -T --no-deps -e DAYS="$2" --entrypoint sh certificates \
    -c "rm /certificates/$1/server.* && /certificates.sh" >/dev/null 2>&1
  compose restart "$1" >/dev/null 2>&1
  compose up -d --wait --wait-timeout 300 "$1" >/dev/null 2>&1
}

say 'waiting for the speed layer'
# The last windows close when the stream has been quiet for `window.idle_timeout`.
for view in $speed_views; do wait_for "$view-speed"; done

say 'the batch layer computes the same views again'
# The service starts a run by itself; the commands wait for it.
compose up -d --wait --wait-timeout 120 batch
batch archive
batch run all
for view in $batch_views; do wait_for "$view-batch"; done
batch verify
curl -sf "http://127.0.0.1:$(compose port web 8080 | sed 's/.*://')/readyz" >/dev/null

if [ "$KIBANA" != off ]; then
  say 'Kibana imports the dashboards'
  # Kibana is healthy as soon as they are imported.
  compose up -d --wait --wait-timeout 600 kibana
fi

if [ "$tls" ]; then
  say 'the profile requests is tested without --tls'
elif ! docker image inspect "$(setting NGINX_IMAGE)" >/dev/null 2>&1; then
  say "the profile requests is not tested: there is no image $(setting NGINX_IMAGE)"
else
  say 'nginx logs to Pulso, and every request of its visitors is counted'
  compose --profile requests up -d --wait --wait-timeout 300 visitors speed-requests batch-requests
  sleep 20
  compose stop visitors >/dev/null 2>&1
  sent=$(compose --profile requests logs visitors | sed -n 's/.* messages=\([0-9]*\) .*/\1/p')
  of_requests() { compose --profile requests exec -T batch-requests pulso-batch --config /etc/pulso/batch.toml "$@"; }
  counted="lake: $sent messages = $sent counted + 0 echoes + 0 late + 0 skipped + 0 dead letters"
  end=$((SECONDS + deadline))
  # Their day is not over, so `verify` has nothing of the batch layer to compare, and fails for that alone.
  until of_requests archive >/dev/null && { of_requests verify >"$work/verified" 2>&1 || true; } &&
    grep -qF "$counted" "$work/verified" && grep -qF 'nothing of the batch layer was compared' "$work/verified"; do
    if [ "$SECONDS" -gt "$end" ]; then
      cat "$work/verified" >&2
      echo "error: the visitors sent ${sent:-no} requests" >&2
      exit 1
    fi
    sleep 5
  done
  echo "$counted"
fi

if [ "$tls" ]; then
  say 'a wrong password and an expired certificate give one message and exit code 3'
  refused elasticsearch.password -e PULSO__ELASTICSEARCH__PASSWORD_FILE=/certificates/pulso/kafka.password
  refused kafka.password -e PULSO__KAFKA__PASSWORD_FILE=/certificates/pulso/elasticsearch.password
  renew kafka -1
  refused kafka.certificate_authority
  renew kafka 825
  compose up -d --wait --wait-timeout 300 kafka acquisition speed batch web >/dev/null 2>&1
fi

say 'a restart of everything changes nothing'
compose restart speed acquisition batch web >/dev/null 2>&1
compose up -d --wait --wait-timeout 120 speed acquisition batch web >/dev/null 2>&1
# Acquisition asks for the last 90 days again. All of it is echoes, but days with new messages are computed anew, and
# the last of them may come while that goes on.
batch run all
batch verify || { [ $? = 4 ] && batch run all && batch verify; }
for view in $batch_views; do wait_for "$view-batch"; done

say 'stopping'
begun=$SECONDS
compose stop acquisition speed batch web >/dev/null 2>&1
if [ $((SECONDS - begun)) -gt 40 ]; then
  echo 'error: the services do not stop within their grace period' >&2
  exit 1
fi
echo '1 passed, 0 failed'
