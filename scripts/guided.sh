#!/usr/bin/env bash
# Makes release binaries and gathers them in TARGET/guided. The daemons that a search goes through, and chatd, are built twice, the second
# time guided by what they did under the load harnesses among the PROGRAMs: the rustc book, "Profile-guided Optimization". What it
# brings: docs/decisions/0091-guided-builds.md
# Usage: scripts/guided.sh TARGET PROGRAM...      GUIDED=no: all are built once, without a profile
set -euo pipefail
cd "$(dirname "$0")/.."

target=$1 && shift
among() { [[ " ${*:2} " == *" $1 "* ]]; }
guided=()
for daemon in gateway matrixd vectord embedd pathwayd chatd; do
    if among "$daemon" "$@"; then guided+=("$daemon"); fi
done
host=$(rustc --version --verbose | sed --quiet 's/^host: //p')
# A profile is good for the sources and the daemons that it was taken of.
sources=$(find crates daemons Cargo.toml Cargo.lock -type f -print0 | sort --zero-terminated | xargs --null cat | sha256sum | cut --characters 1-12)
profile=$target/profiles/$sources-$(printf %s "${guided[*]}" | sha256sum | cut --characters 1-4).profdata

# Any that reads the counters of this compiler will do: rustup's own, or Debian's llvm-19.
find_profdata() {
    local tool
    for tool in "${LLVM_PROFDATA:-}" "$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata" \
        llvm-profdata-22 llvm-profdata-21 llvm-profdata-20 llvm-profdata-19; do
        if command -v "$tool"; then return; fi
    done
    echo "guided.sh: llvm-profdata is not here; run \`rustup component add llvm-tools\` or \`apt-get install llvm-19\`," >&2
    echo "or build without a profile: make GUIDED=no …" >&2
    exit 1
}

# Cross-compiling to the machine itself keeps the flags from build scripts and macros.
build() {
    RUSTFLAGS=$2 CARGO_TARGET_DIR=$1 cargo build --locked --release --target "$host" --workspace "${guided[@]/#/--bin=}"
}

# Daemons that count what they do, beside the others, under the load harnesses for half a minute each.
take_profile() {
    local counts=$target/counted/counts run=$target/counted/run
    build "$target/counted" "-Cprofile-generate=$counts"
    rm --recursive --force "$counts" "$run" && mkdir --parents "$run" "$target/profiles"
    ln "${programs[@]}" "$run"
    ln --force "${guided[@]/#/$target/counted/$host/release/}" "$run"
    if [ -e "$run/multitier" ]; then
        "$run/lakectl" models pull all-MiniLM-L6-v2
        "$run/multitier" --data "${XDG_CACHE_HOME:-$HOME/.cache}/lakehouse/multitier" --workers 5000 --duration 30 \
            --report-dir "$run" --name profile
    fi
    "$run/bench-chat" --rounds 1 --seconds 5 --sweep 1 --streams 0 --leak 0 --out "$run"
    "$profdata" merge --output "$profile.partial" "$counts"
    mv "$profile.partial" "$profile"
}

is_guided=${GUIDED:-yes}
# Said before half an hour of building, not after it.
if [ "$is_guided" != no ] && [ ! -e "$profile" ]; then profdata=$(find_profdata); fi
CARGO_TARGET_DIR=$target cargo build --locked --release --workspace "${@/#/--bin=}"
programs=("${@/#/$target/release/}")
rm --recursive --force "$target/guided"
mkdir --parents "$target/guided"
if [ "$is_guided" = no ]; then
    ln "${programs[@]}" "$target/guided"
else
    if [ ! -e "$profile" ]; then take_profile; fi
    build "$target/guided-build" "-Cprofile-use=$profile"
    ln "${programs[@]}" "$target/guided"
    ln --force "${guided[@]/#/$target/guided-build/$host/release/}" "$target/guided"
    # Reports tell it: bench_kit::machine.
    echo "$sources" >"$target/guided/PROFILE"
fi
echo "The binaries are in $target/guided"
