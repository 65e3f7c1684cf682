#!/bin/bash
# Sets the password of Kibana's user, and creates the user `pulso` with the rights that Pulso needs.
set -euo pipefail
certificates=/usr/share/elasticsearch/config/certificates/elasticsearch
url=https://elasticsearch:9200
# curl reads the password from a file, so that it does not show in the list of processes.
settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
printf 'user = "elastic:%s"\ncacert = "%s/ca.crt"\n' \
  "$(cat $certificates/elastic.password)" "$certificates" >"$settings"

put() { # METHOD PATH; the body comes from standard input
  curl --fail-with-body -sS -K "$settings" -X "$1" -H 'content-type: application/json' \
    --data-binary @- "$url$2" >/dev/null
}

printf '{"password": "%s"}' "$(cat $certificates/kibana.password)" |
  put POST /_security/user/kibana_system/_password
put PUT /_security/role/pulso <<'ROLE'
{
  "cluster": ["monitor", "manage_index_templates"],
  "indices": [{ "names": ["pulso-*"], "privileges": ["all"] }]
}
ROLE
printf '{"password": "%s", "roles": ["pulso"]}' "$(cat $certificates/pulso.password)" |
  put PUT /_security/user/pulso
