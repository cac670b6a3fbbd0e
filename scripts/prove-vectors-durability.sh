#!/usr/bin/env bash
# Proves at length that vectord loses and spreads nothing, and leaves one record for each proof in reports/bench/.
# The same tests run short in `make test`. A proof that fails leaves no record, and ends the script.
# Usage: scripts/prove-vectors-durability.sh [PROFILE OF CARGO]
# Shorter:  LAKEHOUSE_PROOF_ROUNDS=5 LAKEHOUSE_PROOF_SECONDS=10 LAKEHOUSE_MODEL_STEPS=5000 scripts/prove-...
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-dev}

# Crashes, how long there is load before each, and how many stacks share them; the steps of each random model; indexes of three vectors.
export LAKEHOUSE_PROOF_ROUNDS=${LAKEHOUSE_PROOF_ROUNDS:-50}
export LAKEHOUSE_PROOF_SECONDS=${LAKEHOUSE_PROOF_SECONDS:-60}
export LAKEHOUSE_PROOF_STACKS=${LAKEHOUSE_PROOF_STACKS:-5}
export LAKEHOUSE_MODEL_STEPS=${LAKEHOUSE_MODEL_STEPS:-100000}
export LAKEHOUSE_PROOF_INDEXES=${LAKEHOUSE_PROOF_INDEXES:-10000}
export LAKEHOUSE_PROOF_ALL_DAMAGE=${LAKEHOUSE_PROOF_ALL_DAMAGE:-1}
LAKEHOUSE_PROOF_REPORTS=${LAKEHOUSE_PROOF_REPORTS:-$PWD/reports/bench}
export LAKEHOUSE_PROOF_REPORTS
mkdir -p "$LAKEHOUSE_PROOF_REPORTS"

say() {
    printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"
}

# Runs the tests of a package whose names contain a text, one after the other, and fails if there are none.
run() {
    local package=$1 tests=$2
    say "$package: $tests"
    cargo test --locked --profile "$profile" -p "$package" --test it -- "$tests" --nocapture --test-threads=1 |
        tee "$log" | grep --line-buffered -E '^(vectors-|test |[0-9]+ steps|SKIPPED)'
    ! grep -q 'running 0 tests' "$log"
}

# Tests of the crate know no reports: their record is written here. Usage: record PROOF TESTS SETTINGS-AS-JSON
record() {
    local proof=$1 tests=$2 settings=$3 began=$SECONDS
    run vector-index "$tests"
    cat >"$LAKEHOUSE_PROOF_REPORTS/$proof.json" <<JSON
{
  "proof": "$proof",
  "commit": "$(git describe --always --dirty)",
  "cpu": "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)",
  "cores": $(nproc),
  "build": "$profile",
  "seconds": $((SECONDS - began)),
  "settings": $settings,
  "found": { "tests": $(grep -cE ' \.\.\. ok$|^ok$' "$log"), "failures": 0 }
}
JSON
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

run stack vectors::single_item
run stack vectors::full_disk
record vectors-predecessor predecessor '{ "builders": ["own", "hnsw_rs"] }'
run stack vectors::many_indexes
run stack vectors::damage
record vectors-oracle model "{ \"steps_per_model\": $LAKEHOUSE_MODEL_STEPS }"
run stack vectors::crash
say "proved; the records are in $LAKEHOUSE_PROOF_REPORTS"
