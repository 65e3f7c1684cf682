#!/usr/bin/env bash
# Writes Kibana's objects to the file of each stream whose dashboards are made by hand, crates/streams/*/kibana.ndjson:
# the dashboards, everything they consist of, and their data views. Objects, keys and embedded JSON are in a fixed order,
# and attributes that change with every import are left out, so that a diff shows what was edited.
#
#   scripts/kibana-export.sh URL     (such as http://localhost:5601)
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 URL" >&2 && exit 2; }
exec python3 - "${1%/}" "$(dirname "$0")"/../crates/streams/*/kibana.ndjson <<'PYTHON'
import json, os, sys, urllib.request

url, files = sys.argv[1], sys.argv[2:]
VOLATILE = ["updated_at", "updated_by", "created_at", "created_by", "version", "managed", "namespaces", "originId",
            "sort"]


def export(body):
    body = json.dumps({**body, "includeReferencesDeep": True, "excludeExportDetails": True}).encode()
    headers = {"content-type": "application/json", "kbn-xsrf": "pulso"}
    request = urllib.request.Request(f"{url}/api/saved_objects/_export", body, headers)
    with urllib.request.urlopen(request) as response:
        return [json.loads(line) for line in response.read().decode().splitlines() if line]


def text(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def stable(value):
    """Returns the value with embedded JSON in a fixed order."""
    if isinstance(value, dict):
        return {key: nested(item) if is_json(key, item) else stable(item) for key, item in value.items()}
    return [stable(item) for item in value] if isinstance(value, list) else value


def is_json(key, item):
    return isinstance(item, str) and (key.endswith("JSON") or key in JSON_TEXTS)


JSON_TEXTS = {"visState", "fieldAttrs", "fieldFormatMap", "fields", "runtimeFieldMap", "sourceFilters", "typeMeta"}


def nested(item):
    return text(stable(json.loads(item))) if item else item


def write(file):
    with open(file) as lines:
        known = [json.loads(line) for line in lines]
    # A `links` object names dashboards that are new.
    roots = ["dashboard", "index-pattern", "links"]
    roots = [{"type": item["type"], "id": item["id"]} for item in known if item["type"] in roots]
    found = {(item["type"], item["id"]): item for item in export({"objects": roots})}
    lines = []
    for _, item in sorted(found.items()):
        item = {key: value for key, value in item.items() if key not in VOLATILE}
        item["references"].sort(key=lambda reference: reference["name"])
        lines.append(text(stable(item)) + "\n")
    with open(file + ".new", "w") as out:
        out.writelines(lines)
    os.replace(file + ".new", file)
    print(f"{file}: wrote {len(lines)} objects")


for file in files:
    write(file)
PYTHON
