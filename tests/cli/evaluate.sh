. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# JSON of the promised shape, matching of names, and the numbers of the literature.

mkdir hr sr lr
cp photo.png grey.png hr
run 0 "$DRN" evaluate -m bicubic -s 2 --data hr
has out '^mean '
has out '^protocol standard: x2, on BT.601 Y not rounded, shave 2'
run 0 "$DRN" evaluate -m bicubic -s 2 --data hr --json
cp out a.json
equal "$(json a.json model)" bicubic
equal "$(json a.json scale)" 2
equal "$(json a.json protocol.name)" standard
equal "$(json a.json protocol.round_y)" false
equal "$(json a.json images.0.name)" grey
equal "$(json a.json images.1.name)" photo
mean=$(awk -v a="$(json a.json images.0.psnr)" -v b="$(json a.json images.1.psnr)" \
    'BEGIN { printf "%.7f", (a + b) / 2 }')
near "$(json a.json mean.psnr)" "$mean" 1e-6
json a.json mean.ssim >/dev/null || fail "no mean.ssim"
json a.json mean.gradient_psnr >/dev/null || fail "no mean.gradient_psnr"

# LR pictures made before give the same as LR pictures made on the fly, under any of the usual names.
"$DRN" downscale photo.png -s 2 -o lr/photo_x2.png
"$DRN" downscale grey.png -s 2 -o lr/greyx2.png
run 0 "$DRN" evaluate -m bicubic -s 2 --data hr --lr lr --json
equal "$(json out mean.psnr)" "$(json a.json mean.psnr)"
equal "$(json out protocol.lr)" lr

# The originals themselves: no error at all, which JSON writes as null.
cp photo.png sr/photo_SR.png
cp grey.png sr/grey.png
run 0 "$DRN" evaluate -s 2 --data hr --sr sr --json
equal "$(json out model)" sr
equal "$(json out images.0.psnr)" null
near "$(json out mean.ssim)" 1 1e-12

# A model, at both its scales.
for scale in 2 4; do
    run 0 "$DRN" evaluate -m x4.safetensors -s "$scale" --data hr --json
    equal "$(json out model)" x4.safetensors
    psnr=$(json out mean.psnr)
    run 0 "$DRN" evaluate -m x4.safetensors -s "$scale" --data hr --json -j 1
    equal "$(json out mean.psnr)" "$psnr"
done

# mean SET SCALE PSNR TOLERANCE OPTION...
mean() {
    set_=$1 scale=$2 psnr=$3 tolerance=$4
    shift 4
    run 0 "$DRN" evaluate -s "$scale" --data "$DATA/bench/$set_" "$@" --json
    near "$(json out mean.psnr)" "$psnr" "$tolerance"
}
# What is scored does not take the place of what is read.
mkdir kept && cp photo.png kept/photo.png && ln -s kept alias
bad 'kept: holds the pictures that are read' "$DRN" evaluate -m bicubic -s 2 --data kept --save kept
bad 'alias: holds the pictures that are read' "$DRN" evaluate -m bicubic -s 2 --data kept --save alias
bad 'alias: holds the pictures' "$DRN" evaluate -s 2 --data kept --sr kept --save alias
bad 'nowhere: cannot write there: no such folder' "$DRN" evaluate -m bicubic -s 2 --data kept --save nowhere
same kept/photo.png photo.png
mkdir twice saved && cp photo.png twice/a.png && cp photo.jpg twice/a.jpg && cp photo.png twice/a-b.png
bad 'twice/a.jpg and twice/a.png would both be saved as saved/a.png' \
    "$DRN" evaluate -m bicubic -s 2 --data twice --save saved
run 0 "$DRN" evaluate -m bicubic -s 2 --data twice
run 2 "$DRN" evaluate -s 2 --data kept --sr kept -x
has err 'leave out -x'

# Names that are no UTF-8 are told all the same.
mkdir odd && cp photo.png "odd/a$(printf '\377').png"
run 0 "$DRN" evaluate -m bicubic -s 2 --data odd --json
equal "$(json out images.0.name)" 'a?'

if [ -d "$DATA/bench" ]; then
    # Bicubic as measured by many papers.
    mean Set5 2 33.67 0.005 -m bicubic
    mean Set5 4 28.43 0.005 -m bicubic
    mean Set5 8 24.40 0.005 -m bicubic
    mean Set14 2 30.33 0.006 -m bicubic # 30.3246
    mean Set14 4 26.09 0.005 -m bicubic
    mean Set14 8 23.18 0.005 -m bicubic
    # The paper's Tables 1 and 2.
    mean Set5 4 28.42 0.006 -m bicubic --protocol paper
    mean Set5 8 24.39 0.006 -m bicubic --protocol paper
    mean Set14 4 26.10 0.006 -m bicubic --protocol paper
    mean Set14 8 23.19 0.006 -m bicubic --protocol paper
    mean BSDS100 4 25.96 0.006 -m bicubic --protocol paper
    mean BSDS100 8 23.67 0.006 -m bicubic --protocol paper
else
    echo "no published pictures in '$DATA': numbers not compared"
fi
if [ -d "$DATA/golden/rcan-sr" ]; then
    # Pictures of another network, with the numbers its paper has for them.
    mean Set5 2 38.2742 1e-4 --sr "$DATA/golden/rcan-sr/x2"
    near "$(json out mean.ssim)" .9614 5e-5
    mean Set5 3 34.7422 1e-4 --sr "$DATA/golden/rcan-sr/x3"
    near "$(json out mean.ssim)" .9299 5e-5
    mean Set5 4 32.6336 1e-4 --sr "$DATA/golden/rcan-sr/x4"
    near "$(json out mean.ssim)" .9002 5e-5
    mean Set5 8 27.3080 1e-4 --sr "$DATA/golden/rcan-sr/x8"
    near "$(json out mean.ssim)" .7878 5e-5
fi
finish
