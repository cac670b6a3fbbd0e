#!/usr/bin/env bash
# Boots a copy of this machine's system in a container (systemd-nspawn(1)), whose changes are thrown away, and does there with a
# real systemd what an operator does: install, start, lose a daemon, stop, uninstall. Prints each step and whether it held.
set -euo pipefail

usage="Usage: sudo deploy/systemd/try.sh BINARIES MODELS

  BINARIES   the folder with the eleven daemons and lakectl
  MODELS     the folder of the models: what \`lakectl models pull\` fills

Needs systemd-nspawn (Debian: apt-get install systemd-container) and two minutes."
if [ $# != 2 ]; then echo "$usage" >&2 && exit 2; fi
bin=$(cd "$1" && pwd) models=$(cd "$2" && pwd) here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp --directory)
trap 'umount "$work/lower" && rm --recursive --force "$work"' EXIT
mkdir "$work/lower" "$work/out"
# nspawn refuses the root folder itself, but takes another mount of it.
mount --bind / "$work/lower"

cat >"$work/out/steps.sh" <<'STEPS'
#!/usr/bin/env bash
# Runs in the container as a unit.
set -uo pipefail
here=$1 bin=$2 models=$3
daemons=(storaged catalogd ingestd queryd embedd vectord pathwayd observerd matrixd chatd gateway)
failed=0

hold() {
    local what=$1
    shift
    if "$@" >/tmp/said 2>&1; then
        echo "ok      $what"
    else
        echo "FAILED  $what" && sed 's/^/        /' /tmp/said
        failed=1
    fi
}

all_active() { systemctl is-active "${daemons[@]/#/lakehouse-}"; }
# `systemctl stop` waits for the target, which is gone before its daemons are.
none_active() {
    for _ in $(seq 300); do
        systemctl is-active --quiet "${daemons[@]/#/lakehouse-}" || return 0
        sleep 0.1
    done
    systemctl list-units --no-pager 'lakehouse-*'
    return 1
}
none_failed() { ! systemctl list-units --failed --no-legend --no-pager 'lakehouse-*' | grep .; }
all_ready() { lakectl status && [ "$(lakectl status --json | grep --only-matching '"status": \?"ok"' | wc --lines)" -ge 11 ]; }
main_pid() { systemctl show --property MainPID --value "lakehouse-$1"; }
# Waits until systemd has started a unit again and heard that it is ready: another process, active.
started_again() {
    for _ in $(seq 600); do
        [ "$(main_pid "$1")" != "$2" ] && systemctl is-active --quiet "lakehouse-$1" && return
        sleep 0.1
    done
    systemctl status --no-pager "lakehouse-$1"
    return 1
}
survives() {
    local pid
    pid=$(main_pid "$1")
    kill "-$2" "$pid"
    started_again "$1" "$pid"
}
runs_unprivileged() {
    for name in "${daemons[@]}"; do
        [ "$(ps -o user= -p "$(main_pid "$name")")" = lakehouse ] || { echo "$name does not run as lakehouse" && return 1; }
    done
}

hold "install.sh installs" "$here/install.sh" --bin "$bin"
install --directory --owner lakehouse --group lakehouse --mode 700 /var/lib/lakehouse
cp --recursive "$models" /var/lib/lakehouse/models && chown --recursive lakehouse: /var/lib/lakehouse/models
hold "systemctl start lakehouse.target" systemctl start lakehouse.target
hold "all eleven are active, so each has said READY=1" all_active
hold "lakectl status finds all of them ready" all_ready
hold "each runs as the user lakehouse" runs_unprivileged
hold "matrixd is started again after SIGKILL" survives matrixd KILL
hold "vectord, stopped as if stuck, misses its watchdog and is started again" survives vectord STOP
hold "all are ready again" all_ready
hold "install.sh over running daemons restarts them" "$here/install.sh" --bin "$bin"
hold "all are active after that" all_active
hold "systemctl stop lakehouse.target" systemctl stop lakehouse.target
hold "none is active after that" none_active
hold "no unit is left failed" none_failed
hold "install.sh --uninstall" "$here/install.sh" --uninstall
hold "the data is still there" test -d /var/lib/lakehouse/vectord
journalctl --no-pager --unit 'lakehouse-*' --output short-precise >/out/journal
exit $failed
STEPS
chmod +x "$work/out/steps.sh"

# The unit that runs the steps and ends the container.
cat >"$work/out/try.service" <<UNIT
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/out/steps.sh $here $bin $models >/out/result 2>&1; echo \$\$? >/out/code'
UNIT

timeout --signal KILL 400 systemd-nspawn --quiet --directory="$work/lower" --volatile=overlay --register=no --keep-unit \
    --private-network --link-journal=no --machine=lakehouse-try --bind="$work/out:/out" \
    --bind-ro="$work/out/try.service:/etc/systemd/system/try.service" \
    --boot --console=pipe systemd.wants=try.service </dev/null >"$work/out/console" 2>&1 || true
cat "$work/out/result" 2>/dev/null || { echo "the container did not run the steps:" && tail -20 "$work/out/console"; }
code=$(cat "$work/out/code" 2>/dev/null || echo 1)
if [ "$code" != 0 ] && [ -e "$work/out/journal" ]; then tail -40 "$work/out/journal"; fi
exit "$code"
