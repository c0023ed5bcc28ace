#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# L4D2 Competitive Rework (SirPlease and others): ZoneMod and its relatives, with the SourceMod, Stripper, l4dtoolz and
# Tickrate Enabler that belong to it. A server also needs:    left4mectl configure SERVER -- -tickrate 100
set -euo pipefail

# Of a commit, git knows each file by its content. FILES is the SHA-256 of the list of them, "BLOB  PATH" sorted by path, as
#       git ls-tree -r COMMIT
# tells it, so that it does not matter how GitHub packs the archive. For another commit the message says what it is then.
COMMIT=99dd8fc7a79bb6b6dece1bdd89ac71ef4e8dcdb2
FILES=17a1c0da0051ec01bcef08b78bf2398fa670ea0d8d1b5ad7d4dc462661df8124
ARCHIVE=https://github.com/SirPlease/L4D2-Competitive-Rework/archive/$COMMIT.tar.gz

die() {
        echo "$*" >&2
        exit 1
}

# The names of the files below a folder, and what git calls their contents.
list_files() { # FOLDER
        local number=0 size path
        find "$1" -type f -printf '%s %P\n' | LC_ALL=C sort -k 2 >"$work/files"
        mkdir "$work/blobs"
        while read -r size path; do
                { printf 'blob %d\0' "$size" && cat "$1/$path"; } >"$work/blobs/$((number += 1))"
        done <"$work/files"
        seq "$number" | sed "s|^|$work/blobs/|" | xargs sha1sum | cut -d ' ' -f 1 |
                paste -d ' ' - <(cut -d ' ' -f 2- "$work/files") | sed 's/ /  /'
}

command -v curl >/dev/null || die "curl is needed: apt install curl"
[[ "$(cat .competitive-rework 2>/dev/null)" != "$COMMIT" ]] || exit 0

work=$OVERLAY/.work
trap 'rm -rf "$work"' EXIT
mkdir "$work"

echo "@progress 5 fetches ${COMMIT:0:10}"
curl --proto '=https' --fail --location --silent --show-error --retry 3 --connect-timeout 20 --output "$work/archive" "$ARCHIVE" ||
        die "cannot fetch $ARCHIVE"
echo "@progress 50 unpacks it"
mkdir "$work/tree"
tar -xzf "$work/archive" -C "$work/tree" --strip-components=1
echo "@progress 60 looks at every file"
found=$(list_files "$work/tree" | sha256sum)
[[ "${found%% *}" == "$FILES" ]] || die "$ARCHIVE is not what it was when this was written; its FILES are now ${found%% *}"

echo "@progress 90 takes it over"
rm -rf left4dead2
mkdir left4dead2
mv "$work"/tree/{addons,cfg,scripts,*.txt} left4dead2/
find left4dead2 -name '*.dll' -delete
# What a server of left4me's has of its own: its name, the password of its console, and whose it is.
sed -i -E '/^[[:space:]]*(hostname|rcon_password|sv_steamgroup|sv_steamgroup_exclusive|sv_search_key)[[:space:]]/d' \
        left4dead2/cfg/server.cfg
echo "$COMMIT" >.competitive-rework
