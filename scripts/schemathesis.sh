#!/usr/bin/env bash
# Sends the real program what its OpenAPI document allows, and what it does not: no valid request may be refused, none
# may make an error of the server (5xx) or take long, and answers must be as described. First where nobody logs in, then
# where everybody does. Needs Schemathesis 4 (`pip install schemathesis`); SCHEMATHESIS names the command.
#
# Live events are left out, as their answers have no end; tests of their own read them.
set -euo pipefail
cd "$(dirname "$0")/.."
schemathesis=${SCHEMATHESIS:-schemathesis}
target=$(realpath "${CARGO_TARGET_DIR:-target}")/release
data=$(mktemp -d)
program=
stop() {
  [ -z "$program" ] || { kill "$program" && wait "$program" || true; }
  program=
}
trap 'stop; rm -rf "$data"' EXIT

for stream in rsvps posts; do
  "$target/pulso-simulator" generate --stream "$stream" --seed 1 --messages 5000 --start 2026-01-01T00:00:00Z \
    --rate-event-time 20 --malformed 0.002 |
    "$target/pulso" replay - --stream "$stream" --data "$data/views" >/dev/null
done

serve() { # ARGUMENTS...: serves both streams, and sets `address`
  # Else the address of the server before might be found.
  : >"$data/said"
  "$target/pulso" serve --data "$data/views" --stream rsvps --stream posts --listen 127.0.0.1:0 "$@" >"$data/said" &
  program=$!
  until address=$(grep -om1 '127\.0\.0\.1:[0-9]*' "$data/said"); do
    kill -0 "$program"
    sleep 0.1
  done
}

# A request may be refused before the API sees it, as its address is too long.
cat >"$data/schemathesis.toml" <<'END'
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 414, 415, 422, 428, 429]
END

run() { # ARGUMENTS...: of Schemathesis
  (cd "$data" && "$schemathesis" run "http://$address/api/v1/openapi.json" --url "http://$address" \
    --max-response-time 10 --request-timeout 15 --seed 1 --no-color "$@")
}

# Which fields a series or a top takes depends on its view, which no schema of single parameters can say: the
# description does in words, and a test asks for all that `/api/v1/views` lists.
check() { # ARGUMENTS...: of Schemathesis
  run --checks all --exclude-operation-id listenToStream --exclude-operation-id followMessages --exclude-operation-id showSeries \
    --exclude-operation-id showTop "$@"
  run --checks all --include-operation-id showSeries \
    --include-operation-id showTop "$@" --exclude-checks positive_data_acceptance,ignored_auth
}

serve
check "$@"
stop

"$target/pulso" account schemathesis --role write --token >"$data/accounts" 2>"$data/token"
token=$(grep -o 'pulso_[0-9a-f]*' "$data/token")
serve --set guard.accounts_file="$data/accounts"
# A wrong cookie beside the token is no reason to refuse the token; what is refused without either is tested elsewhere.
check -H "Authorization: Bearer $token" --exclude-checks ignored_auth "$@"
