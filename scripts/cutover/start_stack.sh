#!/usr/bin/env bash
# Starts the eleven daemons, which stay when the shell ends, and stops them. Refuses to start them where they run already.
# Usage: scripts/cutover/start_stack.sh [start | status | stop] [further arguments of `lakectl up`, `status` or `down`]
# Environment: LAKEHOUSE_DATA, the folder (./var); LAKECTL, the program to use instead of building one.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

lakectl=${LAKECTL:-}
if [ -z "$lakectl" ]; then
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/lakehouse/target}
    cargo build --locked --quiet --workspace --bins
    lakectl=$CARGO_TARGET_DIR/debug/lakectl
fi
case ${1:-start} in
start) exec "$lakectl" up --detach "${@:2}" ;;
status) exec "$lakectl" status "${@:2}" ;;
stop) exec "$lakectl" down "${@:2}" ;;
*)
    echo "start_stack.sh: $1 is none of start, status and stop" >&2
    exit 2
    ;;
esac
