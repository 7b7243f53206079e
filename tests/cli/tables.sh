. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The scripts that make the pictures and tables of the documents still run, and print what `drn evaluate` measures.

for t in vips jq; do
    command -v $t >/dev/null || { echo "skipped: no $t (DRN_TEST_INSTALL=1 tools/install-deps installs it)"; exit 77; }
done
"$DRN" models | grep -q drn-compact-x4 || { echo "built without models: skipped"; exit 77; }
export DRN
mkdir -p data/Set5
vips extract_area "$SOURCE/examples/photo.png" data/Set5/hand.png 200 60 176 144
rows() { [ "$(grep -c "$1" out)" -eq "$2" ] || { fail "not $2 rows of '$1'"; cat out; }; }
psnr() { "$DRN" evaluate --data data/Set5 --json "$@" | jq -r .mean.psnr | awk '{ printf "%.2f", $1 }'; }
pictures() { for f; do vipsheader "$f" >size || fail "no picture $f"; done; }

run 0 "$SOURCE/tools/model-table" -x data '4 2' drn-fast-x4 'Set5 Set14'
rows '^| x[24] | Set5 ' 2
has out "^| x4 | Set5 | $(psnr -m bicubic -s 4) / .* | $(psnr -m drn-fast-x4 -s 4) / .* | $(psnr -m drn-fast-x4 -s 4 -x) / "

run 0 "$SOURCE/tools/jpeg-table" data/Set5 4 'clean 50' bicubic drn-fast-x4
has out "^| clean | $(psnr -m bicubic -s 4) | $(psnr -m drn-fast-x4 -s 4) |\$"
rows '^| JPEG, quality 50 | [0-9.]* | [0-9.]* |$' 1

run 0 "$SOURCE/tools/alpha-table" data/Set5
rows '^| .* | [0-9.]* | [0-9.]* |$' 4

# A drawing for a screen of 72 x 72 pixels, and the same four times larger.
mkdir drawings small
for side in 72 288; do
    cat >disc.svg <<SVG
<svg xmlns="http://www.w3.org/2000/svg" width="$side" height="$side" viewBox="0 0 72 72"><rect width="72" height="72" fill="#eee"/>
<circle cx="30" cy="33" r="20" fill="#c33" stroke="black"/><path d="M5 60L66 48M40 10h24v20h-24z" fill="#26d" stroke="#114"/></svg>
SVG
    case $side in 72) to=small ;; *) to=drawings ;; esac
    vips flatten disc.svg "$to/flat-0.png" --background 255
done
run 0 "$SOURCE/tools/graphics-table" drawings small bicubic drn-compact-graphics-x4
rows '^| .* | 1 | [0-9.]* / [0-9.]* | [0-9.]* / [0-9.]* |$' 8
has out "^| bicubic | 1 | $("$DRN" evaluate --data drawings --json -m bicubic -s 4 | jq -r .mean.psnr | awk '{ printf "%.2f", $1 }') /"
awk -F '[|/]' '/drawn at this size/ { good = $6 > $4 + 3 } END { exit !good }' out || fail "the model for drawings is no better"

run 0 "$SOURCE/tools/traces-table" data Set5 drawings small
rows '^| LR x[24] | 1 | 0 | 0 | 0 |$' 2
rows '^| LR x4, after JPEG of quality [13579][05] | 1 | 1 | 0 | 0 |$' 6
rows '^| LR x4, after JPEG of quality 98 | 1 | [01] | 0 | 0 |$' 1
rows '^| LR x2, .* noise of sigma [23] | 1 | 0 | 0 | 0 |$' 4
rows '^| LR x2, .* noise of sigma [0-9]* | 1 | 0 | 1 | 0 |$' 8
rows '^| drawings and text of 72 x 72 | 1 | 0 | 0 | 1 |$' 1
rows '^| these and clip art, means of 4 x 4 pixels | 1 | 0 | 0 | 1 |$' 1
rows '^| drawings and text, JPEG files of quality [0-9]* | 1 | 0 | 0 | [01] |$' 3

run 0 "$SOURCE/tools/readme-figure" data/Set5/hand.png figure.png drn-fast-x4
pictures figure.png

run 0 "$SOURCE/tools/check-sheets" sheets data/Set5/hand.png
rows '^| hand | ' 2
pictures sheets/hand-x4.png sheets/hand-x8.png sheets/gradient.png sheets/mask.png

run 0 "$SOURCE/tools/artefacts" artefacts "$PWD/data/Set5"
has out '^9 single colours: at most [0-2] levels from the colour inside'
has out "^| clean | $(psnr -m bicubic -s 4) | $(psnr -m drn-compact-x4 -s 4) |"
rows '^| \(clean\|JPEG\|the same\|noise\)' 17
pictures artefacts/jpeg.png artefacts/noise.png artefacts/screen.png artefacts/screen-jpeg.png artefacts/line.png artefacts/dark.png \
    artefacts/alpha.png artefacts/flat.png
finish
