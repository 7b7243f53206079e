. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# What files are called, and say of themselves, is no command to a terminal: neither ESC nor the control characters
# U+0080 to U+009F (here CSI); letters stay what they are, also those with such bytes in them.

esc=$(printf '\033') csi=$(printf '\302\233')
name="x${esc}[2J${csi}2J_éÛ€😀"
shown='_éÛ€😀'
controls=$(printf '[\001-\010\013-\037\177]\|\302[\200-\237]')
# says CODE COMMAND...: prints the letters, and nothing of the kind
says() {
    run "$@"
    ! LC_ALL=C grep -q "$controls" out err || { fail "control characters: $*"; cat -v out err; }
    cat out err | grep -q "$shown" || { fail "no '$shown': $*"; cat out err; }
}
mkdir in hr
cp photo.png "in/$name.png"
cp photo.png "hr/$name.png"
head -c 300 photo.png >"in/${name}_cut.png"

says 1 "$DRN" upscale -m x2.safetensors in -o big/ -v --check
has out 'shrunk again'
says 0 "$DRN" upscale -m x2.safetensors "hr/$name.png" -o big/ -v --resume
has err 'exists, skipped'
says 1 "$DRN" upscale -m "$name.safetensors" photo.png -o y.png
says 2 "$DRN" upscale -m x2.safetensors photo.png -o y.png --fit "$name"
says 2 "$DRN" "$name"
says 0 "$DRN" evaluate -s 2 --data hr -m bicubic
says 1 "$DRN" evaluate -s 2 --data in -m bicubic
cp -r hr "$name"
says 0 "$DRN" evaluate -s 2 --data hr --sr "$name"
has out 'pictures from x'
run 0 "$DRN" export x4.safetensors -o said.safetensors --meta "a=$name" --meta "$name=b"
says 0 "$DRN" info said.safetensors
"$DRN" figure photo.png -k mask -o mask.png >out 2>err
grep -q 'draws no text' err ||
    says 0 "$DRN" figure "in/$name.png" -k mask -o mask.png
"$DRN" pack in -o probe.pack >out 2>err
if ! grep -q 'no packs' err; then
    says 0 "$DRN" pack in -o "$name.pack"
    has err 'left out'
fi
cat >tiny.yaml <<'END2'
model: {scale: 2, channels: 4, modules: 1}
data: {patch: 8, batch: 2}
train: {steps: 4, val_every: 2, threads: 1}
END2
says 0 "$DRN" train --recipe tiny.yaml --data in --data hr --val hr --out run
has err 'cannot be read and are passed over'
has err 'are also trained on'
printf 'YUV4MPEG2 W16 H16 F24:1 Cmono\nFRAME\n%256s' '' >"$name.y4m"
says 0 "$DRN" video -m x2.safetensors "$name.y4m" -o film.y4m -v
says 1 "$DRN" video -m x2.safetensors "$name.y4m" -o "$name.y4m" --overwrite
says 0 "$DRN" report run -o "$name.html"
finish
