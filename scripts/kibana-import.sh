#!/usr/bin/env bash
# Imports Pulso's dashboards, and everything they consist of, into Kibana 8.12 or later.
#
#   scripts/kibana-import.sh [--keep] URL     (such as http://localhost:5601)
#
# Replaces objects with the same ids. With --keep, changes nothing if the dashboards already exist.
# KIBANA_CURL names a file with more options for curl, such as `user = "elastic:…"`, so that no password
# shows in the list of processes. KIBANA_OBJECTS names a file to import instead of kibana/pulso.ndjson.
set -euo pipefail
keep=
if [ "${1:-}" = --keep ]; then keep=1 && shift; fi
[ $# -eq 1 ] || { echo "usage: $0 [--keep] URL" >&2 && exit 2; }
url=${1%/}
objects=${KIBANA_OBJECTS:-$(dirname "$0")/../kibana/pulso.ndjson}

call() { # PATH, options for curl
  curl -sS ${KIBANA_CURL:+-K "$KIBANA_CURL"} -H 'kbn-xsrf: pulso' "$url$1" "${@:2}"
}

if [ "$keep" ]; then
  found=$(call /api/saved_objects/_export -o /dev/null -w '%{http_code}' -H 'content-type: application/json' \
    -d '{"objects": [{"type": "links", "id": "pulso-navigation"}]}')
  if [ "$found" = 200 ]; then echo "the dashboards exist already and stay as they are" && exit; fi
fi

answer=$(call '/api/saved_objects/_import?overwrite=true' -F "file=@$objects")
case $answer in
  *'"success":true'*'"warnings":[]'*) ;;
  *) echo "error: Kibana refused to import \`$objects\`: $answer" >&2 && exit 1 ;;
esac

# Ignore a filter on a field that a view does not have. Otherwise a filter carried over from another dashboard
# would empty that view's panels.
call /api/kibana/settings --fail-with-body -o /dev/null -H 'content-type: application/json' \
  -d '{"changes": {"courier:ignoreFilterIfFieldNotInIndex": true}}'
echo "imported $(wc -l <"$objects") objects: $url/app/dashboards#/view/pulso-responses"
