. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Strips from file to file: the pixels of the whole, in little memory; TIFF in tiles.

up() { "$DRN" upscale -m x4.safetensors -q "$@"; }
ppm() { "$DRN" downscale -s 1 "$1" -o "$2"; }

for picture in photo.jpg grey.png alpha.png one.png; do
    for option in '-s 4' '-s 2' '-s 3' '--width 60' '-x -s 2'; do
        rm -f whole.tif strips.tif
        # shellcheck disable=SC2086
        run 0 up $picture -o whole.tif $option
        # shellcheck disable=SC2086
        run 0 up $picture -o strips.tif $option --memory 0.0001
        ppm whole.tif whole.ppm
        ppm strips.tif strips.ppm
        d=$(differs whole.ppm strips.ppm)
        [ "$d" -le 1 ] || fail "$picture $option: strips differ by $d"
    done
done
run 0 "$DRN" upscale -m x4.safetensors photo.jpg -o photo.png --memory 0.0001 --overwrite
has err 'in strips$'
for kind in png jpg webp ppm; do
    run 0 up photo.jpg -o kind.$kind --memory 0.0001
    ppm kind.$kind size.ppm
    equal "$(sed -n 2p size.ppm)" '640 480'
done
bad 'needs 1 MB in memory' up photo.jpg -o c.tif --memory 0.0001 --check
bad 'needs 1 MB in memory' up photo.jpg -o c.tif --memory 0.0001 --consistent
absent c.tif

# Broken input: no output, one line.
head -c 1500 photo.jpg >cut.jpg
bad 'cut.jpg: ' up cut.jpg -o c.tif --memory 0.0001
absent c.tif
if [ -w /dev/full ]; then
    bad 'no/where' up photo.jpg -o no/where/c.tif --memory 0.0001
fi

# Twice as high takes no more memory.
if [ -x /usr/bin/time ] && "$TOOL" large small.ppm 500 1000 && "$TOOL" large high.ppm 500 4000; then
    peak() {
        ASAN_OPTIONS="${ASAN_OPTIONS:-}:quarantine_size_mb=1" /usr/bin/time -f '%M' -o peak "$DRN" upscale -m x2.safetensors -q "$1" -o "$2" --memory 1 -j 1 -t 128
        cat peak
    }
    a=$(peak small.ppm small.tif)
    b=$(peak high.ppm high.tif)
    [ "$b" -lt $((a + 12000)) ] || fail "peak memory grew from $a to $b KiB"
fi
finish
