. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Packs from the command line: made, killed and gone on with, trained from, refused when broken.

mkdir -p pictures/sub && cp photo.png photo.jpg pictures && cp grey.png pictures/sub/deep.png
cp photo.png pictures/again.png && head -c 300 photo.png >pictures/cut.png
"$DRN" pack pictures -o probe.pack >out 2>err || {
    grep -q 'no packs; build with LMDB' err && { echo "built without LMDB: skipped"; exit 77; }
    cat err
}

run 0 "$DRN" pack pictures -o a.pack
has out '^a.pack: 3 entries of 5 files, 1 broken, 1 duplicates, '
has err '^left out pictures/cut.png: '
has err '^left out pictures/photo.png: same pixels as pictures/again.png'
# A limit on the size of files is told from a broken disk, and no signal.
code=0
(ulimit -f 20 && exec "$DRN" pack pictures -o small.pack -q) >out 2>err </dev/null || code=$?
equal "$code" 1
equal "$(wc -l <err)" 1
has err '^drn: small.pack: cannot write: File too large for the limit (ulimit -f); what it held before is kept'
run 0 "$DRN" pack pictures -o small.pack -q
same small.pack a.pack
run 0 "$DRN" pack pictures -o a.pack -q
has out '^a.pack: 3 entries of 5 files, 1 broken, 1 duplicates, 0.0 MiB new'
[ ! -s err ] || fail "not quiet"
absent a.pack-lock

cat >tiny.yaml <<'END'
model: {scale: 2, channels: 4, modules: 1}
data: {patch: 8, batch: 2}
train: {steps: 4, val_every: 2, threads: 1}
END
train() { "$DRN" train --recipe tiny.yaml --out "$@" -q; }
run 0 train one --data a.pack --val pictures
run 0 train two --data a.pack:3 --data pictures --val a.pack
bad "a.pack was made without a manifest.csv with a split 'val'" train three --data a.pack
bad 'a.pack: begun with the options .reencode=0 shrink_jpeg=0 crop=0., not .reencode=1' \
    "$DRN" pack pictures -o a.pack --reencode -q

# Columns of a manifest.
printf 'file,free,split\nphoto.png,1,train\nphoto.jpg,0,val\n' >pictures/manifest.csv
run 0 "$DRN" pack pictures -o b.pack --crop 32 -q
run 0 train four --data b.pack
run 0 "$DRN" pack pictures -o d.pack --crop 32 --tiles 1 -q
has out '^d.pack: 2 entries of 2 files'
bad "d.pack: begun with the options .*crop=32 tiles=1., not .*crop=32." "$DRN" pack pictures -o d.pack --crop 32 -q
run 2 "$DRN" pack pictures -o e.pack --tiles 2
has err '--tiles is about --crop'
absent e.pack
if ! "$DRN" upscale photo.png -o cuda.png --device cuda -q 2>err; then # without a GPU it says so
    bad "$(sed 's/^drn: //; s/[;(].*//; q' err)" "$DRN" pack pictures --teacher drn-fast-x2 --device cuda -o e.pack -q
    absent e.pack
fi
bad 'b.pack: no pictures of the split test' train five --data b.pack --set data.split=test

for n in 1 5000 20000; do
    head -c $n a.pack >cut.pack
    bad 'cut.pack: ' train six --data cut.pack --val pictures
done
bad 'no.pack: no such folder or pack' train six --data no.pack --val pictures
bad 'photo.png: not a pack' train six --data photo.png --val pictures
bad 'no pictures to train on' train six --val pictures
bad 'missing: no such folder' "$DRN" pack missing -o c.pack -q
mkdir none
bad 'none: no pictures' "$DRN" pack none -o c.pack -q
absent c.pack
bad 'photo.png: not a pack' "$DRN" pack pictures -o photo.png -q
run 2 "$DRN" pack pictures
has err '-o PACK is missing'
run 2 "$DRN" pack -o x.pack
has err 'too few arguments'

# A teacher: the pictures to train on as it makes them, in every form the bits of the two commands; others stay.
mkdir taught shrunk
cp photo.png taught/a.png && cp photo.jpg taught/c.jpg
printf 'file,split\na.png,val\nc.jpg,train\n' >taught/manifest.csv
run 0 "$DRN" pack taught --teacher drn-fast-x2 -x -o taught.pack -q
has out '^taught.pack: 2 entries of 2 files, 0 broken, 0 duplicates'
run 0 "$DRN" downscale taught/c.jpg -s 2 -o shrunk/lr.png
run 0 "$DRN" upscale -m drn-fast-x2 -x shrunk/lr.png -o taught/c.png -q
run 0 train nine --data taught.pack
mv taught/c.png . && rm taught/c.jpg && mv c.png taught && sed -i 's/c.jpg/c.png/' taught/manifest.csv
run 0 train ten --data taught
cut -d, -f1-5 nine/log.jsonl >x && cut -d, -f1-5 ten/log.jsonl >y
same x y
grep -o '"val_psnr":[0-9.]*' nine/log.jsonl >x && grep -o '"val_psnr":[0-9.]*' ten/log.jsonl >y
same x y
bad "begun with the options .* scale=2 ensemble=1 teacher=drn-fast-x2 [0-9a-f]*., not .* ensemble=0 " \
    "$DRN" pack taught --teacher drn-fast-x2 -o taught.pack -q
