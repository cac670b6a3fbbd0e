#!/usr/bin/env bash
# Runs the multi-tier harness for a minute against a stack of its own, and leaves the report in reports/cutover/.
# Usage: scripts/bench.sh FOLDER_OF_BINARIES [further arguments of multitier]
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1
shift

offset=${LAKEHOUSE_BENCH_PORT_OFFSET:-400}
data=$(mktemp -d)
stop() {
    "$bin/lakectl" down --data "$data" || true
    rm -rf "$data"
}
trap stop EXIT

"$bin/lakectl" up --data "$data" --port-offset "$offset" --detach
"$bin/multitier" --gateway "http://127.0.0.1:$((4110 + offset))" \
    --workers 5000 --concurrency 50 --duration 60 --seed 1 "$@"
