. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The command: its address, its errors, its end on a signal without leaving anything.

run 0 "$DRN" serve --help
has out '--max-upload'
run 2 "$DRN" serve --port 70000
run 2 "$DRN" serve --jobs 0
run 2 "$DRN" serve extra
bad 'nan.safetensors' "$DRN" serve -m nan.safetensors
bad 'no-such-model' "$DRN" serve -m no-such-model
bad 'two models are called x4' "$DRN" serve -m x4.safetensors -m x4.safetensors
bad '256.1.1.1' "$DRN" serve -m x4.safetensors --host 256.1.1.1

# start OPTION...: $server is its process, $url its address
start() {
    rm -f url note
    TMPDIR=$work/tmp "$DRN" serve -m x4.safetensors "$@" >url 2>note &
    server=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -s url ] && break
        sleep 0.1
    done
    url=$(cat url)
}

mkdir tmp
for signal in TERM HUP; do # a shell starts background commands with INT ignored
    start
    case $url in
    http://127.0.0.1:*/) ;;
    *) fail "no address: '$url'" ;;
    esac
    [ -n "$(ls tmp)" ] || fail "no folder for pictures"
    [ "$(stat -c %a tmp/drn-serve-*)" = 700 ] || fail "others can read the folder"
    port=${url##*:}
    bad 'cannot listen on 127.0.0.1' "$DRN" serve -m x4.safetensors -p "${port%/}"
    kill -s "$signal" "$server"
    code=0
    wait "$server" || code=$?
    equal "$code" 0
    [ -z "$(ls tmp)" ] || fail "left behind: $(ls tmp)"
done

start --host 0.0.0.0
has note 'anyone who can reach this machine'
kill "$server"
wait "$server"
finish
