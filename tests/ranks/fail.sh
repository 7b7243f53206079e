. "${SOURCE:?is set by ctest}/tests/ranks/lib.sh"
# A rank that dies or fails ends all, with a message and a checkpoint to go on from.
need_mpi

mkdir pictures
for f in photo.png photo.jpg; do
    "$DRN" downscale "$f" -o small.png -s 2 && "$DRN" upscale small.png -m x4.safetensors -q -W 800 -o pictures/${f#*.}.png
done
cp -r pictures copy
cat >run.yaml <<'END'
model: {scale: 4, channels: 8, modules: 1}
data: {patch: 8, batch: 6, cache_mb: 1}
train: {steps: 100000, lr: 1e-4, schedule: constant, val_every: 0, save_every: 100000, threads: 1}
END
step() { "$DRN" info "$1/checkpoint.safetensors" >/dev/null || fail "no checkpoint in $1"; }
goes_on() {
    run 0 mpi 2 "$DRN" train --recipe run.yaml --data pictures --out "$1" -q --resume --max-time 0.3
    awk -F'[:,]' '$2 != NR { exit 1 }' "$1/log.jsonl" || fail "steps are missing in $1/log.jsonl"
}

# Killed: mpirun ends the others, rank 0 saves what the last step made.
mpirun -n 3 "$DRN" train --recipe run.yaml --data pictures --out killed -q >out 2>err </dev/null &
job=$!
wait_for killed/recipe.yaml
sleep 1.5
pid=$(rank_pid 1 --out killed)
[ -n "$pid" ] || fail "rank 1 is not there"
kill -9 "$pid"
code=0
wait $job || code=$?
equal "$code" 137
has err '^drn: asked to end, and another rank does not answer.*; the checkpoint of step [0-9]* is saved, go on with --resume'
goes_on killed

# Rank 0 killed: the checkpoint of before is whole.
mpirun -n 2 "$DRN" train --recipe run.yaml --data pictures --out first -q --set train.save_every=5 >out 2>err </dev/null &
job=$!
wait_for first/checkpoint.safetensors
kill -9 "$(rank_pid 0 --out first)"
code=0
wait $job || code=$?
equal "$code" 137
goes_on first

# Rank 1 loses its pictures.
(wait_for lost/recipe.yaml; sleep 1.5; rm copy/*) &
run 1 mpi 1 "$DRN" train --recipe run.yaml --data pictures --out lost -q : \
    -n 1 "$DRN" train --recipe run.yaml --data copy --out lost -q
equal "$(grep -c '^drn: ' err)" 1
has err '^drn: rank 1: .*; the checkpoint of step [0-9]* is saved, go on with --resume'
goes_on lost

# Rank 0 cannot write its checkpoint: the other ranks end, too.
(wait_for full/recipe.yaml; until mkdir full/checkpoint.safetensors 2>/dev/null; do rm -f full/checkpoint.safetensors; done) &
run 1 mpi 3 "$DRN" train --recipe run.yaml --data pictures --out full -q --set train.save_every=20 --set data.cache_mb=64
equal "$(grep -c '^drn: ' err)" 1
has err '^drn: full/checkpoint.safetensors: '

# A loss that is not finite: as with one process.
run 1 mpi 2 "$DRN" train --recipe run.yaml --data pictures --out nan -q --set train.lr=1000 --set loss.kind=mse
equal "$(grep -c '^drn: ' err)" 1
has err 'is not finite at step [0-9]*; the last good checkpoint is not written yet'
finish
