#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Tickrate Enabler (ProdigySim and others, GPL-3): servers that run at more than 30 ticks a second.
#
# A server needs the argument, too:    left4mectl configure SERVER -- -tickrate 100
# Not together with competitive-rework, which has it already.
set -euo pipefail

TICKRATE=100

# From a commit of a project that keeps the plug-in's binary; a file that is there and is the right one is not fetched again.
SOURCE=https://raw.githubusercontent.com/SirPlease/L4D2-Competitive-Rework/99dd8fc7a79bb6b6dece1bdd89ac71ef4e8dcdb2/addons
SO_SHA256=590f229f518ce6a3f78355982970c52f443667de8f7b8c9d3f6aff92f2248c98
VDF_SHA256=915310ed137cb360e7a00df8688db16e9019333a9449cd107ce6a43beaafbe8f

die() {
        echo "$*" >&2
        exit 1
}

is_right() { # FILE SHA256
        echo "$2  $1" | sha256sum --check --status 2>/dev/null
}

fetch() { # URL FILE SHA256
        ! is_right "$2" "$3" || return 0
        curl --proto '=https' --fail --location --silent --show-error --retry 3 --connect-timeout 20 --output "$2" "$1" ||
                die "cannot fetch $1"
        is_right "$2" "$3" || die "$1 is not what it was when this was written; its SHA-256 is now $(sha256sum <"$2" | cut -d ' ' -f 1)"
}

command -v curl >/dev/null || die "curl is needed: apt install curl"
mkdir -p left4dead2/addons left4dead2/cfg

echo "@progress 10 fetches the plug-in"
fetch "$SOURCE/tickrate_enabler.so" left4dead2/addons/tickrate_enabler.so "$SO_SHA256"
fetch "$SOURCE/tickrate_enabler.vdf" left4dead2/addons/tickrate_enabler.vdf "$VDF_SHA256"

echo "@progress 90 writes server.cfg"
# left4me has each server run it under a name of its own, before the server's own settings.
cat >left4dead2/cfg/server.cfg <<END
// rates for $TICKRATE ticks a second
fps_max 0
sv_minupdaterate $TICKRATE
sv_maxupdaterate $TICKRATE
sv_mincmdrate $TICKRATE
sv_maxcmdrate $TICKRATE
sv_minrate $((TICKRATE * 1000))
sv_maxrate $((TICKRATE * 1000))
net_splitpacket_maxrate $((TICKRATE * 1000))
END
