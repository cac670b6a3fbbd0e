#!/usr/bin/env bash
# Installs the eleven daemons as systemd units, or takes them away again. A second run brings new binaries and units; the
# configuration, the secrets and the data are never touched.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: install.sh [--bin DIR] [--root DIR] [--dry-run]
       install.sh --uninstall [--root DIR] [--dry-run]

  --bin DIR      where the binaries are [default: ../../bin of this script, as in the tarball of `make dist`]
  --root DIR     install below DIR, as for an image; nothing is started or reloaded then
  --dry-run      print what would be done, and do nothing
  --uninstall    stop the daemons and remove units and binaries; /etc/lakehouse and /var/lib/lakehouse stay

Examples:
  sudo deploy/systemd/install.sh --dry-run
  sudo deploy/systemd/install.sh --bin target/release
  sudo deploy/systemd/install.sh --uninstall
USAGE
}

daemons=(storaged catalogd ingestd queryd embedd vectord pathwayd observerd matrixd chatd gateway)
here=$(cd "$(dirname "$0")" && pwd)
bin=$here/../../bin root= dry_run=false uninstall=false
while [ $# -gt 0 ]; do
    case $1 in
        --bin) bin=${2:?--bin needs a folder} && shift ;;
        --root) root=${2:?--root needs a folder} && shift ;;
        --dry-run) dry_run=true ;;
        --uninstall) uninstall=true ;;
        --help | -h) usage && exit ;;
        *) usage >&2 && echo "install.sh: unknown argument $1" >&2 && exit 2 ;;
    esac
    shift
done

units=$root/etc/systemd/system libexec=$root/usr/lib/lakehouse etc=$root/etc/lakehouse
sysusers=$root/usr/lib/sysusers.d/lakehouse.conf lakectl=$root/usr/bin/lakectl

run() {
    echo "+ $*"
    if ! $dry_run; then "$@"; fi
}

# systemctl, where there is a running systemd and the root is its own.
manage() {
    if [ -z "$root" ] && { $dry_run || [ -d /run/systemd/system ]; }; then run systemctl "$@"; fi
}

check() {
    if ! $dry_run && [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
        echo "install.sh: only root installs units; run it with sudo, or see what it would do with --dry-run" >&2
        exit 1
    fi
}

install_all() {
    for name in "${daemons[@]}" lakectl; do
        if [ ! -x "$bin/$name" ]; then
            echo "install.sh: $bin/$name is not there; name the folder of the binaries with --bin" >&2
            exit 1
        fi
    done
    for name in "${daemons[@]}"; do
        run install -D --mode 755 "$bin/$name" "$libexec/$name"
        run install -D --mode 644 "$here/lakehouse-$name.service" "$units/lakehouse-$name.service"
    done
    run install -D --mode 755 "$bin/lakectl" "$lakectl"
    run install -D --mode 644 "$here/lakehouse.target" "$units/lakehouse.target"
    run install -D --mode 644 "$here/lakehouse-.service.d/10-common.conf" "$units/lakehouse-.service.d/10-common.conf"
    run install -D --mode 644 "$here/lakehouse.sysusers" "$sysusers"
    if [ ! -e "$etc/lakehouse.toml" ]; then
        run install -D --mode 644 "$here/../../lakehouse.toml" "$etc/lakehouse.toml"
    fi
    run install --directory --mode 700 "$etc/credentials" "$etc/credentials/tokens" "$etc/credentials/chatd" \
        "$etc/credentials/embedd" "$etc/credentials/storaged"
    if [ -n "$root" ]; then return; fi
    run systemd-sysusers "$sysusers"
    manage daemon-reload
    manage enable lakehouse.target
    # New binaries take effect; daemons that do not run are not started.
    manage try-restart "${daemons[@]/#/lakehouse-}"
    cat <<'NEXT'

Next:
  sudo install --directory --owner lakehouse --group lakehouse --mode 700 /var/lib/lakehouse
  sudo --user lakehouse LAKEHOUSE_MODELS=/var/lib/lakehouse/models lakectl models pull
  sudo systemctl start lakehouse.target
  lakectl status
NEXT
}

uninstall_all() {
    if [ -e "$units/lakehouse.target" ]; then
        manage disable --now lakehouse.target "${daemons[@]/#/lakehouse-}"
    fi
    for name in "${daemons[@]}"; do
        run rm --force "$libexec/$name" "$units/lakehouse-$name.service"
    done
    run rm --force "$lakectl" "$sysusers" "$units/lakehouse.target" "$units/lakehouse-.service.d/10-common.conf"
    for folder in "$libexec" "$units/lakehouse-.service.d"; do
        if [ -d "$folder" ]; then run rmdir --ignore-fail-on-non-empty "$folder"; fi
    done
    manage daemon-reload
    echo "Kept: $etc (configuration, secrets) and $root/var/lib/lakehouse (data)."
}

check
if $uninstall; then uninstall_all; else install_all; fi
