#!/usr/bin/env bash
# Runs a probe of `parity`, which is built unless PARITY names the program. Paths are relative to the root of the repository.
# Usage: scripts/cutover/parity.sh embed | sql | storage | vectors | retrieve | chat [arguments of the probe]
set -euo pipefail
cd "$(dirname "$0")/../.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/lakehouse/target}
parity=${PARITY:-$CARGO_TARGET_DIR/debug/parity}
if [ ! -x "$parity" ] || [ -z "${PARITY:-}" ]; then
    cargo build --locked --quiet --package parity --bin parity
fi
exec "$parity" "$@"
