#!/usr/bin/env bash
# Proves at length that the lake loses, doubles and halves nothing; leaves reports/bench/lake_faults.json.
# The same tests run short in `make test`. A proof that fails leaves no record, and ends the script.
# Usage: scripts/prove-lake.sh        Shorter:  LAKEHOUSE_FAULT_SEEDS=100 LAKEHOUSE_CRASH_ROUNDS=10 scripts/prove-lake.sh
set -euo pipefail
cd "$(dirname "$0")/.."

export LAKEHOUSE_FAULT_SEEDS=${LAKEHOUSE_FAULT_SEEDS:-1000}
export LAKEHOUSE_CRASH_ROUNDS=${LAKEHOUSE_CRASH_ROUNDS:-100}
record=${LAKEHOUSE_PROOF_REPORTS:-$PWD/reports/bench}/lake_faults.json
mkdir -p "$(dirname "$record")"
partial=$(mktemp)
trap 'rm -f "$partial"' EXIT

LAKEHOUSE_FAULT_REPORT=$partial cargo test --locked --workspace --test lake_faults -- --nocapture
# The syncs: real daemons on a disk that loses what was not synced.
cargo test --locked --workspace --test it -- appended_rows_are_there_once_after_power_cuts --nocapture
python3 - "$partial" "$record" "$LAKEHOUSE_CRASH_ROUNDS" <<'PYTHON'
import json, sys

partial, record, rounds = sys.argv[1:]
with open(partial) as file:
    proof = json.load(file)
proof["power_cuts"] = {"rounds": int(rounds), "lost": 0}
with open(record, "w") as file:
    file.write(json.dumps(proof, indent=2) + "\n")
PYTHON
echo "$record"
