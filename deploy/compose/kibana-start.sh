#!/bin/bash
# Starts Kibana and, as soon as it answers, imports Pulso's dashboards. If Kibana already has them, keeps them
# with all edits. The health check waits for the file that this script creates at the end.
set -euo pipefail

import() {
  local url=http://localhost:5601 curl=()
  if [ -n "${ELASTICSEARCH_PASSWORD:-}" ]; then
    url=https://localhost:5601
    export KIBANA_CURL=/tmp/kibana-curl
    (umask 077 && printf 'user = "elastic:%s"\ncacert = "%s"\n' \
      "$(cat /certificates/kibana/elastic.password)" /certificates/kibana/ca.crt >"$KIBANA_CURL")
    curl=(-K "$KIBANA_CURL")
  fi
  until curl -sf "${curl[@]}" -o /dev/null "$url/api/status"; do sleep 2; done
  until /bin/bash /pulso/scripts/kibana-import.sh --keep "$url"; do sleep 5; done
  touch /tmp/pulso-imported
}

import &
exec /usr/local/bin/kibana-docker
