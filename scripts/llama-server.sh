#!/usr/bin/env bash
# Builds llama.cpp's server for Python and fetches a small model for it, outside the checkout, unless they are there; prints the
# folder. It takes about ten minutes on two cores. With `find` nothing is built: it fails where they are not there.
# Usage: scripts/llama-server.sh [find]
set -euo pipefail
cd "$(dirname "$0")/.."

name=llama-server
pinned=crates/testkit/$name
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lakehouse
# For any processor of the last ten years, without what chat does not need: images, TLS, OpenMP's library.
export CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF"
folder=$cache/$name-$( (cat "$pinned"/* && echo "$CMAKE_ARGS") | sha256sum | cut -c1-12)

if [ "${1:-}" = find ]; then
    [ -d "$folder" ] && echo "$folder"
    exit
fi

install=(python3 -m pip install --no-deps --quiet --disable-pip-version-check --no-warn-conflicts --target "$folder.partial")
# Nothing is installed for the whole machine.
export PIP_ROOT_USER_ACTION=ignore
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-2}

build() {
    command -v cmake >/dev/null && command -v c++ >/dev/null &&
        "${install[@]}" --only-binary :all: --requirement "$pinned/requirements.txt" &&
        (cd "$folder.partial" && sha256sum --check --quiet) <"$pinned/model.sha256" &&
        PYTHONPATH=$folder.partial "${install[@]}" --no-binary :all: --no-build-isolation --requirement "$pinned/source.txt"
}

mkdir -p "$cache"
# Two at once would install into each other's folder.
exec 9>"$cache/$name.lock"
flock 9
if [ ! -d "$folder" ]; then
    rm -rf "$folder.partial"
    if ! build >&2; then
        cat >&2 <<ADVICE
llama-server.sh: the server was not built. Install CMake, a C++ compiler and Python 3 with pip (Debian:
apt-get install cmake g++ python3-pip), let pip reach its registry, and run it again.
ADVICE
        exit 1
    fi
    mv "$folder.partial" "$folder"
fi
echo "$folder"
