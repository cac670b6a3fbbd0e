#!/usr/bin/env bash
# Runs probes beside counterparts that nobody here wrote, against a stack of its own, and tests of ours for what no endpoint can be asked
# for. Each adds a row to reports/cutover/PARITY.md; what is not there to be asked is SKIPPED. Ends with 1 if one of them failed.
# Usage: scripts/cutover/all_parity.sh FOLDER_OF_BINARIES [PART...]
# The parts are embed, sql, storage, retrieve, chat, vectors and promises; all of them unless some are named.
# Environment: LAKEHOUSE_EVAL_DATA, the folder with the two sets that `vectors` searches.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$1
parts=("${@:2}")
# The vectors come late: their graphs take all cores for minutes.
if [ ${#parts[@]} = 0 ]; then parts=(embed sql storage retrieve chat vectors promises); fi

offset=${LAKEHOUSE_BENCH_PORT_OFFSET:-500}
export LAKEHOUSE_GATEWAY=http://127.0.0.1:$((4110 + offset))
data=$(mktemp -d)
failed=0
stop() {
    jobs -p | xargs --no-run-if-empty kill
    "$bin/lakectl" down --data "$data/stack" || true
    rm -rf "$data"
}
trap stop EXIT

# Starts a server, `listen NAME PATTERN COMMAND...`, and waits until it has written a line that PATTERN matches, whose first group is
# the port; `port` is where it listens.
listen() {
    local name=$1 pattern=$2 process said
    # An earlier one of this name is not meant.
    : >"$data/$name.port" 2>"$data/$name.log"
    "${@:3}" >"$data/$name.port" 2>"$data/$name.log" &
    process=$!
    for _ in $(seq 1500); do
        said=$(sed -nE "s|$pattern|\\1|p" "$data/$name.port" "$data/$name.log" | tail -1)
        if [ -n "$said" ] || ! kill -0 "$process" 2>/dev/null; then break; fi
        sleep 0.2
    done
    if [ -z "$said" ]; then
        cat "$data/$name.log" >&2
        echo "all_parity.sh: $name does not listen" >&2
        exit 2
    fi
    port=$said
}

# Starts crates/testkit/NAME/serve.py with the packages of PACKAGES; `port` is where it listens.
serve() {
    local name=$1 packages
    packages=$(scripts/python-packages.sh "$2")
    listen "$name" '^([0-9]+)( .*)?$' env PYTHONPATH="$packages" python3 "crates/testkit/$name/serve.py" "${@:3}"
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

model_folder() {
    "$bin/lakectl" --json models list | python3 -c 'import json, sys; print(json.load(sys.stdin)["models_dir"])'
}

embed() {
    serve onnx-embed onnx-embed "$(model_folder)/all-MiniLM-L6-v2"
    probe embed --model all-MiniLM-L6-v2 --left "http://127.0.0.1:$port/ai/embed" --right "$LAKEHOUSE_GATEWAY/v1/embed"
}

sql() {
    local oews=data/oews/oews_2025_staffing_metro_detailed.parquet majors=scripts/cutover/parity/src/sql/majors.csv
    "$bin/lakectl" ingest bls.oews "$oews"
    "$bin/lakectl" ingest bls.majors "$majors"
    serve duckdb-sql lake-clients "bls.oews=$oews" "bls.majors=$majors"
    probe sql --left "http://127.0.0.1:$port/query" --right "$LAKEHOUSE_GATEWAY/v1/sql"
}

storage() {
    # moto reads the service that is meant from the credential, and checks no more.
    export S3_TOKEN=test/20260101/us-east-1/s3/aws4_request
    serve moto moto "$data" 0
    curl --silent --show-error --fail --request PUT --header "authorization: Bearer $S3_TOKEN" "http://127.0.0.1:$port/probed"
    probe storage --left "http://127.0.0.1:$port/probed" --left-token-env S3_TOKEN --right "$LAKEHOUSE_GATEWAY/v1/storage"
}

# The vectors of the left are made of the rows of the file, not taken from the index: one that the index has under another's id shows.
retrieve() {
    local rows=$data/workers.csv text='{role} in {area}. Skills: {skills}.' packages
    packages=$(scripts/python-packages.sh exact-retrieve)
    "$bin/lakectl" corpus workers --count 5000 --out "$rows"
    "$bin/lakectl" ingest staffing.workers "$rows"
    "$bin/lakectl" index staffing.workers --id worker_id --index workers --text "$text"
    PYTHONPATH=$packages python3 scripts/cutover/parity/vectors.py embed "$rows" "$text" "$data/workers.npy"
    serve exact-retrieve exact-retrieve "$rows" worker_id "$data/workers.npy"
    probe retrieve --left "http://127.0.0.1:$port/vectors/hybrid" --left-embed "$LAKEHOUSE_GATEWAY/v1/embed" \
        --right "$LAKEHOUSE_GATEWAY/v1/matrix/retrieve"
}

# llama.cpp and we run one file, each by itself.
chat() {
    local model=SmolLM2-135M-Instruct server right=$LAKEHOUSE_GATEWAY/v1/chat/completions
    if ! server=$(scripts/llama-server.sh find); then
        probe skip chat --left llama.cpp --right "$right" --because "llama.cpp's server is not built: make llama-server"
        return
    fi
    "$bin/lakectl" models pull "$model"
    listen llama-server '^.*Uvicorn running on http://127.0.0.1:([0-9]+) .*$' env --unset=HOST --unset=PORT --unset=CONFIG_FILE \
        PYTHONPATH="$server" PYTHONUNBUFFERED=1 python3 -m llama_cpp.server --host 127.0.0.1 --port 0 --verbose false \
        --model_alias "$model" --n_ctx 4096 --n_threads 2 --model "$(model_folder)/$model/model.gguf" --interrupt_requests false
    probe chat --model "$model" --left "http://127.0.0.1:$port/v1/chat/completions" --right "$right"
}

vectors() {
    if [ -z "${LAKEHOUSE_EVAL_DATA:-}" ]; then
        for index in words worker-texts; do
            probe skip vectors --name "vectors-${index}_parity_$(date +%F)" --left faiss --right "$LAKEHOUSE_GATEWAY/v1/vectors/search" \
                --because "LAKEHOUSE_EVAL_DATA is not set: the vectors of $index are not there"
        done
        return
    fi
    # Vectors of words are hard for every graph; `ef` is the documented way to ask for more care.
    vectors_of words "$LAKEHOUSE_EVAL_DATA/vectors_wink" base_100k_100d_f16.npy query_1k_100d_f16.npy --ef 384
    vectors_of worker-texts "$LAKEHOUSE_EVAL_DATA/vectors_workers" base_100k_384d_f16.npy query_2k_384d_f16.npy
}

vectors_of() {
    local index=$1 base=$2/$3 queries=$2/$4 packages
    packages=$(scripts/python-packages.sh faiss-search)
    PYTHONPATH=$packages python3 scripts/cutover/parity/vectors.py load "$index" "$base"
    serve faiss-search faiss-search "$index=$base"
    probe vectors --index "$index" --queries "$queries" --truth "$2/groundtruth_cosine_top100_i32.npy" --base "$base" \
        --name "vectors-${index}_parity_$(date +%F)" --left "http://127.0.0.1:$port/vectors/search" \
        --right "$LAKEHOUSE_GATEWAY/v1/vectors/search" "${@:5}"
}

promises() {
    checks front-end 'the gateway itself' 'the Bun front end' bun::passage bun::stack::answers
    checks learning-loop-through-bun 'cold search' 'warm search' bun::stack::outcome
    checks audit-baselines 'lines of other writers' 'our log' distillation baselines processes
    checks audit-full 'what daemons keep' 'lakectl audit full' audit::
    checks persistent-stack start_go_stack.sh start_stack.sh persistent::
}

for part in "${parts[@]}"; do
    case $part in
    embed | sql | storage | retrieve | chat | vectors | promises) ;;
    *)
        echo "all_parity.sh: there is no part $part" >&2
        exit 2
        ;;
    esac
done
"$bin/lakectl" up --data "$data/stack" --port-offset "$offset" --detach
for part in "${parts[@]}"; do "$part"; done
exit "$failed"
