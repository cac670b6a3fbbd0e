#!/usr/bin/env bash
# Sends five texts to two embed endpoints, the model forced, and writes reports/cutover/embed_parity_<DATE>.md.
# Usage: [MODEL=NAME] [LEFT=URL] [RIGHT=URL] scripts/cutover/embed_parity.sh [further arguments of `parity embed`]
# MODEL is nomic-embed-text unless set, LEFT the legacy gateway's /ai/embed, RIGHT our gateway's /v1/embed.
MODEL=${MODEL:-nomic-embed-text} exec "$(dirname "$0")/parity.sh" embed "$@"
