#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Custom campaigns of l4d2center.com, in the versions that its players have. All of them are some 40 GB.
set -euo pipefail

# Which ones, as patterns of the shell: (carriedoff.vpk "dead*"). See the list for their names.
MAPS=("*")
# A build has one hour: it fetches at most so much and leaves the rest to the next one (left4mectl overlay build l4d2center-maps).
MOST=$((8 << 30))
INDEX=https://l4d2center.com/maps/servers/index.csv

die() {
        echo "$*" >&2
        exit 1
}

fetch() { # URL FILE
        curl --proto '=https' --fail --location --silent --show-error --retry 3 --connect-timeout 20 --output "$2" "${1// /%20}" ||
                die "cannot fetch $1"
}

is_wanted() { # NAME
        local pattern
        for pattern in "${MAPS[@]}"; do
                # shellcheck disable=SC2053 # it is a pattern
                [[ "$1" != $pattern ]] || return 0
        done
        return 1
}

is_right() { # FILE MD5
        echo "${2,,}  $1" | md5sum --check --status 2>/dev/null
}

for program in curl bsdtar; do
        command -v "$program" >/dev/null || die "$program is needed: apt install curl libarchive-tools"
done
work=$OVERLAY/.work addons=left4dead2/addons
trap 'rm -rf "$work"' EXIT
mkdir -p "$work" "$addons"

echo "@progress 0 fetches the list"
fetch "$INDEX" "$work/index"
# Name;Size;MD5;DownloadLink
tr -d '\r' <"$work/index" | tail -n +2 >"$work/list"
[[ -s "$work/list" ]] || die "$INDEX has no maps"

declare -A keep
missing=() total=0
while IFS=';' read -r name size md5 link _; do
        [[ "$name" == [!.]*.vpk && "$name" != */* && "$size" =~ ^[1-9][0-9]*$ && "$md5" =~ ^[0-9A-Fa-f]{32}$ && "$link" == https://* ]] ||
                die "a line of $INDEX is not as it was: $name;$size;$md5;$link"
        is_wanted "$name" || continue
        keep[$name]=$md5
        if ! is_right "$addons/$name" "$md5"; then
                missing+=("$name;$md5;$link;$size")
                total=$((total + size))
        fi
done <"$work/list"
((${#keep[@]} > 0)) || die "none of the maps is called ${MAPS[*]}"

for path in "$addons"/*.vpk; do
        name=${path##*/}
        [[ ! -e "$path" || -n "${keep[$name]:-}" ]] || rm "$path"
done

done_bytes=0 left=0
for entry in "${missing[@]}"; do
        IFS=';' read -r name md5 link size <<<"$entry"
        if ((done_bytes > 0 && done_bytes + size > MOST)); then
                left=$((left + 1))
                continue
        fi
        echo "@progress $((done_bytes * 100 / (total < MOST ? total : MOST))) fetches $name"
        fetch "$link" "$work/archive"
        mkdir "$work/unpacked"
        bsdtar -xf "$work/archive" -C "$work/unpacked" || die "$link cannot be unpacked"
        is_right "$work/unpacked/$name" "$md5" || die "$link has no $name with the MD5 $md5"
        mv "$work/unpacked/$name" "$addons/"
        rm -rf "$work/unpacked" "$work/archive"
        done_bytes=$((done_bytes + size))
done
((left == 0)) || echo "@progress 100 $left more maps: build it again"
