. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The programs in examples/ do what their first lines say.

at=$BUILD/examples
[ "$(grep -cE '^ {4}' "$SOURCE/examples/upscale_file.c")" -le 16 ] || fail "upscale_file is no longer short"

run 0 "$at/upscale_file" photo.png large.png
run 0 "$DRN" upscale photo.png -o same.png -s 4
same large.png same.png
run 2 "$at/upscale_file"
run 1 "$at/upscale_file" nothing.png x.png
has err 'nothing.png'
absent x.png

run 0 "$at/upscale_buffer"
cp out rings.ppm
equal "$(sed -n 2p rings.ppm)" '192 128'
equal "$(wc -c <rings.ppm | tr -d ' ')" $((192 * 128 * 3 + 15))
# shrunk again, the rings are the rings
run 0 "$DRN" downscale rings.ppm -o small.ppm -s 2
equal "$(sed -n 2p small.ppm)" '96 64'

run 0 "$at/progress" photo.jpg bar.png
has err '100 %'
has err '^done'
tr '\r' '\n' <err | sed -n 's/.*\] *\([0-9]*\) %/\1/p' >shares
sort -n shares | cmp -s - shares || fail "progress goes back"
[ "$(wc -l <shares)" -gt 3 ] || fail "only $(wc -l <shares) reports"

# Ctrl-C: stops, says so, leaves nothing.  (A shell's background jobs ignore SIGINT; env does not help,
# the program sets its own handler.)
"$TOOL" large big.ppm 1500 1500
"$at/progress" big.ppm big.png 2>bar </dev/null &
pid=$!
for _ in $(seq 300); do
    grep -q ' [1-9] %\| [1-9][0-9] %' bar && break
    sleep 0.1
done
kill -INT "$pid"
code=0
wait "$pid" || code=$?
equal "$code" 1
has bar '^stopped'
absent big.png

mkdir photos
cp photo.jpg photo.png photos/
run 0 "$at/train_tiny" photos run 12
has out '^step 12 of 12'
has out 'enlarges 2 times'
run 0 "$DRN" upscale photo.png -o trained.png -m run/model.safetensors
run 1 "$at/train_tiny" nowhere run2 12
has err 'nowhere'
finish
