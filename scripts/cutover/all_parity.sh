#!/usr/bin/env bash
# Runs probes beside counterparts that nobody here wrote, against a stack of its own, and tests of ours for what no endpoint can be asked
# for. Each adds a row to reports/cutover/PARITY.md. Ends with 1 if one of them failed.
# Usage: scripts/cutover/all_parity.sh FOLDER_OF_BINARIES
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$1

offset=${LAKEHOUSE_BENCH_PORT_OFFSET:-500}
export LAKEHOUSE_GATEWAY=http://127.0.0.1:$((4110 + offset))
data=$(mktemp -d)
oews=data/oews/oews_2025_staffing_metro_detailed.parquet
majors=scripts/cutover/parity/src/sql/majors.csv
failed=0
stop() {
    jobs -p | xargs --no-run-if-empty kill
    "$bin/lakectl" down --data "$data/stack" || true
    rm -rf "$data"
}
trap stop EXIT

# Starts crates/testkit/NAME/serve.py with the packages of PACKAGES; `port` is where it listens.
serve() {
    local name=$1 packages=$2
    PYTHONPATH=$(scripts/python-packages.sh "$packages") python3 "crates/testkit/$name/serve.py" "${@:3}" \
        >"$data/$name.port" 2>"$data/$name.log" &
    for _ in $(seq 600); do
        if [ -s "$data/$name.port" ]; then break; fi
        sleep 0.2
    done
    read -r port _ <"$data/$name.port"
}

# 1 is a difference, 3 that a side could not be reached: both stand in the log, and the next probe runs.
probe() {
    local status=0
    "$bin/parity" "$@" || status=$?
    if [ "$status" = 1 ]; then failed=1; fi
    if [ "$status" = 2 ]; then exit 2; fi
}

checks() {
    probe checks "$1" --left "$2" --right "$3" -- cargo test --locked --quiet --workspace -- --format pretty "${@:4}"
}

"$bin/lakectl" up --data "$data/stack" --port-offset "$offset" --detach
"$bin/lakectl" ingest bls.oews "$oews"
"$bin/lakectl" ingest bls.majors "$majors"

models=$("$bin/lakectl" --json models list | python3 -c 'import json, sys; print(json.load(sys.stdin)["models_dir"])')
serve onnx-embed onnx-embed "$models/all-MiniLM-L6-v2"
probe embed --model all-MiniLM-L6-v2 --left "http://127.0.0.1:$port/ai/embed" --right "$LAKEHOUSE_GATEWAY/v1/embed"

serve duckdb-sql lake-clients "bls.oews=$oews" "bls.majors=$majors"
probe sql --left "http://127.0.0.1:$port/query" --right "$LAKEHOUSE_GATEWAY/v1/sql"

# moto reads the service that is meant from the credential, and checks no more.
export S3_TOKEN=test/20260101/us-east-1/s3/aws4_request
serve moto moto "$data" 0
curl --silent --show-error --fail --request PUT --header "authorization: Bearer $S3_TOKEN" "http://127.0.0.1:$port/probed"
probe storage --left "http://127.0.0.1:$port/probed" --left-token-env S3_TOKEN --right "$LAKEHOUSE_GATEWAY/v1/storage"

checks front-end 'the gateway itself' 'the Bun front end' bun::passage bun::stack::answers
checks learning-loop-through-bun 'cold search' 'warm search' bun::stack::outcome
checks audit-baselines 'lines of other writers' 'our log' distillation baselines processes
checks audit-full 'what daemons keep' 'lakectl audit full' audit::
checks persistent-stack start_go_stack.sh start_stack.sh persistent::
exit "$failed"
