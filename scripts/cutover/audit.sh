#!/usr/bin/env bash
# Audits a stack of its own that has run the multi-tier harness for a minute: all twelve checks pass, metrics changed by hand show in
# the drift table, and a planted social security number ends in quarantine and in no export. Leaves reports/cutover/audit_full.md;
# ends with 1, and says what, if any of that does not hold.
# Usage: scripts/cutover/audit.sh FOLDER_OF_BINARIES [further arguments of `lakectl audit full`, such as --test-command]
# Environment: LAKEHOUSE_AUDIT_LOAD, arguments of multitier for a shorter load, such as '--workers 500 --queries 200 --duration 5';
# LAKEHOUSE_AUDIT_REPORTS, where the report goes; LAKEHOUSE_AUDIT_KB, a knowledge base that stays, whose last baseline is what the
# report compares with.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$1
shift

offset=${LAKEHOUSE_BENCH_PORT_OFFSET:-700}
gateway=http://127.0.0.1:$((4110 + offset))
read -ra load <<<"${LAKEHOUSE_AUDIT_LOAD:---workers 5000 --concurrency 50 --duration 60}"
reports=${LAKEHOUSE_AUDIT_REPORTS:-reports/cutover}
data=$(mktemp -d)
kb=${LAKEHOUSE_AUDIT_KB:-$data/kb}
stop() {
    "$bin/lakectl" down --data "$data/stack" || true
    rm -rf "$data"
}
trap stop EXIT

"$bin/lakectl" up --data "$data/stack" --port-offset "$offset" --detach
"$bin/multitier" --gateway "$gateway" --seed 1 --report-dir "$data" --name load "${load[@]}"
python3 scripts/cutover/audit/records.py "$gateway" "$data/planted.json"

"$bin/lakectl" audit full --collect --append-baseline --gateway "$gateway" --kb "$kb" --reports "$reports" "$@"
runs=("$kb"/runs/*)
run=${runs[-1]}
mkdir "$data/by-hand"
python3 scripts/cutover/audit/shown.py by-hand "$kb/audit_baselines.jsonl" "$data/by-hand/audit_baselines.jsonl"
"$bin/lakectl" audit drift --kb "$data/by-hand" --run "$run"
"$bin/lakectl" audit drift --kb "$data/by-hand" --run "$run" --json >"$data/drift.json"
python3 scripts/cutover/audit/shown.py report "$reports" "$run" "$data/drift.json" "$data/planted.json" "$data/load.json"
