#!/usr/bin/env bash
# Keeps the servers of the tests running for a developer: `eval "$(scripts/servers.sh start)"`.
#
#   scripts/servers.sh start|status|stop
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo run --release --locked --quiet -p pulso-testkit --example servers -- "$@"
