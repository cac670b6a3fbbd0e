#!/usr/bin/env bash
# Sends vectors to two vector-search endpoints that hold the same ones, and writes reports/cutover/vectors_parity_<DATE>.md.
# Usage: [LEFT=URL] [RIGHT=URL] scripts/cutover/vectors_parity.sh --index NAME --queries FILE --truth FILE [further arguments]
# LEFT is the legacy gateway's /vectors/search unless set, RIGHT our gateway's /v1/vectors/search.
exec "$(dirname "$0")/parity.sh" vectors "$@"
