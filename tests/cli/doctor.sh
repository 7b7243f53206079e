. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# drn doctor: what it lists is so, and what is damaged is found.

# libx265, behind HEIC, keeps a block for itself
echo 'leak:libx265' >leaks
export LSAN_OPTIONS="suppressions=$work/leaks:print_suppressions=0"

run 0 "$DRN" doctor -m default
has out '^drn [0-9]'
has out 'kernels '
has out '^all is well'
has out ' ppm'
run 0 "$DRN" doctor --json
cp out doctor.json
equal "$(json doctor.json ok)" true
equal "drn $(json doctor.json version)" "$("$DRN" --version)"
[ "$(json doctor.json machine.cores)" -ge 1 ] || fail "no cores"
equal "$(json doctor.json formats.ppm)" true
cmp -s /dev/null err || fail "talks on stderr"
run 0 env DRN_ISA=ref "$DRN" doctor --json -m x2.safetensors -m x4.safetensors
equal "$(json out machine.kernels)" ref
equal "$(json out models.0.ok)" true
equal "$(json out models.1.name)" x4.safetensors
run 1 "$DRN" doctor -m nan.safetensors
has out 'WRONG: nan.safetensors'
run 1 "$DRN" doctor -m no-such-model
run 2 "$DRN" doctor photo.png

# parts with a version do what they are for
if [ "$(json doctor.json parts.vips)" != null ]; then
    for format in png jpg webp tif; do
        equal "$(json doctor.json formats.$format)" true
    done
else
    equal "$(json doctor.json formats.png)" null
fi
[ "$(json doctor.json parts.lmdb)" = null ] || run 0 "$DRN" pack . -o p.drnpack

# One bit of the weights in a copy of the program.
"$DRN" models | grep -q compact || finish
name=$(json doctor.json models.0.name)
equal "$(json doctor.json models.0.sha256)" "$(sha256sum "$SOURCE/weights/$name.safetensors" | cut -d' ' -f1)"
at=$(LC_ALL=C grep -abo '"drn\.architecture"' "$DRN" | head -n 1 | cut -d: -f1)
[ -n "$at" ] || { fail "no weights in the program"; finish; }
cp "$DRN" damaged
at=$((at + 200000))
byte=$(od -An -tu1 -j "$at" -N 1 damaged | tr -d ' ')
# shellcheck disable=SC2059
printf "\\$(printf %o $((byte ^ 1)))" | dd of=damaged bs=1 seek="$at" conv=notrunc 2>/dev/null
run 1 ./damaged doctor -m "$name"
has out 'WRONG: .* is damaged'
has out '^something is WRONG'
run 1 ./damaged doctor --json -m "$name"
equal "$(json out ok)" false
finish
