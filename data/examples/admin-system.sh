#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Metamod:Source and SourceMod (AlliedModders, GPL-3): administrators, votes, bans, and what other plug-ins stand on.
#
# Put yours into ADMINS (left4mectl overlay edit admin-system) and build it again.
# Not together with competitive-rework, which has its own SourceMod.
set -euo pipefail

# A Steam id and what it may do, as in SourceMod's admins_simple.ini: "99:z" is everything.
ADMINS=(
        # '"STEAM_1:0:12345678" "99:z"'
)

METAMOD=1.12.0.1227
METAMOD_SHA256=d70aa8e6b8c88a2a6ff770aadc8e070e8a331ae4fb91a019f3dc19d352c04f5e
SOURCEMOD=1.12.0.7253
SOURCEMOD_SHA256=6bbcab989cda0ada83600d0dcb0f46affd16529b2b02ed2dba1b5baeaf02fdb4
RELEASES=https://github.com/alliedmodders

die() {
        echo "$*" >&2
        exit 1
}

fetch() { # URL FILE SHA256
        curl --proto '=https' --fail --location --silent --show-error --retry 3 --connect-timeout 20 --output "$2" "$1" ||
                die "cannot fetch $1"
        echo "$3  $2" | sha256sum --check --status ||
                die "$1 is not what it was when this was written; its SHA-256 is now $(sha256sum <"$2" | cut -d ' ' -f 1)"
}

file() { # NAME VERSION: as the releases call it, 1.2.0.345 is NAME-1.2.0-git345-linux.tar.gz
        echo "$2/$1-${2%.*}-git${2##*.}-linux.tar.gz"
}

command -v curl >/dev/null || die "curl is needed: apt install curl"
work=$OVERLAY/.work
trap 'rm -rf "$work"' EXIT

if [[ "$(cat .admin-system/version 2>/dev/null)" != "$METAMOD $SOURCEMOD" ]]; then
        # Everything here comes from these two and from below.
        rm -rf left4dead2 .admin-system
        mkdir -p left4dead2 .admin-system "$work"
        echo "@progress 5 fetches Metamod:Source $METAMOD"
        fetch "$RELEASES/metamod-source/releases/download/$(file mmsource $METAMOD)" "$work/metamod.tar.gz" "$METAMOD_SHA256"
        echo "@progress 30 fetches SourceMod $SOURCEMOD"
        fetch "$RELEASES/sourcemod/releases/download/$(file sourcemod $SOURCEMOD)" "$work/sourcemod.tar.gz" "$SOURCEMOD_SHA256"

        echo "@progress 80 unpacks them"
        tar -xzf "$work/metamod.tar.gz" -C left4dead2
        tar -xzf "$work/sourcemod.tar.gz" -C left4dead2
        # The game is a program of 32 bits, and has no next map to choose.
        rm -rf left4dead2/addons/metamod_x64.vdf left4dead2/addons/metamod/bin/linux64
        mv left4dead2/addons/sourcemod/plugins/nextmap.smx left4dead2/addons/sourcemod/plugins/disabled/
        cp left4dead2/addons/sourcemod/configs/admins_simple.ini .admin-system/admins_simple.ini
        echo "$METAMOD $SOURCEMOD" >.admin-system/version
fi

echo "@progress 95 writes who is an administrator"
{
        cat .admin-system/admins_simple.ini
        printf '%s\n' "${ADMINS[@]}"
} >left4dead2/addons/sourcemod/configs/admins_simple.ini
