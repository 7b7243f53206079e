. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Whatever is wrong with a file: one clear line, exit code 1, no partial output.

head -c 1500 photo.jpg >cut.jpg
head -c 200 photo.png >cut.png
echo 'this is text' >text.png
: >empty.png
# Headers that promise 20000 x 20000 pixels and do not have them.
printf 'P6 20000 20000 255\nabc' >huge.ppm
printf '\211PNG\r\n\032\n\000\000\000\015IHDR\000\000\116\040\000\000\116\040\010\002\000\000\000' >huge.png
printf '\154\022\321\156\000\000\000\014IDAT\170\234\143\140\240\075\000\000\000\144\000\001' >>huge.png
printf '\206\144\074\065\000\000\000\000IEND\256\102\140\202' >>huge.png
mkdir none folder
echo readme >none/readme.txt
cp "$SOURCE/README.md" noise.safetensors

for command in "upscale -m x4.safetensors" "downscale -s 2"; do
    for picture in missing.png cut.jpg cut.png text.png empty.png huge.ppm huge.png; do
        # shellcheck disable=SC2086  # a list of words
        bad "$picture" "$DRN" $command "$picture" -o out.png
        absent out.png
    done
    # shellcheck disable=SC2086
    {
        bad 'none: no pictures' "$DRN" $command none -o folder
        bad 'no/where: cannot write there' "$DRN" $command photo.png -o no/where/x.png
        bad 'text.png: cannot write there' "$DRN" $command photo.png -o text.png/x.png
        bad 'out.xyz: its suffix' "$DRN" $command photo.png -o out.xyz
        bad 'input and output are one file' "$DRN" $command photo.png -o photo.png
    }
done
bad 'both become folder/photo.png' "$DRN" downscale -s 2 photo.png photo.jpg -o folder
if [ "$(id -u)" -ne 0 ]; then
    mkdir locked && chmod 500 locked
    bad 'locked: cannot write there' "$DRN" downscale -s 2 photo.png -o locked/x.png
fi

bad 'missing.safetensors: No such file' "$DRN" upscale photo.png -o out.png -m missing.safetensors
bad 'not a safetensors file' "$DRN" upscale photo.png -o out.png -m noise.safetensors
bad 'safetensors' "$DRN" upscale photo.png -o out.png -m text.png
bad 'not finite' "$DRN" upscale photo.png -o out.png -m nan.safetensors
bad "'no-such-model'" "$DRN" upscale photo.png -o out.png -m no-such-model
bad 'not a safetensors file' "$DRN" info noise.safetensors
bad 'not finite' "$DRN" info nan.safetensors
absent out.png

bad 'none: no pictures' "$DRN" evaluate -m bicubic -s 2 --data none
bad 'missing: No such file' "$DRN" evaluate -m bicubic -s 2 --data missing
bad 'cut' "$DRN" evaluate -m bicubic -s 2 --data . --json
mkdir hr sr
cp photo.png hr
cp grey.png sr
bad 'sr: no picture for hr/photo.png' "$DRN" evaluate -s 2 --data hr --sr sr --json
cp grey.png sr/photo.png
bad '24 x 25 pixels, the original 61 x 47' "$DRN" evaluate -s 2 --data hr --sr sr --json
bad 'cannot enlarge 3 times' "$DRN" evaluate -m x4.safetensors -s 3 --data hr

# In a batch the good pictures are done, the bad ones named, and the exit code is 1.
mkdir batch && cp photo.png grey.png text.png batch
run 1 "$DRN" downscale batch -o small -s 2
has err '^drn: batch/text.png: '
[ -s small/photo.png ] && [ -s small/grey.png ] || fail "good pictures of the batch are missing"
absent small/text.png

# A full disk, where there is one to write to.
if [ -w /dev/full ]; then
    code=0
    "$DRN" models >/dev/full 2>err || code=$?
    equal "$code" 1
fi
finish
