# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Shared by the programs in deploy/ and by tests/host/rig; to be sourced, by a script that has set -euo pipefail.
# LEFT4ME_CACHE is where everything lives that is built from the checkout; nothing is ever written into the checkout.

DEPLOY=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
export DEPLOY
export TOP="${DEPLOY%/*}"
export LEFT4ME_CACHE="${LEFT4ME_CACHE:-/var/cache/left4me}"
export LEFT4ME_LOGS="${LEFT4ME_LOGS:-$LEFT4ME_CACHE/logs/$(date +%Y%m%d-%H%M%S)-$$}"
# set by deploy/check for its tiers
export LEFT4ME_RESULT="${LEFT4ME_RESULT:-/dev/null}"
export LEFT4ME_FILTER="${LEFT4ME_FILTER:-}"
export LC_ALL=C.UTF-8

say() {
        printf '%s\n' "$*" >&2
}

die() {
        printf '%s: %s\n' "${0##*/}" "$*" >&2
        exit 1
}

need_root() {
        [ "$(id -u)" = 0 ] || die "must run as root (mounts, namespaces and a container are needed)"
}

# seconds SINCE: whole tenths since a moment taken with `now`.
now() {
        printf '%s' "${EPOCHREALTIME/[.,]/}"
}

seconds() {
        local us=$(($(now) - $1))
        printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

# step TITLE LOG COMMAND...: one line of progress; what the command prints goes to the log, its end is shown on failure.
# The command is a program, never a function: bash would ignore `set -e` in a function whose status is looked at.
step() {
        local title=$1 log=$LEFT4ME_LOGS/$2 start status=0
        shift 2
        mkdir -p "$LEFT4ME_LOGS"
        start=$(now)
        printf '  %-58s ' "$title" >&2
        "$@" >"$log" 2>&1 </dev/null || status=$?
        if [ $status = 0 ]; then
                printf '%6s s\n' "$(seconds "$start")" >&2
                return 0
        fi
        printf 'failed\n' >&2
        say "---- the end of $log"
        tail -n 40 "$log" | cut -c -300 >&2
        say "----"
        return $status
}

# list_packages FILE...: the package names of the lists, without comments.
list_packages() {
        sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@" | tr -s '[:space:]' '\n'
}

missing_packages() {
        local p
        for p in "$@"; do
                [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || printf '%s\n' "$p"
        done
}

# lock NAME: one at a time on this machine, until `unlock` or the end of the script.
lock() {
        mkdir -p "$LEFT4ME_CACHE/locks"
        exec {LOCK_FD}>"$LEFT4ME_CACHE/locks/$1"
        flock "$LOCK_FD"
}

unlock() {
        exec {LOCK_FD}>&-
}

install_packages() {
        local missing
        lock apt
        mapfile -t missing < <(missing_packages "$@")
        [ ${#missing[@]} != 0 ] || return 0
        export DEBIAN_FRONTEND=noninteractive
        step "asking Debian's mirror what it has" apt-update.log apt-get -q update
        step "installing on this machine: ${#missing[@]} packages" apt.log \
                apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "${missing[@]}"
}

# need_packages LIST...: installs on this machine what of the lists in deploy/packages/ it lacks.
need_packages() {
        local lists=("${@/%/.list}") wanted missing
        mapfile -t wanted < <(list_packages "${lists[@]/#/$DEPLOY/packages/}")
        mapfile -t missing < <(missing_packages "${wanted[@]}")
        [ ${#missing[@]} != 0 ] || return 0
        need_root
        command -v apt-get >/dev/null || die "this needs a Debian 12 or 13 machine; missing: ${missing[*]}"
        (install_packages "${missing[@]}") # the lock is its own, beside one that we may hold
}

# Files of the checkout, those not yet committed too, without what .gitignore names.
list_tree() {
        git -c safe.directory='*' -C "$TOP" ls-files -z --cached --others --exclude-standard |
                while IFS= read -r -d '' f; do
                        [ ! -f "$TOP/$f" ] && [ ! -L "$TOP/$f" ] || printf '%s\0' "$f"
                done
}
