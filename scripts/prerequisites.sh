#!/usr/bin/env bash
# Lists what is missing to build Pulso, with the commands that install it.
#
#   scripts/prerequisites.sh [--tests]     (also what tests on real servers and in a browser need; without it, they are skipped)
set -euo pipefail

missing=0

lacks() { # what, what it is for, how to install it
  printf '`%s` is missing: %s\nhint: %s\n' "$1" "$2" "$3" >&2
}

need() { # COMMAND, what it is for, how to install it
  if ! command -v "$1" >/dev/null 2>&1; then
    printf 'error: ' >&2
    lacks "$@"
    missing=1
  fi
}

has_java() { # RELEASE_MIN: succeeds if a development kit of this release or later is installed
  local javac home release
  javac=$(command -v javac || true)
  for home in "${JAVA_HOME:-}" "$(dirname "$(dirname "$(readlink -f "$javac" || echo /-/-)")")" \
    /usr/lib/jvm/* /opt/java/* /Library/Java/JavaVirtualMachines/*/Contents/Home; do
    release=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release" 2>/dev/null || true)
    if [ -x "$home/bin/javac" ] && [ "${release:-0}" -ge "$1" ]; then return 0; fi
  done
  return 1
}

c_compiler='sudo apt-get install build-essential   (Fedora: sudo dnf install gcc; macOS: xcode-select --install)'
need cargo 'Pulso is written in Rust' \
  'curl --proto "=https" --tlsv1.2 -sSf https://sh.rustup.rs | sh   (then open a new terminal)'
need cc "SQLite, zstd and Kafka's client are built from C" "$c_compiler"
need c++ "Kafka's client is built from C and C++" "$c_compiler"
need make "Kafka's client is built with make" "$c_compiler"

openssl='sudo apt-get install pkg-config libssl-dev   (Fedora: sudo dnf install pkgconf openssl-devel; macOS: brew install pkgconf openssl@3)'
need pkg-config "it finds the OpenSSL that Kafka's client encrypts with" "$openssl"
if command -v pkg-config >/dev/null 2>&1 && ! pkg-config --exists openssl; then
  printf "error: the headers of OpenSSL are missing: Kafka's client encrypts with it\nhint: %s\n" "$openssl" >&2
  missing=1
fi

if [ "${1:-}" = --tests ]; then
  tests='tests on a real Kafka and Elasticsearch are skipped'
  command -v mvn >/dev/null 2>&1 || lacks mvn "$tests" 'sudo apt-get install maven'
  if ! has_java 17; then
    lacks 'Java 17' "$tests" 'sudo apt-get install openjdk-17-jdk-headless   (or any later release)'
  elif ! has_java 21; then
    lacks 'Java 21' 'tests use Elasticsearch 8 instead of 9' \
      'sudo apt-get install openjdk-21-jdk-headless   (or from https://adoptium.net)'
  fi
  pages='tests of the pages are skipped'
  command -v npm >/dev/null 2>&1 || lacks npm "$pages" 'sudo apt-get install nodejs npm'
  if ! command -v "${PULSO_CHROMIUM:-chromium}" >/dev/null 2>&1 && ! command -v chromium-browser >/dev/null 2>&1 &&
    ! command -v google-chrome >/dev/null 2>&1; then
    lacks chromium "$pages" 'sudo apt-get install chromium   (PULSO_CHROMIUM names one that is elsewhere)'
  fi
fi

exit $((missing * 3))
