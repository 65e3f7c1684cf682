#!/usr/bin/env bash
# Puts Pulso's dashboards, and what they are made of, into a Kibana of version 8.12 or later.
#
#   scripts/kibana-import.sh [--keep] URL     (such as http://localhost:5601)
#
# What is there under the same ids is replaced; with --keep all is left alone when dashboards are there.
# KIBANA_CURL names a file with further options for curl, such as `user = "elastic:…"`, so that no password
# shows in the list of processes. KIBANA_OBJECTS names another file than kibana/pulso.ndjson.
set -euo pipefail
keep=
if [ "${1:-}" = --keep ]; then keep=1 && shift; fi
[ $# -eq 1 ] || { echo "usage: $0 [--keep] URL" >&2 && exit 2; }
url=${1%/}
objects=${KIBANA_OBJECTS:-$(dirname "$0")/../kibana/pulso.ndjson}

call() { # PATH, options of curl
  curl -sS ${KIBANA_CURL:+-K "$KIBANA_CURL"} -H 'kbn-xsrf: pulso' "$url$1" "${@:2}"
}

if [ "$keep" ]; then
  found=$(call /api/saved_objects/_export -o /dev/null -w '%{http_code}' -H 'content-type: application/json' \
    -d '{"objects": [{"type": "links", "id": "pulso-navigation"}]}')
  if [ "$found" = 200 ]; then echo "dashboards are there and stay as they are" && exit; fi
fi

answer=$(call '/api/saved_objects/_import?overwrite=true' -F "file=@$objects")
case $answer in
  *'"success":true'*'"warnings":[]'*) ;;
  *) echo "error: Kibana did not take \`$objects\`: $answer" >&2 && exit 1 ;;
esac

# A filter on a field that a view does not have leaves that view's panels as they are; otherwise a filter
# taken along from another dashboard would empty them.
call /api/kibana/settings --fail-with-body -o /dev/null -H 'content-type: application/json' \
  -d '{"changes": {"courier:ignoreFilterIfFieldNotInIndex": true}}'
echo "imported $(wc -l <"$objects") objects: $url/app/dashboards#/view/pulso-responses"