cp one/model.safetensors teacher.safetensors
run 0 "$DRN" pack taught --teacher teacher.safetensors -o own.pack -q
cp one/model.safetensors one/again.safetensors
run 0 "$DRN" info one/again.safetensors
cp out again && run 0 "$DRN" info teacher.safetensors
grep SHA-256 again >x && grep SHA-256 out >y
same x y
cp nine/model.safetensors teacher.safetensors # another model in its place
bad 'begun with the options .* teacher=teacher.safetensors [0-9a-f]*., not ' \
    "$DRN" pack taught --teacher teacher.safetensors -o own.pack -q

# Several teachers: the mean of what they make, by shares; and a scale that a teacher has in two passes.
lesson() { # NAME MODEL...: what a pack of the photo holds, by the gain of a network that is not trained on it
    rm -f "$1.pack"
    n=$1
    shift
    run 0 "$DRN" pack lesson "$@" -o "$n.pack" -q
    run 0 train "run-$n" --data "$n.pack" --val pictures
    cut -d, -f1-5 "run-$n/log.jsonl" >"$n.log"
}
mkdir lesson && cp photo.png lesson
lesson a --teacher drn-fast-x2
lesson b --teacher drn-fast-x2:2 --teacher drn-fast-x2:1
same a.log b.log
lesson c --teacher drn-fast-x2 --teacher drn-compact-x4 -s 2
lesson d --teacher drn-fast-x2:3 --teacher drn-compact-x4:1 -s 2
lesson e --teacher drn-compact-x4:1 --teacher drn-fast-x2:3 -s 2
! cmp -s a.log c.log || fail 'the second teacher is not heard'
! cmp -s c.log d.log || fail 'shares are not heeded'
same d.log e.log
lesson h --teacher drn-fast-x2:1000 --teacher drn-compact-x4:1e-9 -s 2 # next to nothing of the second
same a.log h.log
bad 'begun with the options .* teachers=2 [0-9a-f]*., not .* teachers=2 ' \
    "$DRN" pack lesson --teacher drn-fast-x2 --teacher drn-compact-x4 -s 2 -o d.pack -q
run 0 "$DRN" downscale photo.png -s 4 -o quarter.png
run 0 "$DRN" upscale -m drn-fast-x2 -s 4 quarter.png -o twice.png -q
lesson f --teacher drn-fast-x2 -s 4
cp twice.png lesson/photo.png
run 0 train run-g --data lesson --val pictures
cut -d, -f1-5 run-g/log.jsonl >g.log
same f.log g.log
bad 'at least 2 times: -s 1' "$DRN" pack taught --teacher drn-fast-x2 -s 1 -o no.pack -q
run 2 "$DRN" pack taught --teacher drn-fast-x2:0 -o no.pack -q
has err 'a share is above 0'
bad 'drn-fast-x2:half' "$DRN" pack taught --teacher drn-fast-x2:half -o no.pack -q
bad 'no-such-model' "$DRN" pack taught --teacher no-such-model -o no.pack -q
run 2 "$DRN" pack taught -x -o no.pack -q
has err 'are about --teacher'
run 2 "$DRN" pack taught --device auto -o no.pack -q
has err 'are about --teacher'
absent no.pack

# Killed again and again, it holds in the end what one run packs.
mkdir many
i=0
while [ $i -lt 60 ]; do
    { printf 'P6 50 50 255\n' && head -c 7500 /dev/urandom; } >many/$i.ppm
    i=$((i + 1))
done
run 0 "$DRN" pack many -o whole.pack --reencode -j 1 -q
kills=0
for t in 1 2 3 4 5 6 7 8; do
    "$DRN" pack many -o parts.pack --reencode -j 2 -q >/dev/null 2>&1 &
    pid=$!
    sleep "0.0$t"
    kill -9 $pid 2>/dev/null && kills=$((kills + 1))
    wait $pid 2>/dev/null
done
echo "$kills kills"
run 0 "$DRN" pack many -o parts.pack --reencode -q
has out 'parts.pack: 60 entries of 60 files, 0 broken, 0 duplicates'
run 0 train seven --data whole.pack --val pictures
run 0 train eight --data parts.pack --val pictures
cut -d, -f1-5 seven/log.jsonl >x && cut -d, -f1-5 eight/log.jsonl >y
same x y
finish
