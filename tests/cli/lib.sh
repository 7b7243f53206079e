# Sourced by the scripts: a fresh folder with the fixtures in it, and checks.
# $DRN and $TOOL are the programs, $SOURCE the checkout, $DATA the folder of published pictures.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
"$TOOL" fixtures . || exit 1
failures=0

fail() {
    echo "FAIL $*"
    failures=$((failures + 1))
}

# run CODE COMMAND...: runs it with stdout in ./out, stderr in ./err
run() {
    wanted=$1
    shift
    code=0
    "$@" >out 2>err </dev/null || code=$?
    if [ "$code" -ne "$wanted" ]; then
        fail "exit code $code, expected $wanted: $*"
        cat out err
    fi
}

# bad WORDS COMMAND...: exit code 1, nothing on stdout, one line "drn: ...WORDS..." on stderr
bad() {
    words=$1
    shift
    run 1 "$@"
    [ "$(wc -l <err)" -eq 1 ] || { fail "not one line: $*"; cat err; }
    grep -q "^drn: .*$words" err || { fail "no '$words': $*"; cat err; }
    [ ! -s out ] || { fail "output on stdout: $*"; cat out; }
}

has() { grep -q -- "$2" "$1" || { fail "$1 lacks '$2'"; cat "$1"; }; }
json() { "$TOOL" json "$@"; }
same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }
equal() { [ "$1" = "$2" ] || fail "'$1' is not '$2'"; }
# near A B TOLERANCE
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(d <= t && -d <= t) }' ||
    fail "$1 is not $2 +- $3"; }
# differs A B: the largest difference of two 8-bit PPM files of one header, in levels
differs() {
    cmp -l "$1" "$2" | awk '
        function octal(s,   i, v) { v = 0; for (i = 1; i <= length(s); i++) v = 8 * v + substr(s, i, 1); return v }
        { d = octal($2) - octal($3); d = d < 0 ? -d : d; if (d > m) m = d }
        END { print m + 0 }'
}
# Nothing left behind by a failed run.
absent() { for f; do [ ! -e "$f" ] || fail "$f was left behind"; done; }
no_tmp() { [ -z "$(find . -name '*.tmp')" ] || fail "temporary files: $(find . -name '*.tmp')"; }

finish() {
    no_tmp
    [ "$failures" -eq 0 ] && echo "all checks hold"
    [ "$failures" -eq 0 ]
    exit
}
