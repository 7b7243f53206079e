. "${SOURCE:?is set by ctest}/tests/web/tools.sh"
# ONNX Runtime gives the engine's numbers for every architecture, output and size of input.
need_npm
need_packages "$SOURCE/tests/onnx"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# case_of MODEL SCALE N H W: one line for check.mjs
number=0
case_of() {
    number=$((number + 1))
    echo "$(basename "$1" .safetensors)_$2.onnx case$number $("$ONNX_TOOL" run "$1" "$2" "$3" "$4" "$5" "case$number")" \
        >>cases
}

"$ONNX_TOOL" models . >models
echo "drn-compact-x4 4 2" >>models
while read -r model scales; do
    for scale in $scales; do
        "$DRN" export "$model" -o "$(basename "$model" .safetensors)_$scale.onnx" -s "$scale"
        for size in "1 17 23" "2 1 1" "1 2 9" "1 5 3"; do
            # shellcheck disable=SC2086  # three words
            case_of "$model" "$scale" $size
        done
    done
done <models
case_of drn-compact-x4 4 1 64 48
"$ONNX_TOOL" ops ops >shapes
echo "ops.onnx ops $(cat shapes)" >>cases
node "$SOURCE/tests/onnx/check.mjs" cases
