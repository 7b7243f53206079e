. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The model in the box: there without a file, both scales, and as good as its card says.

run 0 "$DRN" models
has out 'drn-compact-x4.*2, 4.*(default)'
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
