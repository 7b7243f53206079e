. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Progress for people and for programs; Ctrl-C.

up() { "$DRN" upscale -m x4.safetensors "$@"; }

# In a pipe: plain lines of percents.
run 0 up photo.jpg -o p.png -t 16
grep '%' err >lines
equal "$(tr '\n' ' ' <lines)" 'photo.jpg 25% photo.jpg 50% photo.jpg 75% photo.jpg 100% '
if printf '\r' | grep -q -f - err; then fail "carriage returns in a pipe"; fi

# JSON: an object a line, in order, each of its picture.
cp photo.png second.png
echo text >third.png
run 1 up photo.jpg second.png third.png -o json --json -t 16 --check --trust maps
grep -c . out >/dev/null || fail "no events"
n=0
while read -r line; do
    n=$((n + 1))
    echo "$line" >line.json
    event=$(json line.json event) || fail "line $n is no JSON: $line"
    echo "$event $(json line.json index 2>/dev/null)" >>events
    case $event in
    progress)
        percent=$(json line.json percent)
        [ "$percent" -gt 0 ] && [ "$percent" -le 100 ] || fail "percent $percent"
        json line.json pixels_per_second >/dev/null || fail "no pixels_per_second"
        json line.json eta_seconds >/dev/null || fail "no eta_seconds"
        ;;
    start)
        json line.json input_size.0 >/dev/null || fail "no input_size"
        ;;
    done)
        json line.json check.psnr >/dev/null || fail "no check.psnr"
        [ -s "$(json line.json output)" ] || fail "no $(json line.json output)"
        [ -s "$(json line.json trust_map)" ] || fail "no trust map"
        ;;
    error)
        equal "$(json line.json code)" DRN_ERR_FORMAT
        equal "$(json line.json input)" third.png
        ;;
    summary)
        equal "$(json line.json count) $(json line.json done) $(json line.json failed) $(json line.json skipped)" '3 2 1 0'
        equal "$(json line.json interrupted)" false
        ;;
    esac
done <out
grep -v progress events >order
equal "$(tr '\n' ',' <order)" 'start 1,done 1,start 2,done 2,error 3,summary ,'
[ "$(grep -c 'progress 1' events)" -ge 1 ] || fail "no progress of the first picture"
equal "$(ls json | tr '\n' ' ')" 'photo.png second.png '
equal "$(ls maps | tr '\n' ' ')" 'photo.png second.png '
# A name that is not UTF-8 is still JSON.
name=$(printf 'caf\351.png')
if cp photo.png "$name" 2>/dev/null; then
    run 0 up "$name" -o latin.png --json
    tail -n 1 out >line.json
    equal "$(json line.json done)" 1
fi
run 0 up photo.png second.png -o json --json --resume
head -n 2 out | tail -n 1 >line.json
equal "$(json line.json event)" skipped

# A signal: what is written is whole, nothing else is left, the exit code and the message say it.
mkdir many
i=0
while [ $i -lt 40 ]; do
    cp photo.jpg many/$i.jpg
    i=$((i + 1))
done
for signal in INT TERM; do
    rm -rf signal
    "$DRN" upscale many -o signal -m x4.safetensors -x -t 16 >out 2>err &
    pid=$!
    i=0
    while [ ! -e signal/0.png ] && [ $i -lt 300 ]; do
        sleep 0.05
        i=$((i + 1))
    done
    kill -$signal $pid
    code=0
    wait $pid || code=$?
    # a shell starts background jobs with SIGINT ignored; then the batch simply ends
    if grep -q 'drn: interrupted' err; then
        equal "$code" 1
        [ "$(ls signal | wc -l)" -lt 40 ] || fail "nothing was left to interrupt"
    elif [ $signal = TERM ]; then
        fail "SIGTERM did not stop it"
    fi
    no_tmp
    for result in signal/*; do
        "$DRN" downscale -s 1 "$result" -o size.ppm && equal "$(sed -n 2p size.ppm)" '640 480'
    done
done
finish
