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

# As readline has the words of a line: an equals sign is one of its own.
complete_line() {
    read -ra COMP_WORDS <<<"${1//=/ = }"
    [[ $1 == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _left4mectl
    echo "${COMPREPLY[@]}"
}

# What it tells of itself is the same each time.
declare -A told=([help]=$("$left4mectl" help))

left4mectl() {
    case " $* " in
    ' files '*' --quiet '*) printf '%s\n' '1.0K  2025-11-22  maps/1  a b.cfg' '-  -  @upper  sub/' ;;
    ' list --quiet '*) printf '%s\n' 'coop  stopped  27016  -  game' 'versus-1  running * +  27015  5 min  maps/3 mods l4d2/12' ;;
    *' list --quiet '*) echo "$1  running" ;;
    *' overlay show maps --json '*) echo '{"name":"maps","versions":[{"version":3,"created":17},{"version":12,"created":4}]}' ;;
    *)
        if [[ -n "${told[$*]-}" ]]; then
            echo "${told[$*]}"
        else
            "$left4mectl" "$@"
        fi
        ;;
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
    told[${verb[*]} --help]=$("$left4mectl" "${verb[@]}" --help)
    expect "$page" $'\n'"\.(B|BI|BR) [^"$'\n'"]*\b${verb[*]}\b" 'the verb in the manual page'
    expect " $(complete_line "left4mectl ${verb[*]:0:${#verb[@]}-1} ") " " ${verb[-1]} " 'the verb in the completion'
    completed=" $(complete_line "left4mectl ${verb[*]} --") "
    for option in $(left4mectl "${verb[@]}" --help | grep -oE '^  (-., )?--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+'); do
        expect "$page" "$option\b" "an option of ${verb[*]} in the manual page"
        expect "$completed" " $option " "an option of ${verb[*]} in the completion"
    done
    # Its value is no word of the verb's.
    completed=$(complete_line "left4mectl ${verb[*]} ")
    for option in $(left4mectl "${verb[@]}" --help | sed -n 's/^  \(-.\), --[a-z].*=.*/\1/p; s/^  .*\(--[a-z-]*\)=.*/\1/p' | grep -vx -e -H); do
        for given in "$option x" "$option=x"; do
            if [[ $(complete_line "left4mectl ${verb[*]} $given ") != "$completed" ]]; then
                echo "the value of $option of ${verb[*]} is taken for a word" >&2
                failed=1
            fi
        done
    done
done < <(left4mectl help | grep -E '^  [a-z]')

expect "$(complete_line 'left4mectl -H host start -H=host ver')" '^versus-1$' 'a name after a host'
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
