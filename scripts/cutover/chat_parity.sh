#!/usr/bin/env bash
# Sends conversations to two chat endpoints with the same model, and writes reports/cutover/chat_parity_<DATE>.md.
# Usage: MODEL=NAME [LEFT=URL] [RIGHT=URL] scripts/cutover/chat_parity.sh [further arguments of `parity chat`]
# LEFT is /v1/chat/completions of the legacy gateway unless set, RIGHT of ours.
exec "$(dirname "$0")/parity.sh" chat "$@"
