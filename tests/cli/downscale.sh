. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Sizes, cropping, folders; and no differing sample against the published LR pictures.

size() { "$DRN" downscale -s 1 "$1" -o size.ppm && sed -n 2p size.ppm; }

run 0 "$DRN" downscale photo.png -o half.png -s 2
equal "$(size half.png)" '30 23'
run 0 "$DRN" downscale photo.png -o half.png -s 2 --no-crop
equal "$(size half.png)" '31 24'
run 0 "$DRN" downscale photo.png -o part.png -s 2.5
equal "$(size part.png)" '25 19'
run 0 "$DRN" downscale one.png -o one2.png -s 2
equal "$(size one2.png)" '1 1'
run 0 "$DRN" downscale photo.png -o same.png -s 1
"$DRN" downscale -s 1 photo.png -o a.ppm && "$DRN" downscale -s 1 same.png -o b.ppm
same a.ppm b.ppm
run 0 "$DRN" downscale photo.png -o clamp.ppm -s 4 --border clamp
run 0 "$DRN" downscale photo.png -o symmetric.ppm -s 4
cmp -s clamp.ppm symmetric.ppm && fail "the border rule makes no difference"
run 0 "$DRN" downscale photo.png grey.png alpha.png -o new/ -s 2
ls new >list
equal "$(tr '\n' ' ' <list)" 'alpha.png grey.png photo.png '

compared=0
compare() { # set border precision scale
    for hr in "$DATA"/bench/Set5/*.png; do
        lr=$DATA/golden/$1/x$4/${hr##*/}
        [ -f "$lr" ] || continue
        run 0 "$DRN" downscale "$hr" -o ours.ppm -s "$4" --border "$2" --precision "$3"
        run 0 "$DRN" downscale "$lr" -o theirs.ppm -s 1
        same ours.ppm theirs.ppm
        compared=$((compared + 1))
    done
}
if [ -d "$DATA/golden" ]; then
    for scale in 2 3 4; do
        compare edsr-lr symmetric u8 "$scale"
        compare rcan-lr clamp u8 "$scale"
    done
    compare edsr-lr symmetric float 8
    equal "$compared" 35
else
    echo "no published pictures in '$DATA': not compared"
fi

# A signal that ends the program while it writes leaves nothing behind, even one that it does not see where files need
# no name; one that is ignored (nohup) does nothing.
{ printf 'P6 2500 2500 255\n' && head -c 18750000 /dev/urandom; } >noise.ppm
named() { [ -n "$(find . -name 'noise.png.*.tmp')" ]; }
nameless() { find /proc/$pid/fd -lname "$PWD/*(deleted)" 2>/dev/null | grep -q .; }
started() { # noise.png is begun, or it has ended
    until named || nameless || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
}
for name in TERM HUP KILL; do
    "$DRN" downscale -s 1 noise.ppm -o noise.png &
    pid=$!
    started
    ! named || [ $name != KILL ] || { echo "no files without a name here: not killed"; name=TERM; }
    code=0
    kill -$name $pid 2>/dev/null
    wait $pid 2>/dev/null || code=$?
    if [ $code -eq 0 ]; then # it was faster
        rm noise.png
    else
        equal "$(kill -l $code)" $name
        absent noise.png
    fi
    no_tmp
done
(trap '' HUP && exec "$DRN" downscale -s 1 noise.ppm -o noise.png) &
pid=$!
started
kill -HUP $pid 2>/dev/null
wait $pid || fail "an ignored signal ended it"
[ -s noise.png ] || fail "no noise.png"
finish
