. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Where results go and what they are called; pipes; what happens to the others when one fails.

size() { "$DRN" downscale -s 1 "$1" -o size.ppm && sed -n 2p size.ppm; }
up() { "$DRN" upscale -m x2.safetensors "$@"; }

# Beside the picture, named after a pattern.
run 0 up photo.png
equal "$(size photo_x2.png)" '122 94'
run 0 up photo.jpg grey.png --width 50 -f same
equal "$(size photo_50w.jpg)" '50 38'
equal "$(size grey_50w.png)" '50 52'
run 0 up grey.png -n 'a-{name}-{scale}-{size}.{ext}' -s 1.5
equal "$(size a-grey-1.5-x1.5.png)" '36 38'
run 0 up grey.png --fit 70x70 -o fit/ -n '{name}_{size}.{ext}'
equal "$(size fit/grey_70x70.png)" '67 70'
for pattern in '' 'x.png' 'a/{name}.png' '{nam}{name}.png'; do
    run 2 up grey.png -n "$pattern"
    has err "drn upscale: --name '"
done
run 0 up -i grey.png -i photo.png -o i/
equal "$(cd i && echo *)" 'grey.png photo.png'

# Two inputs for one name: the second gets another, with a message.
run 0 up photo.png photo.jpg -o same
has err '^drn: photo.png and photo.jpg would both become same/photo.png; photo.jpg becomes same/photo-2.png$'
equal "$(size same/photo.png)" '122 94'
equal "$(size same/photo-2.png)" '320 240'

# Folders in folders keep their tree; results, hidden files and other files are no inputs.
mkdir -p tree/a/b tree/c tree/.hidden
cp photo.png tree/a/one.png
cp grey.png tree/a/b/two.png
cp grey.png tree/c/two.png
cp grey.png tree/.hidden/no.png
cp grey.png tree/top.png
echo text >tree/c/readme.md
run 0 up tree -o flat
equal "$(cd flat && find . -type f | sort | tr '\n' ' ')" './top.png '
run 0 up tree -o deep -r
equal "$(cd deep && find . -type f | sort | tr '\n' ' ')" './a/b/two.png ./a/one.png ./c/two.png ./top.png '
has err '^4 pictures: 4 enlarged, '
run 0 up tree -o tree/results -r
run 0 up tree -o tree/results -r --overwrite
has err '^4 pictures: 4 enlarged, '
equal "$(find tree/results -type f | wc -l | tr -d ' ')" 4
rm -r tree/results
bad 'tree: is a folder; name one for the results with -o' up tree
mkdir empty
bad 'empty: no pictures' up empty -o nothing -r

# --resume does what is left.
rm deep/a/one.png
before=$(ls -i deep/top.png)
run 0 up tree -o deep -r --resume
has err '^4 pictures: 1 enlarged, 3 skipped, '
equal "$(ls -i deep/top.png)" "$before"
run 1 up tree -o deep -r
has err '^4 pictures: 0 enlarged, 4 failed, '
has err '^drn: deep/top.png: exists already'
run 2 up tree -o deep -r --resume --overwrite

# One failure does not stop the others.
cp photo.png mixed.png
mkdir batch
cp photo.png batch/a.png
echo text >batch/b.png
head -c 300 photo.png >batch/c.png
cp grey.png batch/d.png
run 1 up batch missing.png -o done
equal "$(cd done && echo *)" 'a.png d.png'
has err '^drn: batch/b.png: '
has err '^drn: batch/c.png: '
has err '^drn: missing.png: No such file'
has err '^5 pictures: 2 enlarged, 3 failed, '
run 1 up batch -o done2 -q
equal "$(grep -c . err)" 3

# Inputs are never written to, whatever the options.
cp photo.png keep.png
cp photo.png keep_x2.png
bad 'input and output are one file' up keep.png -o keep.png --overwrite
bad 'keep_x2.png: keep.png would go there, but it is an input itself' up keep.png keep_x2.png --overwrite
ln -s keep.png link.png
bad 'input and output are one file' up keep.png -o link.png --overwrite
same keep.png photo.png
same keep_x2.png photo.png

