#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What left4mectl can do stands in its manual page, and completion knows it: test-docs.sh LEFT4MECTL SOURCE
set -eu
left4mectl=$1
source=$2
page=$(sed 's/\\-/-/g' "$source/data/man/left4mectl.1")
failed=0

expect() {
    if ! [[ $1 =~ $2 ]]; then
        echo "'$2' is missing: $3" >&2
        failed=1
    fi
}

complete_line() {
    read -ra COMP_WORDS <<<"$1"
    [[ $1 == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _left4mectl
    echo "${COMPREPLY[@]}"
}

left4mectl() {
    case " $* " in
    ' files '*' --quiet '*) printf '%s\n' '1.0K  2025-11-22  maps/1  a b.cfg' '-  -  @upper  sub/' ;;
    *' list --quiet '*) echo "${1/list/versus-1}  running" ;;
    *' overlay show maps --json '*) echo '{"name":"maps","versions":[{"version":3,"created":17},{"version":12,"created":4}]}' ;;
    *) "$left4mectl" "$@" ;;
    esac
}

# shellcheck source=/dev/null
source "$source/data/completions/left4mectl"

while read -r first second _; do
    if [[ $first == @(overlay|job|cpu|qos|shield) ]]; then
        verb=("$first" "$second")
    else
        verb=("$first")
    fi
    expect "$page" $'\n'"\.(B|BI|BR) [^"$'\n'"]*\b${verb[*]}\b" 'the verb in the manual page'
    expect " $(complete_line "left4mectl ${verb[*]:0:${#verb[@]}-1} ") " " ${verb[-1]} " 'the verb in the completion'
    completed=" $(complete_line "left4mectl ${verb[*]} --") "
    for option in $(left4mectl "${verb[@]}" --help | grep -oE '^  (-., )?--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+'); do
        expect "$page" "$option\b" "an option of ${verb[*]} in the manual page"
        expect "$completed" " $option " "an option of ${verb[*]} in the completion"
    done
done < <(left4mectl help | grep -E '^  [a-z]')

expect "$(complete_line 'left4mectl start ver')" '^versus-1$' 'a name in the completion'
expect "$(complete_line 'left4mectl files versus-1 ')" '^a b.cfg sub/$' 'paths in the completion'
expect "$(complete_line 'left4mectl get versus-1 left4dead2/a')" '^left4dead2/a b.cfg$' 'a path in the completion'
expect "$(complete_line 'left4mectl cat --layer maps versus-1 su')" '^sub/$' 'a path after an option in the completion'
expect "$(complete_line 'left4mectl create a --game ')" '^overlay$' 'an overlay in the completion'
expect "$(complete_line 'left4mectl overlay rollback maps 1')" '^12$' 'a version in the completion'
expect "$(complete_line 'left4mectl overlay diff maps 3 ')" '^3 12$' 'versions in the completion'
expect "$(complete_line 'left4mectl overlay cat --version ')" '^$' 'no overlay, no version'
expect "$(complete_line 'left4mectl overlay cat maps --version ')" '^3 12$' 'versions for an option'
expect "$(complete_line 'left4mectl overlay rename ')" '^overlay$' 'an overlay in the completion'
expect "$(complete_line 'left4mectl shield set co')" '^connect$' 'a kind in the completion'
expect "$(complete_line 'left4mectl help over')" '^overlay$' 'a verb in the completion of help'
expect "$(complete_line 'left4mectl create a -- -')" '^$' 'nothing after --'
if "$left4mectl" help >/dev/full 2>/dev/null; then
    echo "a full disk is not noticed" >&2
    failed=1
fi
exit $failed
