. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Which built-in model enlarges which picture when none is named.

# picks MODEL PICTURE OPTION...: as the events name it
picks() {
    model=$1
    shift
    run 0 "$DRN" upscale "$@" -o big.png --overwrite --json
    grep '"event": *"done"' out >line.json
    equal "$(json line.json model)" "$model"
    grep '"event": *"start"' out >line.json
}

picks drn-compact-x4 photo.png
picks drn-compact-photo-x4 photo.jpg -s 2
picks drn-compact-x4 photo.png -m auto
picks drn-compact-x4 photo.jpg -m drn-compact-x4 -s 2
picks drn-compact-x4 photo.jpg -m default -s 2
picks drn-compact-photo-x4 photo.png -m drn-compact-photo-x4
picks x4.safetensors photo.jpg -m x4.safetensors

# By the bytes, not by the name; from a pipe, too.
cp photo.jpg really.png
picks drn-compact-photo-x4 really.png -s 2
"$DRN" upscale - -v -s 2 <photo.jpg >piped.png 2>err
has err '(for files in a lossy format)'
run 0 "$DRN" upscale photo.jpg -o big.ppm -s 2
"$DRN" upscale - -s 2 -f ppm <photo.jpg >piped.ppm
same piped.ppm big.ppm

# By the size: eight times in one pass, whatever option asks for it.
run 0 "$DRN" downscale photo.png -o small.png -s 4
picks drn-x8 small.png -s 8
picks drn-x8 small.png -s 5
picks drn-x8 small.png --width 120
picks drn-compact-x4 small.png --width 60
picks drn-compact-x4 small.png -s 16
picks drn-x4 small.png -m best
picks drn-x2 small.png -m best -s 2
picks drn-x8 small.png -m best -s 8
run 0 "$DRN" downscale photo.jpg -o small.jpg -s 16
picks drn-compact-photo-x4 small.jpg -s 8
picks drn-photo-x4 small.jpg -m best

# WebP tells whether it is lossless.
if "$DRN" upscale small.png -s 1 -o lossy.webp -q 2>/dev/null; then
    run 0 "$DRN" upscale small.png -s 1 -o lossless.webp --quality 100 -q
    picks drn-compact-photo-x4 lossy.webp
    picks drn-compact-x4 lossless.webp
fi

# By the pixels, where the file keeps them as they are: what was in a JPEG file, and noise; in strips, too.
run 0 "$TOOL" decode photo.jpg blocks.ppm 0
picks drn-compact-photo-x4 blocks.ppm -s 2
equal "$(json line.json why)" 'for what a JPEG file left in the pixels'
picks drn-photo-x4 blocks.ppm -m best -s 2
picks drn-compact-x4 blocks.ppm -m drn-compact-x4 -s 2
run 0 "$DRN" upscale blocks.ppm -o whole.ppm -v -s 2
has err 'drn-compact-photo-x4 (for what a JPEG file left in the pixels)'
run 0 "$DRN" upscale blocks.ppm -o strips.ppm -v -s 2 --memory 0.1
has err 'drn-compact-photo-x4 (for what a JPEG file left in the pixels)'
run 0 "$TOOL" decode strips.ppm pixels.ppm 0
near "$(differs whole.ppm pixels.ppm)" 0 1 # narrow strips round elsewhere
run 0 "$TOOL" decode photo.png noisy.ppm 8
picks drn-compact-photo-x4 noisy.ppm -s 2
"$DRN" upscale - -v -s 2 <noisy.ppm >piped.png 2>err
has err 'drn-compact-photo-x4 (for noise)'

# Drawn: edges between areas of one colour, at every size, and after a JPEG file, too.
fill() { head -c "$2" /dev/zero | tr '\0' "\\$1"; }
{
    printf 'P5\n64 64\n255\n'
    fill 372 1280
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
        fill 372 11
        fill 036 33
        fill 372 20
    done
    fill 372 1216
} >drawn.pgm
picks drn-compact-graphics-x4 drawn.pgm -s 2
equal "$(json line.json why)" 'for what is drawn, not photographed'
picks drn-compact-graphics-x4 drawn.pgm -s 8
picks drn-compact-graphics-x4 drawn.pgm -m best
picks drn-compact-x4 drawn.pgm -m default
run 0 "$DRN" upscale drawn.pgm -o drawn.ppm -v -s 4
has err 'drn-compact-graphics-x4 (for what is drawn, not photographed)'
run 0 "$DRN" upscale drawn.pgm -o drawn-strips.ppm -v -s 4 --memory 0.01
has err 'drn-compact-graphics-x4 (for what is drawn, not photographed)'
if "$DRN" upscale drawn.pgm -s 1 -o drawn.jpg -q 2>/dev/null; then
    picks drn-compact-graphics-x4 drawn.jpg
fi

# A folder with both: each gets its own, with the pixels of the model named.
mkdir both
cp small.jpg both/a.jpg
cp small.png both/b.png
run 0 "$DRN" upscale both -o large -f ppm -v
has err 'a.jpg.*drn-compact-photo-x4 (for files in a lossy format)'
has err 'b.png.*drn-compact-x4 (for files in a lossless format'
run 0 "$DRN" upscale both -o photo -f ppm -m drn-compact-photo-x4
run 0 "$DRN" upscale both -o clean -f ppm -m drn-compact-x4 -v
has err 'model drn-compact-x4, 261574 parameters'
same large/a.ppm photo/a.ppm
same large/b.ppm clean/b.ppm
if cmp -s large/a.ppm clean/a.ppm; then fail "both models give the same"; fi

# Nothing lossy: the library's default stays the model for clean pictures.
run 0 "$DRN" info default
has out '^drn-compact-x4'
bad "'auto' is chosen for each picture" "$DRN" evaluate -m auto -s 4 --data .
finish
