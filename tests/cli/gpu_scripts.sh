. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The scripts for a GPU node, run on the CPU: a pack and checkpoints in pieces, slices of a run.
tools=$SOURCE/tools/gpu

mkdir pictures && cp photo.png photo.jpg pictures
"$DRN" pack pictures -o probe.pack >out 2>err || {
    grep -q 'no packs; build with LMDB' err && { echo "built without LMDB: skipped"; exit 77; }
}
cat >tiny.yaml <<'END'
name: tiny
model: {scale: 2, channels: 4, modules: 1}
data: {patch: 8, batch: 2}
train: {steps: 400, lr: 1e-3, val_every: 0, save_every: 50, threads: 1}
END

run 0 "$tools/pack" --drn "$DRN" --shard-size 10000 -o in pictures
[ -f in/train.pack.002 ] || fail "not in pieces"
run 0 "$tools/shards" join in train.pack whole.pack
run 0 "$DRN" train --recipe tiny.yaml --data whole.pack --out straight -q

slice() { "$tools/slice" --drn "$DRN" --shard-size 5000 --name tiny "$@"; }
cp -r in next
n=0
while [ $n -lt 60 ]; do # each slice goes on where the one before stopped
    n=$((n + 1))
    run 0 slice --in next --out result --max-time 0.05 -- --recipe tiny.yaml
    cp result/* next
    case $(tail -n 1 out) in *'"step":400,'*) break ;; esac
done
has out '"step":400,'
[ $n -gt 1 ] || fail "one slice did it all: nothing was resumed"
run 0 "$tools/shards" join result tiny.checkpoint.safetensors checkpoint
numbers() { tail -c +$((8 + 1 + $(od -An -t u8 -N 8 "$1"))) "$1"; } # without the header, which has times
numbers checkpoint >one && numbers straight/checkpoint.safetensors >two
[ -s one ] || fail "no numbers"
same one two
equal "$(gzip -dc result/tiny.log.jsonl.gz | wc -l)" 400

# Asked to end, a slice still leaves what its training saved.
mkdir "at work"
TMPDIR="$PWD/at work" "$tools/slice" --drn "$DRN" --shard-size 5000 --name tiny --in in --out "after all" --max-time 100 \
    -- --recipe tiny.yaml --set train.steps=1000000 >out 2>err &
n=0
until [ -f "at work"/*/run/checkpoint.safetensors ] || [ $n -ge 600 ]; do
    n=$((n + 1))
    sleep 0.1
done
kill -TERM $!
wait $! && rc=0 || rc=$?
equal "$rc" 1 # as drn train's own
has err "checkpoint saved"
run 0 "$tools/shards" join "after all" tiny.checkpoint.safetensors whole.checkpoint
[ -s "after all/tiny.model.safetensors" ] || fail "no model"
[ -z "$(ls "at work")" ] || fail "temporary files are left"

# Stages of so many seconds; the second run of a stage begins with the first one's model.
small="--set model.channels=4 --set model.modules=1 --set data.patch=8 --set data.batch=1 --set train.val_every=0"
stages() { "$tools/train" --drn "$DRN" --device cpu "$@"; }
# shellcheck disable=SC2086
run 0 stages -d whole.pack -o "new models" fast-x2=1 -- $small --set train.threads=1 --set train.init_from=
has out '^drn-fast-x2: [1-9][0-9]* steps in '
run 0 "$DRN" info "new models/drn-fast-x2.safetensors"
has out 'drn-fast-x2'
# shellcheck disable=SC2086
run 0 stages -d whole.pack -o "new models" fast-x2=1 -- $small --set train.threads=1
grep -q 'init_from: *"\?new models/drn-fast-x2.safetensors' "new models/run-fast-x2/recipe.yaml" || fail "began anew"
cp "new models/drn-fast-x2.safetensors" kept
run 2 stages -d whole.pack -o "new models" fast-x3=1
run 2 stages -d whole.pack -o "new models" fast-x2=soon
run 1 stages -d nowhere -o "new models" fast-x2=1
has err 'nowhere'
same kept "new models/drn-fast-x2.safetensors"
[ -f "new models/run-fast-x2/model.safetensors" ] || fail "a run that failed took the one before with it"

# A shorter file over a longer one: what is left of that does not count.
cp in/train.pack.000 in/train.pack.099
run 0 "$tools/shards" join in train.pack again.pack
same again.pack whole.pack
rm in/train.pack.099

printf x >>next/train.pack.001
run 1 slice --in next --out other --max-time 5 -- --recipe tiny.yaml
has err 'pieces are missing or damaged'
absent other/tiny.model.safetensors whole.pack.tmp
rm next/train.pack.sum
run 1 slice --in next --out other --max-time 5 -- --recipe tiny.yaml
has err 'train.pack.sum: no such file'
run 2 slice --in next --out other -- --recipe tiny.yaml
run 2 "$tools/shards" split whole.pack
run 0 "$tools/build" --help
finish
