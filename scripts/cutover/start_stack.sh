#!/usr/bin/env bash
# Starts the eleven daemons, which stay when the shell ends; stop_stack.sh stops them. Refuses where they run already.
# Usage: scripts/cutover/start_stack.sh [start | status] [further arguments of `lakectl up` or `lakectl status`]
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
status) exec "$lakectl" status "${@:2}" ;;
start) exec "$lakectl" up --detach "${@:2}" ;;
*)
    echo "start_stack.sh: $1 is neither start nor status" >&2
    exit 2
    ;;
esac
