. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Sheets of the size they should have, with the numbers of drn evaluate; errors write nothing.

size() { "$DRN" downscale -s 1 "$1" -o size.ppm && sed -n 2p size.ppm; }

if ! "$DRN" figure photo.png -k mask -o mask.png >out 2>err && grep -q 'draws no text' err; then
    echo "this build draws no text"
    exit 77
fi
# 61 x 47 pixels, all of them, 4 times, three panels across.
equal "$(size mask.png)" "$((3 * (61 * 4 + 8) - 8 + 16)) $((2 * (47 * 4 + 21 + 8) - 8 + 16))"

run 0 "$DRN" figure photo.png -m x4.safetensors -o f.png --crop 8,8,24,16 -z 4 --columns 4
has out 'photo.png: crop 8,8,24,16, 4 times'
cp out f.txt
# 4 panels, and a picture as high as they are: 64 + 2 lines of 21, less its own line
equal "$(size f.png)" "$((4 * (24 * 4 + 8) + (64 + 42 - 21) * 60 / 44 + 16)) $((64 + 42 + 16))"
mkdir hr
cp photo.png hr
for method in bicubic x4.safetensors; do
    "$DRN" evaluate -s 4 --data hr -m "$method" | awk '$1 == "photo" { print $2, $3, $4 }' >want
    awk -v m="${method%.*}" '$1 == m { print $2, $3, $4 }' f.txt >got
    same want got
done

# The same bytes for any number of threads; labels; several pictures and models on one sheet.
run 0 "$DRN" figure photo.png -m x4.safetensors -o g.png --crop 8,8,24,16 -z 4 --columns 4 -j 2
same f.png g.png
run 0 "$DRN" figure photo.png grey.png -s 2 -m x2.safetensors -m x4.safetensors -l 'two <&>' -l four -o two.png
has out '^  two <&> '
has out '^  four '
has out '^grey.png: crop'
for kind in enlarge gradient trust; do
    run 0 "$DRN" figure photo.png alpha.png -k "$kind" -m x4.safetensors -o "$kind.png"
    [ -s "$kind.png" ] || fail "no $kind.png"
done
has out 'x4 '
run 0 "$DRN" figure grey.png -o default.png
has out 'drn-'

bad 'does not lie within the 60 x 44 pixels' "$DRN" figure photo.png -o bad.png --crop 50,0,11,10
bad 'photo.jpg: .*does not lie within' "$DRN" figure photo.jpg -o bad.png --crop 150,0,11,10
bad 'cannot enlarge 3 times' "$DRN" figure photo.png -o bad.png -s 3
bad 'too few for scale' "$DRN" figure one.png -o bad.png
bad 'missing.png' "$DRN" figure missing.png -o bad.png
bad 'nan.safetensors' "$DRN" figure photo.png -m nan.safetensors -o bad.png
run 1 "$DRN" figure photo.png -k mask -o bad.xyz
has err '^drn: bad.xyz'
run 2 "$DRN" figure photo.png -o bad.png --crop 1,2,3
has err 'wants X,Y,W,H'
run 2 "$DRN" figure photo.png -o bad.png --crop 1,2,3,4x
run 2 "$DRN" figure photo.png -o bad.png --crop 1,2,0,4
run 2 "$DRN" figure photo.png -o bad.png -m x4.safetensors -l a -l b
has err 'more labels'
run 2 "$DRN" figure photo.png -o bad.png -m a -m b -m c -m d -m e -m f -m g -m h -m i
has err 'at most 8'
run 2 "$DRN" figure -o bad.png
# Known before the work: an output that is a picture shown, or cannot be written.
cp photo.png shown.png
ln -s shown.png link.png
bad 'shown.png: input and output are one file' "$DRN" figure photo.png shown.png -o shown.png
bad 'link.png: input and output are one file' "$DRN" figure shown.png -o link.png
same shown.png photo.png
bad 'no: cannot write there: no such folder' "$DRN" figure photo.png -o no/bad.png
bad 'bad.xyz: its suffix names no picture format' "$DRN" figure photo.png -o bad.xyz
bad "'best' is chosen for each picture" "$DRN" figure photo.png -m best -o bad.png
absent bad.png bad.xyz
finish
