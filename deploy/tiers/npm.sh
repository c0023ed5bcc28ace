# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Packages of npm that tests compare ours with. To be sourced after deploy/lib.sh.

# npm_packages NAME FOLDER: what FOLDER/package-lock.json says, once, below $LEFT4ME_CACHE/NAME and outside the checkout; NODE_PATH
# leads there. Half an installation never gets the name.
npm_packages() {
        local dir new
        # Debian's npm, unless the machine has one: others than Debian's do not go together with it.
        command -v npm >/dev/null || need_packages npm
        dir=$LEFT4ME_CACHE/$1/$(cat "$2"/package*.json | sha256sum | cut -c1-16)
        if [ ! -d "$dir" ]; then
                mkdir -p "${dir%/*}"
                new=$(mktemp -d "${dir%/*}/new.XXXXXX")
                cp "$2"/package.json "$2"/package-lock.json "$new"
                step "npm ci" "npm-ci-$1.log" npm ci --prefix "$new" --ignore-scripts --no-audit --no-fund
                mv -T "$new" "$dir"
        fi
        export NODE_PATH=$dir/node_modules
}