# Nor is a map of trust written over one, or over the result.
cp photo.png maps_in.png
bad 'maps_in.png: is an input' up maps_in.png -o maps_out.png --trust maps_in.png --overwrite
bad 'maps_out.png: is the output, too' up maps_in.png -o maps_out.png --trust ./maps_out.png
bad 'alike/photo.png: is the output, too' up photo.png grey.png -o alike --trust alike
bad 'map.xyz: its suffix names no picture format' up maps_in.png -o maps_out.png --trust map.xyz
absent maps_out.png
same maps_in.png photo.png
mkdir maps
run 0 up maps_in.png -o maps_out.png --trust maps
equal "$(size maps/maps_out.png)" '122 94'

# Pipes.
run 0 up photo.png -o photo_file.png
up - <photo.png >piped.png 2>err || fail "a pipe failed"
same piped.png photo_file.png
up - -o - -f jpg <photo.png >piped.jpg 2>err || fail "a pipe failed"
equal "$(size piped.jpg)" '122 94'
equal "$(head -c 3 piped.jpg | od -An -tx1 | tr -d ' ')" ffd8ff
up photo.png -o - -f ppm -q 2>err | head -c 2 >magic
equal "$(cat magic)" P6
up - -o from_pipe.tif <photo.jpg 2>err || fail "a pipe failed"
equal "$(size from_pipe.tif)" '320 240'
run 1 up - -o x.png
has err '^drn: standard input: is empty'
echo text | up - -o x.png 2>err && fail "text is no picture"
has err '^drn: standard input: '
run 1 up photo.png grey.png -o -
has err 'only one picture'
run 2 up - --json
has err 'cannot both'
if [ -w /dev/full ]; then
    code=0
    up photo.png -o - >/dev/full 2>err || code=$?
    equal "$code" 1
    has err '^drn: standard output: '
fi

# Formats.
for kind in png jpg webp tif; do
    run 0 up alpha.png -o formats/ -f $kind
    equal "$(size formats/alpha.$kind)" '40 32'
done
run 2 up photo.png -o p.png -f jpg
has err 'contradict each other'
run 2 up photo.png -o p.jpg -f jp2
run 0 up photo.png -o p.jpeg -f jpg
run 0 up photo.png -o p.TIF -f tiff
run 0 up photo.png -o q10.jpg --quality 10
run 0 up photo.png -o q95.jpg --quality 95
[ "$(wc -c <q10.jpg)" -lt "$(wc -c <q95.jpg)" ] || fail "--quality makes no difference"

# What a format cannot hold is known before the work.
printf 'P5 9000 1 255\n' >wide.pgm && head -c 9000 /dev/zero >>wide.pgm
for to in '-o wide.webp' '-o - -f webp' '-o wide.webp --memory 1'; do
    # shellcheck disable=SC2086  # words
    bad 'webp: 18000 x 2 is too large for .webp' up wide.pgm $to
done
absent wide.webp
bad 'p.bmp: its suffix names no picture format' up photo.png -o p.bmp

# A file that appears while the picture is being read or enlarged stays, too.
mkfifo slow
for to in meant.png meant.ppm map.png; do
    "$DRN" upscale - -m x2.safetensors -o "$([ $to = map.png ] && echo with.png || echo $to)" --trust map-$to -q <slow 2>err &
    exec 9>slow
    head -c 60 photo.png >&9
    sleep 0.5
    [ $to = map.png ] && to=map-map.png
    echo mine >$to
    tail -c +61 photo.png >&9
    exec 9>&-
    wait $! && fail "no error for $to"
    has err "^drn: $to: .*exists"
    equal "$(cat $to)" mine
done

# A disk that is full, whatever writes the format: an end, and nothing left behind.
cp photo_file.png large.png
for kind in png jpg tif webp ppm jp2; do
    [ $kind = jp2 ] && ! up grey.png -o probe.jp2 -q 2>/dev/null && continue
    code=0
    (ulimit -f 1 && exec timeout 20 "$DRN" upscale -m x2.safetensors large.png -s 8 -o full.$kind -q) 2>err </dev/null || code=$?
    equal "$code" 1
    equal "$(wc -l <err)" 1
    has err "^drn: full.$kind: cannot write: File too large for the limit"
    absent full.$kind
done
finish
