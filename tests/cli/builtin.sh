. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The model in the box: there without a file, both scales, and as good as its card says.

run 0 "$DRN" models
has out 'drn-compact-x4.*2, 4.*(default)'
equal "$(awk 'NR > 1 { match($0, /[0-9][0-9][0-9][0-9]+  /); print RSTART + RLENGTH }' out | sort -u | wc -l)" 1 # in columns
run 0 "$DRN" upscale photo.png -o x4.ppm
equal "$(sed -n 2p x4.ppm)" '244 188'
run 0 "$DRN" upscale photo.png -o x2.ppm -s 2
equal "$(sed -n 2p x2.ppm)" '122 94'
run 0 "$DRN" export default -o d.onnx
run 0 "$DRN" export drn-compact-x4 -o n.onnx
same d.onnx n.onnx
run 0 "$DRN" info drn-compact-x4
has out 'recipe'
run 0 "$DRN" upscale photo.png -o fast.ppm -m drn-fast-x4
equal "$(sed -n 2p fast.ppm)" '244 188'
run 0 "$DRN" upscale photo.png -o fast.ppm -m drn-fast-x2 -s 2 --overwrite
equal "$(sed -n 2p fast.ppm)" '122 94'

# A dark rectangle on a light ground, 30 on 200: the model for drawings leaves both as they are up to the edge.
fill() { head -c "$2" /dev/zero | tr '\0' "\\$1"; }
{
    printf 'P5\n40 40\n255\n'
    fill 310 400
    i=0
    while [ $((i += 1)) -le 20 ]; do
        fill 310 12
        fill 036 17
        fill 310 11
    done
    fill 310 400
} >flat.pgm
# outside LEVELS FILE: how many samples are further outside of 30..200
outside() {
    tail -c 25600 "$2" | od -An -v -tu1 -w1 | awk -v by="$1" '$1 < 30 - by || $1 > 200 + by { n++ } END { print n + 0 }'
}
run 0 "$DRN" upscale flat.pgm -o graphics.pgm
equal "$(outside 6 graphics.pgm)" 0
run 0 "$DRN" upscale flat.pgm -o photos.pgm -m drn-compact-x4
[ "$(outside 6 photos.pgm)" -gt 300 ] || fail "no halos to compare with"

if [ -d "$DATA/bench/Set5" ]; then
    run 0 "$DRN" evaluate -s 4 --data "$DATA/bench/Set5" --json
    near "$(json out mean.psnr)" 31.84 0.01
    near "$(json out mean.ssim)" 0.8906 0.0002
    run 0 "$DRN" evaluate -s 2 --data "$DATA/bench/Set5" --json
    near "$(json out mean.psnr)" 37.36 0.01
else
    echo "no published pictures in '$DATA': quality not measured"
fi
finish
