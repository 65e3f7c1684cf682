#!/usr/bin/env bash
# Imports Pulso's dashboards, and everything they consist of, into Kibana 8.12 or later: those made by hand, and
# the one of each stream that Pulso brings.
#
#   scripts/kibana-import.sh [--keep] URL     (such as http://localhost:5601)
#
# Replaces objects with the same ids. With --keep, changes nothing of a file whose dashboards already exist.
# KIBANA_CURL names a file with more options for curl, such as `user = "elastic:…"`, so that no password
# shows in the list of processes. KIBANA_OBJECTS names a file to import instead.
set -euo pipefail
keep=
if [ "${1:-}" = --keep ]; then keep=1 && shift; fi
[ $# -eq 1 ] || { echo "usage: $0 [--keep] URL" >&2 && exit 2; }
url=${1%/}
root=$(dirname "$0")/..

call() { # PATH, options for curl
  curl -sS ${KIBANA_CURL:+-K "$KIBANA_CURL"} -H 'kbn-xsrf: pulso' "$url$1" "${@:2}"
}

import() { # FILE
  local dashboard answer found
  dashboard=$(grep '"type":"dashboard","typeMigrationVersion"' "$1" | sed 's/.*"id":"\([^"]*\)","references":.*/\1/' | sed 1q)
  if [ "$keep" ]; then
    found=$(call /api/saved_objects/_export -o /dev/null -w '%{http_code}' -H 'content-type: application/json' \
      -d '{"objects": [{"type": "dashboard", "id": "'"$dashboard"'"}]}')
    if [ "$found" = 200 ]; then echo "\`$dashboard\` exists already and stays as it is" && return; fi
  fi
  answer=$(call '/api/saved_objects/_import?overwrite=true' -F "file=@$1")
  case $answer in
    *'"success":true'*'"warnings":[]'*) ;;
    *) echo "error: Kibana refused to import \`$1\`: $answer" >&2 && exit 1 ;;
  esac
  echo "imported $(wc -l <"$1") objects: $url/app/dashboards#/view/$dashboard"
}

for file in ${KIBANA_OBJECTS:-"$root"/crates/streams/*/kibana.ndjson "$root"/kibana/*.ndjson}; do import "$file"; done

# Ignore a filter on a field that a view does not have. Otherwise a filter carried over from another dashboard
# would empty that view's panels.
call /api/kibana/settings --fail-with-body -o /dev/null -H 'content-type: application/json' \
  -d '{"changes": {"courier:ignoreFilterIfFieldNotInIndex": true}}'
