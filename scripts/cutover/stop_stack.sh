#!/usr/bin/env bash
# Stops the daemons that start_stack.sh has started.
# Usage: scripts/cutover/stop_stack.sh [further arguments of `lakectl down`]
# Environment: LAKEHOUSE_DATA, the folder (./var); LAKECTL, the program to use instead of building one.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

lakectl=${LAKECTL:-}
if [ -z "$lakectl" ]; then
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/lakehouse/target}
    cargo build --locked --quiet --package lakectl
    lakectl=$CARGO_TARGET_DIR/debug/lakectl
fi
exec "$lakectl" down "$@"
