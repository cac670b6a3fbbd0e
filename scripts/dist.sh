#!/usr/bin/env bash
# Packs what a machine needs to run the lakehouse into one tarball: binaries, units, default configuration, checksums.
# Usage: scripts/dist.sh BINARIES [FOLDER]      FOLDER of the tarball, `dist` by default
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$1 folder=${2:-dist}
programs=(storaged catalogd ingestd queryd embedd vectord pathwayd observerd matrixd chatd gateway lakectl)
version=$("$bin/lakectl" --version | cut --delimiter ' ' --fields 2)
name=lakehouse-$version-$(uname --machine)-linux
stage=$(mktemp --directory)
trap 'rm --recursive --force "$stage"' EXIT

mkdir --parents "$stage/$name/bin" "$folder"
for program in "${programs[@]}"; do
    # Symbols stay, for a stack trace that names functions; what only a debugger reads does not.
    strip --strip-debug --output-file "$stage/$name/bin/$program" "$bin/$program"
done
cp --recursive --parents deploy lakehouse.toml README.md docs "$stage/$name"
(cd "$stage/$name" && find . -type f ! -name SHA256SUMS -print0 | sort --zero-terminated | xargs --null sha256sum >SHA256SUMS)

# The same files give the same tarball, byte for byte: reproducible-builds.org, "Archive metadata".
tarball=$folder/$name.tar.gz
tar --create --directory "$stage" --sort name --owner 0 --group 0 --numeric-owner \
    --mtime "@$(git log -1 --format=%ct 2>/dev/null || echo 0)" "$name" | gzip --no-name >"$tarball.partial"
mv "$tarball.partial" "$tarball"
(cd "$folder" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "$tarball: $(du --human-readable "$tarball" | cut --fields 1)"
