. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# A run from the command line: its files, its limits, what it refuses.

mkdir pictures && cp photo.png photo.jpg pictures
cat >tiny.yaml <<'END'
name: tiny
model: {scale: 2, channels: 4, modules: 1}
data: {patch: 8, batch: 2}
train: {steps: 6, val_every: 3, save_every: 2, threads: 1}
END
train() { "$DRN" train --recipe tiny.yaml --data pictures --val pictures "$@"; }

run 0 train --out a -q
[ ! -s err ] || fail "not quiet"
for f in recipe.yaml log.jsonl checkpoint.safetensors model.safetensors best.safetensors; do
    [ -s "a/$f" ] || fail "no a/$f"
done
equal "$(wc -l <a/log.jsonl)" 6
sed -n 6p a/log.jsonl >last.json
equal "$(json last.json step)" 6
# Over bicubic, as measured apart; here the validation pictures are those trained on.
run 0 "$DRN" evaluate -m bicubic -s 2 --data pictures --json
cp out bicubic.json
near "$(json last.json val_gain)" \
    "$(awk -v a="$(json last.json val_psnr)" -v b="$(json bicubic.json mean.psnr)" 'BEGIN { print a - b }')" 1e-4
equal "$(json last.json seen_gain)" "$(json last.json val_gain)"
run 0 train --out unseen -q --set train.val_seen=0
grep -q seen_gain unseen/log.jsonl && fail "measured what was not asked for"
run 0 train --out central -q --set train.val_crop=40
sed -n 6p central/log.jsonl >central.json
equal "$(json central.json seen_gain)" "$(json central.json val_gain)"
# Of a large picture the middle; what bicubic gives back exactly, and what is too small, is left out.
mkdir sizes && "$TOOL" large sizes/large.ppm 500 420 && printf 'P6 4 4 255\n%048d' 0 >sizes/tiny.ppm
{ printf 'P6 64 64 255\n' && head -c 12288 /dev/zero; } >sizes/black.ppm
sized() { "$DRN" train --recipe tiny.yaml --data sizes --val sizes -q "$@"; }
run 0 sized --out whole
run 0 sized --out middle --set train.val_crop=384
sed -n 6p whole/log.jsonl >whole.json && sed -n 6p middle/log.jsonl >middle.json
equal "$(json middle.json seen_gain)" "$(json middle.json val_gain)"
equal "$(json whole.json seen_gain)" "$(json middle.json val_gain)"
[ "$(json whole.json val_gain)" != "$(json middle.json val_gain)" ] || fail "the middle is the whole"
rm sizes/large.ppm sizes/tiny.ppm
run 0 sized --out black
grep -q 'val_psnr\|_gain' black/log.jsonl && fail "measured on what bicubic gives back exactly"
cp photo.png sizes && run 0 sized --out both
sed -n 6p both/log.jsonl >both.json
rm sizes/black.ppm
near "$(json both.json val_gain)" "$(awk -v a="$(json both.json val_psnr)" -v b="$("$DRN" evaluate -m bicubic -s 2 \
    --data sizes --json | sed -n 's/^ *"psnr": \([0-9.]*\).*/\1/p' | tail -n 1)" 'BEGIN { print a - b }')" 1e-4
run 0 "$DRN" upscale grey.png -o grey2.png -m a/model.safetensors
# The recipe as it was used runs again to the same bits of the log's losses.
run 0 "$DRN" train --recipe a/recipe.yaml --data pictures --val pictures --out again
has err 'busy [0-9.]* %'
has err '^drn: 2 pictures of --val are also trained on, .* one is pictures/photo'
mkdir apart && cp photo.png apart && cp grey.png apart/other.png
run 0 "$DRN" train --recipe tiny.yaml --data pictures --val apart --out quite-apart
grep -q 'also trained on' err && fail "equal names are not equal pictures"
run 0 "$DRN" train --recipe tiny.yaml --data . --val pictures/../apart --out elsewhere
has err '^drn: 2 pictures of --val are also trained on'
cut -d, -f1-5 a/log.jsonl >one && cut -d, -f1-5 again/log.jsonl >two
same one two

run 0 train --out timed --set train.steps=100000 --set train.val_every=0 --max-time 0.2
has err 'time is up at step [0-9]* of 100000; go on with --resume'
run 0 train --out timed --set train.steps=100000 --set train.val_every=0 --max-time 0.1s --resume -q
for time in 0 x 5x -3 '' nan; do
    run 2 train --out b --max-time "$time"
    has err -- '--max-time wants a time'
done

run 0 train --out again --resume
has err 'no step was left to make'
bad 'a/checkpoint.safetensors exists; go on with --resume' train --out a -q
bad 'nothing/checkpoint.safetensors does not exist; start the run without' train --out nothing --resume -q
bad 'train.lr was 0.001, is 0.5' train --out a --resume -q --set train.lr=0.5
bad 'architecture' train --out a --resume -q --set model.channels=5
printf 'model:\n  chanels: 3\n' >wrong.yaml
bad "wrong.yaml:2: unknown key 'model.chanels'" "$DRN" train --recipe wrong.yaml --data pictures --out b -q
bad "data.batch is 'two'" train --out b -q --set data.batch=two
bad "'5:9' is not of the form STEP:PATCHxBATCH" train --out b -q --set data.sizes=5:9
mkdir none
bad 'none: no pictures' "$DRN" train --recipe tiny.yaml --data none --val pictures --out b -q
bad 'none: no pictures' "$DRN" train --recipe tiny.yaml --data pictures --val none --out b -q
bad "no manifest.csv with a split 'val'; name a validation folder with --val" \
    "$DRN" train --recipe tiny.yaml --data pictures --out b -q
mkdir broken && head -c 900 photo.png >broken/a.png && echo text >broken/b.png
bad 'no validation picture is usable; last: broken/' \
    "$DRN" train --recipe tiny.yaml --data pictures --val broken --out b -q
bad 'no picture is readable and at least 16x16 pixels; last: broken/' \
    "$DRN" train --recipe tiny.yaml --data broken --val pictures --out c -q
# Models that no run has made there stay.
for model in model best; do
    rm -rf kept && mkdir kept && cp a/best.safetensors kept/$model.safetensors
    bad "kept/$model.safetensors exists, but not by a run" train --out kept -q
    same kept/$model.safetensors a/best.safetensors
    equal "$(ls kept)" $model.safetensors
done
# The pictures that a run inside the data makes are no data: it goes on.
mkdir inside && cp photo.png photo.jpg inside
run 0 "$DRN" train --recipe tiny.yaml --data inside --val pictures --out inside/run -q
[ -s inside/run/pictures/00-result.png ] || fail "no pictures of the run"
run 0 "$DRN" train --recipe tiny.yaml --data inside --val pictures --out inside/run -q --resume --set train.steps=9
equal "$(wc -l <inside/run/log.jsonl)" 9
head -c 700 a/checkpoint.safetensors >cut && mkdir d && mv cut d/checkpoint.safetensors
bad 'd/checkpoint.safetensors' train --out d --resume -q
finish
