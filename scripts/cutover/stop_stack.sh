#!/usr/bin/env bash
# Stops the daemons that start_stack.sh has started.
# Usage: scripts/cutover/stop_stack.sh [further arguments of `lakectl down`]
exec "$(dirname "$(readlink -f "$0")")/start_stack.sh" stop "$@"
