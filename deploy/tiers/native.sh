# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The tests that need no host: built on this machine with ASan and UBSan, outside the checkout. To be sourced after
# deploy/lib.sh.

BUILD=$LEFT4ME_CACHE/native/$(printf '%s' "$TOP" | sha256sum | cut -c1-16)

build_natively() {
        local setup=(meson setup)
        need_packages native
        mkdir -p "$BUILD"
        [ ! -e "$BUILD/build.ninja" ] || setup+=(--reconfigure)
        step "configuring" native-setup.log "${setup[@]}" -Dtests=true -Dwerror=true -Db_sanitize=address,undefined "$BUILD" "$TOP" || {
                # a half-made folder, or one that another version of meson made
                rm -rf "$BUILD"
                step "configuring anew" native-setup.log meson setup \
                        -Dtests=true -Dwerror=true -Db_sanitize=address,undefined "$BUILD" "$TOP"
        }
        step "building with -Werror, ASan and UBSan" native-build.log ninja -C "$BUILD"
}

# The names of the tests that meson would run, those with the filter's text alone if there is one.
test_names() {
        meson test -C "$BUILD" --no-rebuild --list "$@" 2>/dev/null | sed -n 's|^left4me.* / ||p' |
                { grep -F -- "$LEFT4ME_FILTER" || true; }
}

# run_suite OPTION...: meson's tests, chosen by its options.
run_suite() {
        local log=$BUILD/meson-logs/${0##*/} names status=0
        build_natively
        mapfile -t names < <(test_names "$@")
        if [ ${#names[@]} = 0 ]; then
                echo "no test has '$LEFT4ME_FILTER' in its name"
                echo "0 0" >"$LEFT4ME_RESULT"
                return 0
        fi
        # One more than there are processors: many a test waits.
        ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
                meson test -C "$BUILD" --no-rebuild --num-processes $(($(nproc) + 1)) --timeout-multiplier 8 \
                --print-errorlogs --logbase "${0##*/}" "$@" "${names[@]}" || status=$?
        python3 "$DEPLOY/tiers/meson-counts.py" "$log.json" >"$LEFT4ME_RESULT"
        cp "$log.txt" "$LEFT4ME_LOGS/meson-${0##*/}.txt"
        return $status
}
