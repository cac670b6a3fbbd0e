#!/usr/bin/env bash
# Sends statements to two SQL endpoints that have the same tables, and writes reports/cutover/sql_parity_<DATE>.md.
# Usage: [LEFT=URL] [RIGHT=URL] scripts/cutover/sql_parity.sh [further arguments of `parity sql`]
# LEFT is the legacy gateway's /query unless set, RIGHT our gateway's /v1/sql.
exec "$(dirname "$0")/parity.sh" sql "$@"
