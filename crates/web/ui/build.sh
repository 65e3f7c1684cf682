#!/usr/bin/env bash
# Builds the pages into dist/, which is committed: the workspace builds without Node.
#
#   build.sh            builds them
#   build.sh --check    fails if dist/ is not what the sources give
set -euo pipefail
cd "$(dirname "$0")"

# Install what the lockfile says, unless that is what is there.
if ! cmp -s package-lock.json node_modules/.pulso-lock.json; then
  npm ci --no-audit --no-fund --silent
  cp package-lock.json node_modules/.pulso-lock.json
fi
node_modules/.bin/tsc

if [ "${1:-}" != --check ]; then
  node build.mjs
  exit
fi
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
node build.mjs "$fresh"
if ! diff -rq "$fresh" dist; then
  echo 'error: crates/web/ui/dist is not what the sources give' >&2
  echo 'hint: run `crates/web/ui/build.sh` and commit dist/' >&2
  exit 1
fi
echo 'dist/ is what the sources give'
