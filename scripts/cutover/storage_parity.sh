#!/usr/bin/env bash
# Writes, reads and deletes objects in two object stores, and writes reports/cutover/storage_parity_<DATE>.md.
# Usage: [LEFT=URL] [RIGHT=URL] scripts/cutover/storage_parity.sh [further arguments of `parity storage`]
# LEFT is the legacy gateway's /storage unless set, RIGHT our gateway's /v1/storage.
exec "$(dirname "$0")/parity.sh" storage "$@"
