#!/usr/bin/env bash
# Installs the npm packages that tests run against, outside the checkout, unless they are there; prints the folder.
# Usage: scripts/node-packages.sh chat-clients-node | bun
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
pinned=crates/testkit/$name
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lakehouse
folder=$cache/$name-$(sha256sum "$pinned/package-lock.json" | cut -c1-12)
# Nothing that a package brings is run at its installation.
install=(npm ci --ignore-scripts)

mkdir -p "$cache"
# Two at once would install into each other's folder.
exec 9>"$cache/$name.lock"
flock 9
if [ ! -d "$folder" ]; then
    rm -rf "$folder.partial"
    mkdir "$folder.partial"
    cp "$pinned"/package{,-lock}.json "$folder.partial"
    if ! (cd "$folder.partial" && "${install[@]}" --no-audit --no-fund --loglevel=error >/dev/null); then
        cat >&2 <<ADVICE
node-packages.sh: npm could not install $name, which the tests need. Install Node.js 20 or later with npm (Debian:
apt-get install nodejs npm) and let it reach its registry; or run, on a machine that does, in a copy of $pinned,
    ${install[*]}
and copy that folder to $folder.
ADVICE
        exit 1
    fi
    mv "$folder.partial" "$folder"
fi
echo "$folder"
