#!/usr/bin/env bash
# Names what is missing to build Pulso, with the command that installs it.
set -euo pipefail

missing=0

need() { # COMMAND, what it is for, how to install it
  if ! command -v "$1" >/dev/null 2>&1; then
    printf 'error: `%s` is missing: %s\nhint: %s\n' "$1" "$2" "$3" >&2
    missing=1
  fi
}

c_compiler='sudo apt-get install build-essential   (Fedora: sudo dnf install gcc; macOS: xcode-select --install)'
need cargo 'Pulso is written in Rust' \
  'curl --proto "=https" --tlsv1.2 -sSf https://sh.rustup.rs | sh   (then open a new terminal)'
need cc 'SQLite and zstd are built from C' "$c_compiler"

exit $((missing * 3))
