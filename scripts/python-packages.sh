#!/usr/bin/env bash
# Installs the Python packages that tests run against, outside the checkout, unless they are there; prints the folder.
# Usage: scripts/python-packages.sh moto | lake-clients | schemathesis | chat-clients | onnx-embed | faiss-search | exact-retrieve
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
requirements=crates/testkit/$name/requirements.txt
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lakehouse
folder=$cache/$name-$(sha256sum "$requirements" | cut -c1-12)
install=(python3 -m pip install --no-deps --only-binary :all: --requirement "$requirements")

# Nothing is installed for the whole machine.
export PIP_ROOT_USER_ACTION=ignore
mkdir -p "$cache"
# Two at once would install into each other's folder.
exec 9>"$cache/$name.lock"
flock 9
if [ ! -d "$folder" ]; then
    rm -rf "$folder.partial"
    if ! "${install[@]}" --quiet --disable-pip-version-check --no-warn-conflicts --target "$folder.partial" >&2; then
        cat >&2 <<ADVICE
python-packages.sh: pip could not install $name, which the tests need. Install Python 3 with pip (Debian:
apt-get install python3-pip) and let it reach its registry; or run, on a machine that does,
    ${install[*]} --target DIR
and copy DIR to $folder.
ADVICE
        exit 1
    fi
    mv "$folder.partial" "$folder"
fi
echo "$folder"
