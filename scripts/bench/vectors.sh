#!/usr/bin/env bash
# Runs every measurement of vector search, one after the other, and writes the page of them.
# Usage: scripts/bench/vectors.sh BENCH_VECTORS [further arguments for each, such as --quick --out DIR]
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1
shift

for measurement in search build memory filters http mixed rss many; do
    "$program" "$measurement" "$@"
done
"$program" report "$@"
