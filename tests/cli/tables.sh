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

run 0 "$SOURCE/tools/traces-table" data
rows '^| LR x[24] | 1 | 0 | 0 |$' 2
rows '^| LR x4, after JPEG of quality [13579][05] | 1 | 1 | 0 |$' 6
rows '^| LR x4, after JPEG of quality 98 | 1 | [01] | 0 |$' 1
rows '^| LR x2, .* noise of sigma [23] | 1 | 0 | 0 |$' 4
rows '^| LR x2, .* noise of sigma [0-9]* | 1 | 0 | 1 |$' 8

run 0 "$SOURCE/tools/readme-figure" data/Set5/hand.png figure.png drn-fast-x4
pictures figure.png

run 0 "$SOURCE/tools/check-sheets" sheets data/Set5/hand.png
rows '^| hand | ' 2
pictures sheets/hand-x4.png sheets/hand-x8.png sheets/gradient.png sheets/mask.png

run 0 "$SOURCE/tools/artefacts" artefacts "$PWD/data/Set5"
has out '^9 single colours: at most [0-2] levels from the colour inside'
has out "^| clean | $(psnr -m bicubic -s 4) | $(psnr -m drn-compact-x4 -s 4) |"
rows '^| \(clean\|JPEG\|the same\|noise\)' 17
pictures artefacts/jpeg.png artefacts/noise.png artefacts/screen.png artefacts/line.png artefacts/dark.png \
    artefacts/alpha.png artefacts/flat.png
finish
