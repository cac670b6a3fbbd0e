#!/usr/bin/env bash
# Searches for people in the Bun front end, before a stack of its own that has learned from one outcome, and keeps what Chromium
# shows in docs/bun-front-end.png. Says so and does nothing where there is no Chromium.
# Usage: scripts/cutover/bun/screenshot.sh FOLDER_OF_BINARIES
set -euo pipefail
cd "$(dirname "$0")/../../.."
bin=$1

if ! chromium=$(command -v chromium || command -v google-chrome); then
    echo "screenshot.sh: skipped, there is no Chromium (Debian: apt-get install chromium)" >&2
    exit
fi
packages=$(scripts/node-packages.sh bun)
offset=${LAKEHOUSE_BENCH_PORT_OFFSET:-400}
export LAKEHOUSE_GATEWAY=http://127.0.0.1:$((4110 + offset))
page=http://127.0.0.1:$((3000 + offset))
data=$(mktemp -d)
stop() {
    kill "${front_end:-}" 2>/dev/null || true
    "$bin/lakectl" down --data "$data" || true
    rm -rf "$data"
}
trap stop EXIT

"$bin/lakectl" up --data "$data" --port-offset "$offset" --detach
GO_LAKEHOUSE_URL=$LAKEHOUSE_GATEWAY PORT=$((3000 + offset)) "$packages"/node_modules/@oven/*/bin/bun scripts/cutover/bun/server.ts &
front_end=$!
"$bin/lakectl" corpus workers --count 500 --out "$data/workers.csv"
"$bin/lakectl" ingest staffing.workers "$data/workers.csv"
"$bin/lakectl" index staffing.workers --id worker_id --index workers --metadata name,role,area,years,shift \
    --text '{role} in {area}. {occupation}, {years} years. Skills: {skills}. Certifications: {certifications}. Shift: {shift}.'

# The sixth of those found, and the twentieth, who is not shown without a recording, worked out.
query='forklift operator, night shift' role='Forklift Operator'
found=$("$bin/lakectl" search "$query" -k 20 --json)
for place in 5 19; do
    outcome=$(python3 -c 'import json, sys; query, role, place, found = sys.argv[1:]; print(json.dumps({"query_text": query,
        "role": role, "corpus": "workers", "answer_id": json.loads(found)["results"][int(place)]["id"], "score": 1.0}))' \
        "$query" "$role" "$place" "$found")
    curl --silent --show-error --fail-with-body --json "$outcome" "$page/_go/v1/matrix/playbooks/record"
done

browse() {
    "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$data/chromium" \
        --virtual-time-budget=10000 "$@" "$page/?q=${query// /%20}&role=${role// /%20}" 2>"$data/chromium.log"
}
dom=$(browse --dump-dom)
for shown in '>boosted<' '>injected<' '1 boosted, 1 injected'; do
    if [[ $dom != *"$shown"* ]]; then
        echo "screenshot.sh: the page does not show $shown:" >&2
        echo "$dom" >&2
        exit 1
    fi
done
browse --window-size=1000,1000 --screenshot="$PWD/docs/bun-front-end.png"
echo "Written to docs/bun-front-end.png."
