#!/usr/bin/env bash
# The servers of the tests, left running for a developer: `eval "$(scripts/servers.sh start)"`.
#
#   scripts/servers.sh start|status|stop
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo run --release --locked --quiet -p pulso-testkit --example servers -- "$@"
