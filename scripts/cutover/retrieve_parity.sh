#!/usr/bin/env bash
# Sends texts with conditions to two endpoints over the same rows, and writes reports/cutover/retrieve_parity_<DATE>.md.
# Usage: [LEFT=URL] [RIGHT=URL] scripts/cutover/retrieve_parity.sh [further arguments of `parity retrieve`]
# LEFT is the legacy gateway's /vectors/hybrid unless set, RIGHT our gateway's /v1/matrix/retrieve.
exec "$(dirname "$0")/parity.sh" retrieve "$@"
