#!/usr/bin/env bash
# Sends five texts to two embed endpoints, the model forced, and writes reports/cutover/embed_parity_<DATE>.md.
# Usage: [MODEL=NAME] [LEFT=URL] [RIGHT=URL] scripts/cutover/embed_parity.sh [further arguments of `parity embed`]
# MODEL is nomic-embed-text unless set, LEFT the legacy gateway's /ai/embed, RIGHT our gateway's /v1/embed.
set -euo pipefail
cd "$(dirname "$0")/../.."

export MODEL=${MODEL:-nomic-embed-text}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/lakehouse/target}
parity=${PARITY:-$CARGO_TARGET_DIR/debug/parity}
if [ ! -x "$parity" ] || [ -z "${PARITY:-}" ]; then
    cargo build --locked --quiet --package parity --bin parity
fi
exec "$parity" embed "$@"
