#!/bin/sh
# test_arguments.sh — campaigns refuse what they do not know, with their usage and exit 2, instead of running another campaign: each program given
# is tried with an unknown option, a stray word, an option without its value, and one whose value is no number.
fail=0
expect() {
    said=$("$@" 2>&1 >/dev/null)
    status=$?
    case "$said" in
    *usage:*) ;;
    *) status="$status without a usage" ;;
    esac
    if [ "$status" != 2 ]; then
        echo "$*: exit $status, where 2 is due"
        fail=1
    fi
}
for program in "$@"; do
    expect "$program" --nonsense
    expect "$program" stray
    expect "$program" --seed
    expect "$program" --seed many
    expect "$program" --seed 1 --seed -1
done
exit $fail
